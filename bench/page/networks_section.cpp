#include <fmt/format.h>

#include <algorithm>

#include "bench/page/network_times.h"
#include "bench/page/sections.h"

namespace octet::bench {
namespace {

const std::vector<Network>& all_networks() {
  static const std::vector<Network> networks = {
      {"ResNet-20, static", {"resnet20-cifar10"}, "octet", {1, 16}},
      {"ResNet-56, static", {"resnet56-cifar10"}, "octet", {1, 16}},
      {"SqueezeNet 1.1, static", {"squeezenet1.1-imagenet"}, "octet", {1, 16}},
      {"EfficientNet-Lite0, static", {"efficientnet-lite0"}, "octet", {1, 16}},
      {"PP-LCNet orientation, static", {"pplcnet-orientation"}, "octet", {1, 16}},
      {"MiniLM, 128 tokens, static", {"all-minilm-l6-v2"}, "octet", {1, 16}},
      {"MiniLM, 128 tokens, dynamic", {"all-minilm-l6-v2"}, "octet-dynamic", {1, 16}},
      {"PP-OCR rec, 48x320, static", {"ppocr-rec"}, "octet", {1}},
      {"silero-vad, one window, static", {"silero-vad"}, "octet", {1}},
      {"NSNet2, 100 frames, dynamic", {"nsnet2"}, "octet", {1}},
      {"DTLN, both parts, one block, dynamic", {"dtln_1", "dtln_2"}, "octet", {1}}};
  return networks;
}

std::string end_to_end(const Times& times) {
  std::string out = head({"network", "batch", "threads", "best peer", "its ms", "Octet int8 ms", "its time over ours",
                          "asked", "reached"});
  double logs = 0, lowest = kNothing;
  int cells = 0, below = 0;
  std::string where;
  for (const Network& network : all_networks()) {
    for (const int batch : network.batches) {
      for (const int threads : {1, 2}) {
        const auto best = times.best_peer(network, batch, threads, false);
        const double ours = times.of(network, network.ours, batch, threads), ratio = best.ms / ours;
        out += row({network.label, std::to_string(batch), std::to_string(threads), best.engine, milliseconds(best.ms),
                    milliseconds(ours), text(ratio, 2)},
                   at_least(ratio, 1.15));
        if (std::isnan(ratio)) continue;
        logs += std::log(ratio);
        ++cells;
        below += ratio < 1.15;
        if (!(ratio >= lowest)) {
          lowest = ratio;
          where = fmt::format("{}, batch {}, {} thread{}", network.label, batch, threads, threads == 1 ? "" : "s");
        }
      }
    }
  }
  if (cells == 0) return out + "\nNo peer was measured.\n\n";
  const double mean = std::exp(logs / cells);
  return out + "\n" + head({"of all cells", "measured", "asked", "reached"}) +
         row({fmt::format("geometric mean of {} cells", cells), text(mean, 2)}, at_least(mean, 1.45)) +
         row({"least cell: " + where, text(lowest, 2)}, at_least(lowest, 1.15)) +
         row({"cells under 1.15", std::to_string(below)}, at_most(below, 0)) + "\n";
}

std::string two_threads(const Times& times) {
  std::string out = "### Two threads against one, batch 16\n\n" +
                    head({"network", "Octet: one thread's time over two's", "best peer with two threads: the same"});
  for (const Network& network : all_networks()) {
    if (network.batches.size() < 2) continue;
    const std::string peer = times.best_peer(network, 16, 2, false).engine;
    out +=
        row({network.label, text(times.of(network, network.ours, 16, 1) / times.of(network, network.ours, 16, 2), 2),
             fmt::format("{} ({})", text(times.of(network, peer, 16, 1) / times.of(network, peer, 16, 2), 2), peer)});
  }
  return out + "\n";
}

std::string float_table(const Times& times) {
  std::string out = "### Float\n\nfp32 beside the peers' fp32, in the same rounds.\n\n" +
                    head({"network", "batch", "threads", "best peer", "its ms", "Octet fp32 ms", "ours over its",
                          "asked", "reached"});
  for (const Network& network : all_networks()) {
    if (std::string(network.ours) != "octet") continue;
    std::string label = network.label;
    label.erase(label.rfind(','));  // "static" says nothing here
    for (const int batch : network.batches) {
      for (const int threads : {1, 2}) {
        const auto best = times.best_peer(network, batch, threads, true);
        const double ours = times.of(network, "octet-fp32", batch, threads);
        out += row({label, std::to_string(batch), std::to_string(threads), best.engine, milliseconds(best.ms),
                    milliseconds(ours), text(ours / best.ms, 2)},
                   at_most(ours / best.ms, 1.1));
      }
    }
  }
  return out + "\n";
}

// A line for the page, if a cell of the engine failed.
std::string failure_of(const std::string& network, const std::string& engine, const Json& cells) {
  for (const Json& cell : cells) {
    if (!cell.contains("error")) continue;
    std::string error = cell["error"].get<std::string>();
    error = error.substr(0, error.find('\n')).substr(0, 200);
    std::replace(error.begin(), error.end(), '`', '\'');
    return fmt::format("Failed: {}, {}: `{}`\n\n", network, engine, error);
  }
  return "";
}

std::string all_engines(const Times& times, const Json& networks) {
  std::string failures;
  std::string out = "<details><summary>All engines, milliseconds, and the rounds' own probe</summary>\n\n" +
                    head({"network", "engine", "batch 1, 1 thread", "2 threads", "batch 16, 1 thread", "2 threads"});
  for (const auto& [network, engines] : times.latency().items()) {
    for (const auto& [engine, cells] : engines.items()) {
      std::vector<std::string> line = {network, engine};
      failures += failure_of(network, engine, cells);
      for (const char* cell : {"b1t1", "b1t2", "b16t1", "b16t2"}) {
        line.push_back(cells.contains(cell) && cells[cell].contains("error")
                           ? "failed"
                           : milliseconds(number(cells, {cell, "min_ms"})));
      }
      out += row(line);
    }
  }
  out += "\n" + failures;
  out += head({"network", "batch", "threads", "numpy fp32 product before, after, Gflop/s", "others' cores meanwhile"});
  for (const Json& p : networks.value("probe", Json::array())) {
    out += row(
        {p["model"].get<std::string>(), p["batch"].dump(), p["threads"].dump(),
         fmt::format("{}, {}", text(number(p, {"gemm_gflops_1t"}), 1), text(number(p, {"gemm_gflops_1t_after"}), 1)),
         text(number(p, {"others_cores_in_blocks"}), 2)});
  }
  return out + "\n</details>\n\n";
}

}  // namespace

std::string networks_section(const Json& results) {
  const Times times(results);
  return section_head(
             results, "Networks end to end", "networks",
             "Milliseconds of a run: ONNX Runtime (fp32, static and dynamic int8), OpenVINO (fp32, int8 by NNCF) and "
             "PyTorch (fp32 at batch 1, int8 by FX) in one process, `octet bench MODEL --threads T --batch B --rounds "
             "N "
             "--json` in its own, in turns. The best peer is the fastest of all, in whatever precision.") +
         end_to_end(times) + two_threads(times) + float_table(times) +
         all_engines(times, results.value("networks", Json::object()));
}

}  // namespace octet::bench
