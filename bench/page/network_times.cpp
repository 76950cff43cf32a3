#include "bench/page/network_times.h"

#include <fmt/format.h>

namespace octet::bench {
namespace {

bool is_float(const std::string& engine) { return engine.ends_with("-fp32"); }
bool is_ours(const std::string& engine) { return engine.starts_with("octet"); }

}  // namespace

Times::Times(const Json& results)
    : latency_(results.value("networks", Json::object()).value("latency", Json::object())),
      alone_(results.value("alone", Json::array())) {}

double Times::of(const Network& network, const std::string& engine, int batch, int threads) const {
  double sum = 0;
  for (const std::string& part : network.parts) {
    sum += number(latency_, {part, engine, fmt::format("b{}t{}", batch, threads), "min_ms"});
  }
  return std::isnan(sum) && is_ours(engine) ? without_peers(network, engine, batch, threads) : sum;
}

Times::Best Times::best_peer(const Network& network, int batch, int threads, bool only_float) const {
  Best best;
  const Json engines = latency_.value(network.parts[0], Json::object());
  for (const auto& [engine, cells] : engines.items()) {
    if (is_ours(engine) || (only_float && !is_float(engine))) continue;
    const double ms = of(network, engine, batch, threads);
    if (!std::isnan(ms) && !(ms >= best.ms)) best = {engine, ms};
  }
  return best;
}

// What `octet bench` measured where there were no peers.
double Times::without_peers(const Network& network, const std::string& engine, int batch, int threads) const {
  double sum = 0;
  for (const std::string& part : network.parts) {
    double ms = kNothing;
    for (const Json& line : alone_) {
      const Json& r = line["result"];
      if (line["name"] != (engine == "octet-dynamic" ? part + ".dynamic" : part)) continue;
      if (number(r, {"batch"}) != batch || number(r, {"threads"}) != threads) continue;
      ms = is_float(engine) ? number(r, {"against", "min_ms"}) : number(r, {"min_ms"});
    }
    sum += ms;
  }
  return sum;
}

}  // namespace octet::bench
