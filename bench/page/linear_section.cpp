#include <fmt/format.h>

#include "bench/page/sections.h"

namespace octet::bench {
namespace {

struct Peer {
  std::string name = "-";
  double gops = kNothing, error = kNothing;
};

Peer best_of(const Json& row_of) {
  Peer best;
  const Json peers = row_of.value("peers", Json::object());
  for (const auto& [name, values] : peers.items()) {
    const double gops = number(values, {"gops"});
    if (!(gops <= best.gops)) best = {name, gops, number(values, {"error"})};
  }
  return best;
}

std::string line_of(const Json& r) {
  const double ours = number(r, {"gops"}), m = number(r, {"m"}), threads = number(r, {"threads"});
  const double of_peak = ours / (threads * number(r, {"peak_gops"}));
  const Peer best = best_of(r);
  const bool by_peak = m >= 128 && threads == 1;
  std::vector<std::string> asked =
      by_peak ? at_least(100 * of_peak, 85, " % of peak") : at_least(ours / best.gops, 1.25, " x");
  return row({fmt::format("{} x {}", r["k"].dump(), r["n"].dump()), text(m, 0), text(threads, 0), best.name,
              text(best.gops, 0), text(ours, 0), text(ours / best.gops, 2), percent(of_peak),
              fmt::format("{:.1e}, {}", number(r, {"error"}),
                          std::isnan(best.error) ? "-" : fmt::format("{:.1e}", best.error))},
             asked);
}

}  // namespace

std::string linear_section(const Json& results) {
  std::string out = section_head(results, "Linear layers, dynamically quantized", "linear",
                                 "One layer by itself: `build/bench/linear_bench --k 768 --n 768 --m 128 --threads 1 "
                                 "--error` and the engines of the "
                                 "peers' harness in turns. Gop/s are 2 M N K over the least time; the peak is that of "
                                 "the int8 register loop, measured "
                                 "in our turns, times the threads. The error is that of the output against float64.");
  out += head({"K x N", "M", "threads", "best peer", "its Gop/s", "Octet Gop/s", "ours over its", "of peak",
               "errors, ours, its", "asked", "reached"});
  double worst = kNothing;
  const Json linear = results.value("linear", Json::object());
  for (const Json& r : linear.value("rows", Json::array())) {
    out += line_of(r);
    worst = std::fmax(worst, number(r, {"error"}));
  }
  out += std::isnan(worst) ? "\n" : fmt::format("\nLargest error of ours: {:.1e}.\n\n", worst);
  const Json errors = linear.value("errors", Json::object());
  for (const auto& [engine, error] : errors.items()) {
    out += fmt::format("Left out in some cells: {} ({}).\n\n", engine, error.get<std::string>());
  }
  return out;
}

}  // namespace octet::bench
