// What type of value each attribute of ONNX's operators takes.
#pragma once

#include <optional>
#include <string_view>

#include "octet/graph/graph.h"

namespace octet::ops {

/// In the order of AttributeValue's alternatives.
enum class AttributeType { integer, real, text, tensor, graph, integers, reals, texts };

const char* to_string(AttributeType type);

/// The type that attribute `name` of operator `op` (ONNX's domain) takes; nothing if it is not listed.
/// Source: the operator schemas of ONNX.
std::optional<AttributeType> attribute_type(std::string_view op, std::string_view name);

}  // namespace octet::ops
