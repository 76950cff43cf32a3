// Which parts of a network suffer from quantization: each is quantized alone and run on real samples.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "octet/quant/calibrate.h"
#include "octet/quant/insert.h"

namespace octet::quant {

/// Ratio of signal to noise, both as sums of squares over samples.
struct SignalToNoise {
  double signal = 0, noise = 0;
  void add(const Tensor& reference, const Tensor& measured);
  /// noise / signal, at least 1e-12; a NaN in `measured` counts as noise without bounds.
  double ratio() const;
};
/// 10 log10(1 / ratio)
double decibels(double noise_to_signal);

/// A part that can be quantized or left float on its own: a layer with its weight and input, or another
/// int8 node with those of its inputs that no layer reads.
struct Part {
  int node = -1;
  int layer = -1;               ///< index in the list of layers, or -1
  std::vector<ValueId> values;  ///< what it alone quantizes
  std::int64_t macs = 0;
  double own_error = 0;  ///< noise / signal of its own output
  double end_error = 0;  ///< noise / signal at the worst of the network's outputs
};

/// The parts of a placement.
std::vector<Part> parts_of(const Graph& graph, const std::vector<Layer>& layers, const Placement& placement,
                           const std::vector<std::int64_t>& macs);

class SensitivityMeter {
 public:
  SensitivityMeter(const Graph& graph, const std::vector<Layer>& layers, std::vector<NamedTensors> samples,
                   InsertOptions options, int threads);

  /// Fills in own_error and end_error, with the parameters that the values have in the whole.
  void measure(Part& part, const Placement& placement, const std::vector<Affine>& parameters) const;
  /// The end error of a layer alone whose input is quantized row by row as it comes (per_row.h).
  double end_error_by_row(const Layer& layer) const;
  /// The end error of a whole quantized graph.
  double end_error(const Graph& quantized) const;
  std::size_t samples() const { return samples_.size(); }

 private:
  double worst_output(const std::vector<SignalToNoise>& outputs) const;

  const Graph& graph_;
  const std::vector<Layer>& layers_;
  std::vector<NamedTensors> samples_;
  std::vector<std::vector<Tensor>> reference_;  ///< the float network's outputs of each sample
  InsertOptions options_;
  int threads_;
};

/// The rule. The errors of parts add up (they are independent noise), so the sum predicts the error of the
/// whole. Parts go back to float, the one first that frees most error for its share of the work,
///   - while the sum is above kTolerated and the part makes at least kWorthwhile of it, as long as kCoverage of
///     the multiply-accumulates stay int8,
///   - and in any case where a part alone is above kRuinous.
inline constexpr double kTolerated = 0.01, kWorthwhile = 0.05, kCoverage = 0.9, kRuinous = 0.05;
/// A product that would stay float takes its input row by row where that leaves at most this share of its end error.
inline constexpr double kRescued = 0.1;
/// For each part whether it stays float.
std::vector<bool> parts_to_keep_float(const std::vector<Part>& parts, std::int64_t all_macs);

}  // namespace octet::quant
