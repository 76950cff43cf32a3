#include "octet/graph/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace octet::text {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
         std::string_view("_.:/-$@+").find(c) != std::string_view::npos;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string word(std::string_view text) {
  const bool plain = !text.empty() && text != "_" && !is_digit(text[0]) && text[0] != '-' && text[0] != '+' &&
                     text.back() != ':' && std::all_of(text.begin(), text.end(), is_word_character);
  return plain ? std::string(text) : quoted(text);
}

std::string base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = (group << 8) | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) out += k <= count ? kDigits[(group >> (18 - 6 * k)) & 63u] : '=';
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t group = 0;
    std::size_t count = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const char c = text[i + k];
      const std::size_t digit = kDigits.find(c);
      const bool padding = c == '=' && k >= 2 && i + 4 == text.size();
      if (digit == std::string_view::npos && !padding) return std::nullopt;
      if (!padding && count != k) return std::nullopt;  // a digit after padding
      if (!padding) ++count;
      group = (group << 6) | (padding ? 0u : static_cast<std::uint32_t>(digit));
    }
    for (std::size_t k = 0; k + 1 < count; ++k) out += static_cast<char>((group >> (16 - 8 * k)) & 255u);
  }
  return out;
}

std::optional<DType> dtype_of(std::string_view name) {
  for (int code = 1; code <= 16; ++code) {
    const auto dtype = static_cast<DType>(code);
    if (code != 14 && code != 15 && name == to_string(dtype)) return dtype;
  }
  return std::nullopt;
}

}  // namespace octet::text
