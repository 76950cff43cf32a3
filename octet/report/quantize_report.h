// The record of a quantization: what became of every node and why.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "octet/quant/quantize.h"

namespace octet::report {

/// What quantizing is expected to bring, told before it is done.
struct Forecast {
  std::int64_t size_after = 0;         ///< int8 weights of the quantized nodes, the rest as it is
  double ms_before = 0, ms_after = 0;  ///< of the multiply-accumulates, at the rates this machine was seen to give
};
/// `float_gflops` and `int8_gops` are those rates.
Forecast forecast(const Graph& graph, const QuantizeResult& result, std::int64_t size_before, double float_gflops,
                  double int8_gops);

struct QuantizeReport {
  std::string output;  ///< the file written; empty for a dry run
  std::int64_t size_before = 0, size_after = 0;
  const QuantizeResult* result = nullptr;
  std::optional<Forecast> forecast;  ///< of a dry run
};

nlohmann::ordered_json to_json(const QuantizeReport& report);
/// A table of the layers with multiply-accumulates and of all that stayed float, then one line of summary.
std::string to_text(const QuantizeReport& report, int width);

}  // namespace octet::report
