#include "octet/formats/data/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "octet/base/error.h"
#include "octet/base/read_file.h"

namespace octet::formats {
namespace {

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += line[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

std::size_t column(const std::vector<std::string>& header, const std::string& name, const std::string& path) {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found == header.end()) {
    throw Error(ErrorKind::bad_input, fmt::format("the labels have no column '{}'", name))
        .file(path)
        .value(fmt::format("{}", fmt::join(header, ",")))
        .expected("a first line with the columns file,label");
  }
  return static_cast<std::size_t>(found - header.begin());
}

}  // namespace

std::vector<std::pair<std::string, std::int64_t>> load_labels(const std::string& path) {
  std::string text = read_file(path);
  if (text.rfind("\xef\xbb\xbf", 0) == 0) text.erase(0, 3);  // a byte order mark
  std::istringstream in(text);
  std::vector<std::pair<std::string, std::int64_t>> out;
  std::size_t file_column = 0, label_column = 0;
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (++number == 1) {
      file_column = column(split(line), "file", path);
      label_column = column(split(line), "label", path);
      continue;
    }
    if (line.empty()) continue;
    const std::vector<std::string> fields = split(line);
    std::int64_t label = -1;
    const std::string text_label = label_column < fields.size() ? fields[label_column] : "";
    const auto [end, error] = std::from_chars(text_label.data(), text_label.data() + text_label.size(), label);
    if (file_column >= fields.size() || fields[file_column].empty() || error != std::errc() ||
        end != text_label.data() + text_label.size() || label < 0) {
      throw Error(ErrorKind::bad_input, fmt::format("line {} of the labels is malformed", number))
          .file(path)
          .value(line)
          .expected("a file and a whole number");
    }
    out.emplace_back(fields[file_column], label);
  }
  if (number == 0) column({}, "file", path);
  return out;
}

}  // namespace octet::formats
