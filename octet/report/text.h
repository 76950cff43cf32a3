// Text for people: names from files made safe to show, numbers made short, widths counted as a terminal does.
#pragma once

#include <cstdint>
#include <string>

namespace octet::report {

/// `text` as it may be shown anywhere: control characters (C0, DEL, C1), direction overrides and bytes that
/// are no UTF-8 are written as \xNN.
std::string safe(const std::string& text);
/// Columns that UTF-8 text takes in a terminal: 2 for East Asian wide characters, 0 for combining marks.
int display_width(const std::string& text);
/// At most `width` columns: the middle is replaced by an ellipsis.
std::string shorten(const std::string& text, int width);

std::string bytes_text(std::int64_t bytes);  ///< "1.21 MB" (powers of ten)
std::string count_text(std::int64_t count);  ///< "41.2 M"
std::string milliseconds(double value);      ///< "12.3 ms", "0.0123 ms": three digits
std::string percent(double share);           ///< 0.8102 -> "81.02 %"

}  // namespace octet::report
