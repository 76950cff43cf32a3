#include "octet/report/text.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <vector>

namespace octet::report {
namespace {

struct Character {
  char32_t code = 0;
  std::size_t bytes = 0;  ///< 0: no UTF-8 here
};

// One character of UTF-8 as the Unicode standard admits it: shortest form, no surrogates.
Character decode(const std::string& text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return {first, 1};
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + bytes > text.size()) return {};
  char32_t code = first & (0xffu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(at + i) & 0xc0u) != 0x80) return {};
    code = code << 6 | (byte(at + i) & 0x3fu);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[bytes] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return {};
  return {code, bytes};
}

bool hidden(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

bool combining(char32_t code) {
  return (code >= 0x300 && code <= 0x36f) || (code >= 0x1ab0 && code <= 0x1aff) || (code >= 0x20d0 && code <= 0x20ff) ||
         (code >= 0xfe00 && code <= 0xfe0f) || (code >= 0xfe20 && code <= 0xfe2f);
}

bool wide(char32_t code) {
  return (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
         (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
         (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
         (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x1f300 && code <= 0x1faff) ||
         (code >= 0x20000 && code <= 0x3fffd);
}

int columns(char32_t code) { return combining(code) ? 0 : wide(code) ? 2 : 1; }

// 12345 -> "12.3 k": three digits and a unit.
std::string short_number(double value, const std::array<const char*, 5>& units) {
  std::size_t unit = 0;
  while (std::abs(value) >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  const int digits = unit == 0 ? 0 : std::abs(value) < 9.995 ? 2 : std::abs(value) < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f}{}", value, digits, units[unit]);
}

}  // namespace

std::string safe(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const Character c = decode(text, at);
    const std::size_t bytes = c.bytes == 0 ? 1 : c.bytes;
    if (c.bytes == 0 || hidden(c.code)) {
      for (std::size_t i = 0; i < bytes; ++i) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at + i]));
    } else {
      out.append(text, at, bytes);
    }
    at += bytes;
  }
  return out;
}

int display_width(const std::string& text) {
  int width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Character c = decode(text, at);
    width += c.bytes == 0 ? 1 : columns(c.code);
    at += c.bytes == 0 ? 1 : c.bytes;
  }
  return width;
}

std::string shorten(const std::string& text, int width) {
  if (display_width(text) <= width) return text;
  if (width < 1) return {};
  // Columns at which each character begins, to cut at both ends.
  std::vector<std::size_t> begins;
  for (std::size_t at = 0; at < text.size();) {
    begins.push_back(at);
    const Character c = decode(text, at);
    at += c.bytes == 0 ? 1 : c.bytes;
  }
  begins.push_back(text.size());
  const auto part = [&](std::size_t first, std::size_t last) {
    return text.substr(begins[first], begins[last] - begins[first]);
  };
  const std::size_t count = begins.size() - 1;
  std::size_t head = 0, tail = count;
  const int head_columns = width / 2, tail_columns = width - 1 - head_columns;
  while (head < count && display_width(part(0, head + 1)) <= head_columns) ++head;
  while (tail > head && display_width(part(tail - 1, count)) <= tail_columns) --tail;
  return part(0, head) + "…" + part(tail, count);
}

std::string bytes_text(std::int64_t bytes) {
  return short_number(static_cast<double>(bytes), {" B", " kB", " MB", " GB", " TB"});
}

std::string count_text(std::int64_t count) {
  return short_number(static_cast<double>(count), {"", " k", " M", " G", " T"});
}

std::string milliseconds(double value) {
  const int digits = value < 0.0995 ? 4 : value < 0.995 ? 3 : value < 9.95 ? 2 : value < 99.5 ? 1 : 0;
  return fmt::format("{:.{}f} ms", value, digits);
}

std::string percent(double share) { return fmt::format("{:.2f} %", 100 * share); }

}  // namespace octet::report
