// build/bench/write_page FOLDER PAGE: what bench/run.sh has left in a folder, as PAGE.md and PAGE.json. Sections that
// the folder does not hold are those of the PAGE.json that is there.
#include <fmt/format.h>

#include <fstream>

#include "bench/page/sections.h"

namespace octet::bench {
namespace {

std::string introduction(const Json& results) {
  std::string out =
      "# Benchmarks\n\nWritten by `./dev bench` from what it measured, nothing by hand; all figures are in "
      "`benchmarks.json` beside this page. Ours and the peers take turns in every section; unless a table says "
      "otherwise "
      "a figure is the least of all turns. \"Reached\" compares with what this project asks of itself.\n\n";
  const Json versions = results.value("networks", Json::object()).value("versions", Json::object());
  std::string names;
  for (const auto& [name, version] : versions.items()) {
    if (version.is_null()) continue;
    names += fmt::format("{}{} {}", names.empty() ? "" : ", ", name,
                         version.is_string() ? version.get<std::string>() : version.dump());
  }
  return names.empty() ? out : out + "Machine and versions: " + names + ".\n\n";
}

// What follows from the rest takes no room in the file.
void drop_derived(Json& results) {
  if (!results.contains("limits")) return;
  for (Json& line : results["limits"]) {
    for (Json& step : line["result"]["operators"]) {
      for (const char* key : {"share", "gops", "fraction_of_limit"}) step.erase(key);
    }
  }
}

int run(const std::filesystem::path& folder, const std::string& page) {
  Json results = read_results(folder, read_json(page + ".json"));
  drop_derived(results);
  std::ofstream(page + ".md") << introduction(results) << networks_section(results) << linear_section(results)
                              << kernels_section(results) << avx2_section(results) << overheads_section(results)
                              << training_section(results) << limits_section(results);
  std::ofstream(page + ".json") << results.dump(1) << "\n";
  return 0;
}

}  // namespace
}  // namespace octet::bench

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: write_page FOLDER PAGE\n");
    return 2;
  }
  return octet::bench::run(argv[1], argv[2]);
}
