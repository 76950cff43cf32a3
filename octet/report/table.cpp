#include "octet/report/table.h"

#include <algorithm>
#include <numeric>

#include "octet/report/text.h"

namespace octet::report {
namespace {

constexpr int kGap = 2, kLeastText = 8;

}  // namespace

void Table::add(const std::vector<std::string>& cells) {
  rows_.emplace_back();
  for (const std::string& cell : cells) rows_.back().push_back(safe(cell));
  rows_.back().resize(columns_.size());
}

std::vector<int> Table::natural_widths() const {
  std::vector<int> widths;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    int width = display_width(columns_[c].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[c]));
    widths.push_back(width);
  }
  return widths;
}

std::string Table::text(int width) const {
  std::vector<int> widths = natural_widths();
  const int gaps = kGap * static_cast<int>(columns_.size() - 1);
  int excess = width <= 0 ? 0 : std::accumulate(widths.begin(), widths.end(), gaps) - width;
  while (excess > 0) {  // the widest text gives way first
    auto widest = widths.end();
    for (auto w = widths.begin(); w != widths.end(); ++w) {
      const bool shrinks = columns_[static_cast<std::size_t>(w - widths.begin())].align == left && *w > kLeastText;
      if (shrinks && (widest == widths.end() || *w > *widest)) widest = w;
    }
    if (widest == widths.end()) return as_records(width);
    --*widest;
    --excess;
  }
  return as_columns(widths);
}

std::string Table::as_columns(const std::vector<int>& widths) const {
  std::string out;
  const auto line = [&](const auto& cell_of) {
    std::string text;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const std::string cell = shorten(cell_of(c), widths[c]);
      const std::string space(static_cast<std::size_t>(std::max(0, widths[c] - display_width(cell))), ' ');
      if (c != 0) text.append(kGap, ' ');
      text += columns_[c].align == right ? space + cell : cell + space;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + '\n';
  };
  line([&](std::size_t c) { return columns_[c].title; });
  for (const auto& row : rows_) line([&](std::size_t c) { return row[c]; });
  return out;
}

std::string Table::as_records(int width) const {
  std::string out;
  for (const auto& row : rows_) {
    if (!out.empty()) out += '\n';
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (!row[c].empty()) out += shorten(columns_[c].title + ": " + row[c], std::max(width, 2 * kLeastText)) + '\n';
    }
  }
  return out;
}

}  // namespace octet::report
