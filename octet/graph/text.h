// The small parts of the text form of a graph that printer and parser share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "octet/graph/graph.h"

namespace octet::text {

inline constexpr int kMaxInline = 16;    ///< tensors of more elements are written as base64
inline constexpr int kMaxNesting = 100;  ///< subgraphs within subgraphs

/// In double quotes; quotes, backslashes and control characters escaped (\" \\ \xNN).
std::string quoted(std::string_view text);
/// As it is where it is a plain word (letters, digits and _ . : / - $ @ +, no digit first), otherwise quoted.
std::string word(std::string_view text);
bool is_word_character(char c);

std::string base64(std::string_view bytes);
/// Nothing if `text` is not base64.
std::optional<std::string> from_base64(std::string_view text);

/// The names of attribute types in the order of AttributeValue's alternatives.
inline constexpr std::string_view kAttributeTypes[] = {"int",   "float", "string", "tensor",
                                                       "graph", "ints",  "floats", "strings"};

std::optional<DType> dtype_of(std::string_view name);

}  // namespace octet::text
