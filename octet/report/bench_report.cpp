#include "octet/report/bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "octet/report/table.h"
#include "octet/report/text.h"

namespace octet::report {
namespace {

using Json = nlohmann::ordered_json;

double total_seconds(const std::vector<StepInfo>& steps) {
  return std::accumulate(steps.begin(), steps.end(), 0.0,
                         [](double sum, const StepInfo& step) { return sum + step.seconds; });
}

double gops(const StepInfo& step) {
  return step.seconds > 0 ? 2e-9 * static_cast<double>(step.macs) / step.seconds : 0;
}

// Share of what the probe's matrix product reached; 0 where a step has no products.
double fraction(const StepInfo& step, const Probe& probe) {
  const bool int8 = step.int8 || step.kernel.starts_with("attention_s8");
  const double limit = int8 ? probe.int8_gops : probe.float_gflops;
  return limit > 0 ? gops(step) / limit : 0;
}

void put(Json& out, const Latency& latency) {
  out["min_ms"] = latency.min_ms;
  out["median_ms"] = latency.median_ms;
  out["p90_ms"] = latency.p90_ms;
}

}  // namespace

Latency latency_of(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const auto at = [&](double share) {
    const double rank = std::ceil(share * static_cast<double>(seconds.size()));
    return 1e3 * seconds[static_cast<std::size_t>(std::max(1.0, rank)) - 1];
  };
  return {at(0), at(0.5), at(0.9)};
}

std::optional<double> narrow_share(const std::vector<StepInfo>& steps) {
  std::int64_t narrow = 0, all = 0;
  for (const StepInfo& step : steps) {
    if (!step.int8 || step.kernel.find("_avx2") == std::string::npos) continue;
    all += step.macs;
    if (step.kernel.find("_avx2_narrow") != std::string::npos) narrow += step.macs;
  }
  if (all == 0) return std::nullopt;
  return static_cast<double>(narrow) / static_cast<double>(all);
}

Json to_json(const BenchReport& report) {
  Json out;
  put(out, report.latency);
  out["rounds"] = report.rounds;
  out["threads"] = report.threads;
  out["batch"] = report.batch;
  out["peak_memory_bytes"] = report.peak_memory_bytes;
  out["arena_bytes"] = report.arena_bytes;
  out["packed_bytes"] = report.packed_bytes;
  out["probe"] = {{"int8_gops", report.probe.int8_gops}, {"float_gflops", report.probe.float_gflops}};
  if (report.narrow_share) {
    out["int8_macs"] = {{"narrow_share", *report.narrow_share}, {"wide_share", 1 - *report.narrow_share}};
  }
  if (report.against) {
    Json against;
    against["model"] = safe(report.against->model);
    put(against, report.against->latency);
    against["speedup"] = report.against->latency.median_ms / report.latency.median_ms;
    out["against"] = against;
  }
  if (report.profiled) {
    const double total = total_seconds(report.operators);
    out["operators"] = Json::array();
    for (const StepInfo& step : report.operators) {
      out["operators"].push_back({{"name", safe(step.name)},
                                  {"op", safe(step.op)},
                                  {"kernel", safe(step.kernel)},
                                  {"int8", step.int8},
                                  {"ms", 1e3 * step.seconds},
                                  {"share", total > 0 ? step.seconds / total : 0},
                                  {"macs", step.macs},
                                  {"bytes", step.bytes},
                                  {"gops", gops(step)},
                                  {"fraction_of_limit", fraction(step, report.probe)}});
    }
  }
  return out;
}

std::string to_text(const BenchReport& report, int width) {
  std::string out;
  if (report.profiled) {
    const double total = total_seconds(report.operators);
    Table table({{"step"},
                 {"operator"},
                 {"kernel"},
                 {"ms", Table::right},
                 {"share", Table::right},
                 {"Gop/s", Table::right},
                 {"of limit", Table::right}});
    for (const StepInfo& step : report.operators) {
      const bool products = step.macs > 0 && step.seconds > 0;
      table.add({step.name, step.op, step.kernel, fmt::format("{:.3f}", 1e3 * step.seconds),
                 percent(total > 0 ? step.seconds / total : 0), products ? fmt::format("{:.1f}", gops(step)) : "",
                 products ? percent(fraction(step, report.probe)) : ""});
    }
    out += table.text(width) + '\n';
  }
  Table times({{"model"}, {"min", Table::right}, {"median", Table::right}, {"p90", Table::right}});
  const auto add = [&](const std::string& name, const Latency& l) {
    times.add({name, milliseconds(l.min_ms), milliseconds(l.median_ms), milliseconds(l.p90_ms)});
  };
  add("this model", report.latency);
  if (report.against) add(report.against->model, report.against->latency);
  out += times.text(width) + '\n';
  if (report.against) {
    out += fmt::format("{:.2f} times as fast as {}\n", report.against->latency.median_ms / report.latency.median_ms,
                       safe(report.against->model));
  }
  out += fmt::format("{} rounds, {} thread{}, batch {}\n", report.rounds, report.threads,
                     report.threads == 1 ? "" : "s", report.batch);
  out += fmt::format("peak memory {}, of it {} for values between layers and {} for packed weights\n",
                     bytes_text(report.peak_memory_bytes), bytes_text(report.arena_bytes),
                     bytes_text(report.packed_bytes));
  if (report.narrow_share) {
    out += fmt::format("int8 multiply-accumulates: {} narrow (proved to fit 16 bits), {} wide\n",
                       percent(*report.narrow_share), percent(1 - *report.narrow_share));
  }
  return out + fmt::format("this machine gave {:.0f} Gop/s in int8 and {:.0f} Gflop/s in float meanwhile\n",
                           report.probe.int8_gops, report.probe.float_gflops);
}

}  // namespace octet::report
