#include "bench/page/results.h"

#include <fmt/format.h>

#include <fstream>
#include <limits>
#include <regex>
#include <set>

namespace octet::bench {
namespace {

Json read_lines(const std::filesystem::path& file) {
  Json rows = Json::array();
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) rows.push_back(Json::parse(line));
  return rows;
}

// Names of nodes look like paths; they are left alone.
void cut_paths(Json& json, const std::string& key) {
  if (json.is_structured()) {
    for (auto& item : json.items()) cut_paths(item.value(), json.is_object() ? item.key() : key);
  } else if (json.is_string() && key != "name") {
    static const std::regex path(R"((^|[\s'"=(])/(?:[^\s/'":,]+/)+)");
    json = std::regex_replace(json.get<std::string>(), path, "$1");
  }
}

std::string machine_line(const Json& results, const std::string& section) {
  const Json before = results.value(section + ".before", Json::object());
  const Json after = results.value(section + ".after", before);
  if (before.empty()) return "";
  std::string out = fmt::format(
      "The machine before and after, one thread: {} / {} Gop/s of int8 ({}), {} / {} Gflop/s of float ({}); GB/s read "
      "from",
      text(number(before, {"int8_gops"}), 0), text(number(after, {"int8_gops"}), 0),
      before["int8_loop"].get<std::string>(), text(number(before, {"float_gflops"}), 0),
      text(number(after, {"float_gflops"}), 0), before["float_loop"].get<std::string>());
  for (std::size_t i = 0; i < before["levels"].size(); ++i) {
    out +=
        fmt::format("{} {} {} / {}", i == 0 ? "" : ",", before["levels"][i]["name"].get<std::string>(),
                    text(number(before["levels"][i], {"gbytes"}), 0), text(number(after["levels"][i], {"gbytes"}), 0));
  }
  return out + ".\n\n";
}

std::vector<std::string> asked(double value, double limit, const std::string& unit, bool more) {
  const char* reached = (more ? value >= limit : value <= limit) ? "yes" : "**no**";
  return {fmt::format("{} {:g}{}", more ? "at least" : "at most", limit, unit), std::isnan(value) ? "-" : reached};
}

}  // namespace

Json read_json(const std::filesystem::path& file) {
  std::ifstream in(file);
  Json json = in ? Json::parse(in, nullptr, false) : Json::object();
  return json.is_discarded() ? Json::object() : json;
}

Json read_results(const std::filesystem::path& folder, Json older) {
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.insert(entry.path());
  for (const auto& file : files) {
    if (file.extension() == ".json") older[file.stem().string()] = read_json(file);
    if (file.extension() == ".jsonl") older[file.stem().string()] = read_lines(file);
  }
  cut_paths(older, "");
  return older;
}

double number(const Json& json, const std::vector<std::string>& keys) {
  const Json* at = &json;
  for (const std::string& key : keys) {
    if (!at->is_object() || !at->contains(key)) return kNothing;
    at = &(*at)[key];
  }
  return at->is_number() ? at->get<double>() : kNothing;
}

double least(const Json& lines, const std::string& name, const std::string& key) {
  double out = kNothing;
  for (const Json& line : lines) {
    if (line["name"] == name) out = std::fmin(out, number(line, {"result", key}));
  }
  return out;
}

double largest(const Json& lines, const std::string& name, const std::string& key) {
  double out = kNothing;
  for (const Json& line : lines) {
    if (line["name"] == name) out = std::fmax(out, number(line, {"result", key}));
  }
  return out;
}

std::string row(const std::vector<std::string>& cells, const std::vector<std::string>& more) {
  std::string out = "|";
  for (const auto* list : {&cells, &more}) {
    for (const std::string& cell : *list) out += " " + cell + " |";
  }
  return out + "\n";
}

std::string head(const std::vector<std::string>& cells) {
  return row(cells) + row(std::vector<std::string>(cells.size(), "---"));
}

std::string text(double value, int digits) { return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, digits); }
std::string milliseconds(double value) { return text(value, value < 10 ? 3 : value < 100 ? 2 : 1); }
std::string percent(double share) { return std::isnan(share) ? "-" : fmt::format("{:.0f} %", 100 * share); }
std::string megabytes(double bytes) { return text(bytes * 1e-6, 1); }

std::vector<std::string> at_least(double value, double limit, const std::string& unit) {
  return asked(value, limit, unit, true);
}
std::vector<std::string> at_most(double value, double limit, const std::string& unit) {
  return asked(value, limit, unit, false);
}
std::vector<std::string> nothing_asked() { return {"", ""}; }

std::string section_head(const Json& results, const std::string& title, const std::string& section,
                         const std::string& words) {
  return fmt::format("## {}\n\n`./dev bench --only {}`. {}\n\n{}", title, section, words,
                     machine_line(results, section));
}

}  // namespace octet::bench
