// Tables for a terminal or a file: aligned columns, no lines, safe for any names.
//
//   Table table({{"layer"}, {"macs", Table::right}});
//   table.add({name, count_text(macs)});
//   fmt::print("{}", table.text(terminal_width));
#pragma once

#include <string>
#include <vector>

namespace octet::report {

class Table {
 public:
  enum Align { left, right };
  struct Column {
    std::string title;
    Align align = left;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// As many cells as columns; each is made safe to show.
  void add(const std::vector<std::string>& cells);
  bool empty() const { return rows_.empty(); }

  /// Lines ending in '\n'. With a width (columns of the terminal), left-aligned columns are shortened to fit;
  /// where that is not enough each row becomes lines of "title: cell". 0: no limit.
  std::string text(int width = 0) const;

 private:
  std::vector<int> natural_widths() const;
  std::string as_columns(const std::vector<int>& widths) const;
  std::string as_records(int width) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace octet::report
