// octet_bench_page DIRECTORY PAGE: what bench/run.sh has measured, as PAGE.md and PAGE.json.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace {

using Json = nlohmann::ordered_json;

Json read(const std::filesystem::path& file, Json fallback) {
  std::ifstream in(file);
  return in ? Json::parse(in) : std::move(fallback);
}

Json read_lines(const std::filesystem::path& file) {
  Json rows = Json::array();
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) rows.push_back(Json::parse(line));
  return rows;
}

std::string kernels_table(const Json& kernels) {
  std::string out =
      "## Kernels, one thread\n\nProcessor time, the least of many runs, ours and oneDNN's taking turns. The peak is a "
      "loop of the named instruction on registers, measured in the same turns.\n\n"
      "| kernel | us | Gop/s | of the peak | oneDNN Gop/s | oneDNN's time over ours | limited by |\n"
      "| --- | --- | --- | --- | --- | --- | --- |\n";
  for (const Json& k : kernels) {
    out += fmt::format("| {} | {:.0f} | {:.0f} | {:.0f} % of {} | {:.0f} | {:.2f} | {} |\n",
                       k["name"].get<std::string>(), k["us"].get<double>(), k["gops"].get<double>(),
                       100 * k["gops"].get<double>() / k["peak_gops"].get<double>(), k["peak"].get<std::string>(),
                       k["onednn_gops"].get<double>(), k["onednn_us"].get<double>() / k["us"].get<double>(),
                       k["limit"].get<std::string>());
  }
  return out + "\n";
}

std::string networks_table(const Json& networks) {
  std::string out =
      "## Networks, ours\n\nMilliseconds, the least of interleaved rounds; the probe is a large product of ours in the "
      "same rounds.\n\n| network | batch | threads | int8 ms | float ms | float over int8 | peak memory MB | probe "
      "Gop/s |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n";
  for (const Json& row : networks) {
    const Json& r = row["result"];
    const double int8 = r["min_ms"].get<double>(), real = r["against"]["min_ms"].get<double>();
    out += fmt::format("| {} | {} | {} | {:.3f} | {:.3f} | {:.2f} | {:.1f} | {:.0f} |\n",
                       row["name"].get<std::string>(), r["batch"].get<int>(), r["threads"].get<int>(), int8, real,
                       real / int8, r["peak_memory_bytes"].get<double>() * 1e-6, r["probe"]["int8_gops"].get<double>());
  }
  return out + "\n";
}

// Where the time of a network goes: its slowest steps.
std::string profiles(const Json& networks) {
  std::string out = "## Where the time goes (batch 1, one thread)\n\n";
  for (const Json& row : networks) {
    if (!row["result"].contains("operators")) continue;
    std::vector<Json> steps = row["result"]["operators"].get<std::vector<Json>>();
    double all = 0;
    for (const Json& step : steps) all += step["ms"].get<double>();
    std::sort(steps.begin(), steps.end(),
              [](const Json& a, const Json& b) { return a["ms"].get<double>() > b["ms"].get<double>(); });
    out += fmt::format("**{}**\n\n| step | kernel | us | share |\n| --- | --- | --- | --- |\n",
                       row["name"].get<std::string>());
    for (std::size_t i = 0; i < steps.size() && i < 8; ++i) {
      const double ms = steps[i]["ms"].get<double>();
      out += fmt::format("| {} | {} | {:.1f} | {:.1f} % |\n", steps[i]["name"].get<std::string>(),
                         steps[i]["kernel"].get<std::string>(), ms * 1000, 100 * ms / all);
    }
    out += "\n";
  }
  return out;
}

std::string peers_table(const Json& peers) {
  if (!peers.contains("latency")) return "## Peers\n\nNot measured: their Python was not available.\n";
  std::string out =
      "## Peers\n\nMilliseconds, the least of interleaved rounds (`peers.py`).\n\n| network | engine | cell | ms |\n"
      "| --- | --- | --- | --- |\n";
  for (const auto& [network, engines] : peers["latency"].items()) {
    for (const auto& [engine, cells] : engines.items()) {
      for (const auto& [cell, values] : cells.items()) {
        if (!values.is_object() || !values.contains("min_ms") || !values["min_ms"].is_number()) continue;
        out += fmt::format("| {} | {} | {} | {:.3f} |\n", network, engine, cell, values["min_ms"].get<double>());
      }
    }
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: octet_bench_page DIRECTORY PAGE\n");
    return 2;
  }
  const std::filesystem::path from = argv[1];
  const std::string page = argv[2];
  const Json kernels = read(from / "kernels.json", Json::array()), networks = read_lines(from / "networks.jsonl"),
             peers = read(from / "peers.json", Json::object());
  std::ofstream(page + ".md")
      << "# Benchmarks\n\nWritten by `./dev bench`; the numbers are in `benchmarks.json` beside "
         "this page.\n\n"
      << kernels_table(kernels) << networks_table(networks) << profiles(networks) << peers_table(peers);
  std::ofstream(page + ".json") << Json{{"kernels", kernels}, {"networks", networks}, {"peers", peers}}.dump(1) << "\n";
  return 0;
}
