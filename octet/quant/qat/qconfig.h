// How a network is prepared for quantization-aware training: levels, ranges and their schedule, places.
//
//   octet::QConfig config = octet::qconfig("octet");          // Octet's own
//   octet::QConfig config = octet::qconfig("x86");            // torch.ao's: x86, fbgemm, onednn, qnnpack
//   octet::QConfig config = octet::qconfig("octet", {.weight_bits = 4, .activation_bits = 4});
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "octet/quant/quantize.h"

namespace octet {

/// Where the scale of a fake quantization comes from.
enum class RangeSource {
  current,         ///< the range of the tensor at hand (weights)
  moving_average,  ///< a range that follows the batches
  learned,  ///< LSQ, LSQ+: scale (relative to its start) and zero point are parameters; they start from calibrate_qat
};

/// One role's fake quantization.
struct FakeQuantConfig {
  std::int32_t qmin = 0, qmax = 255;  ///< of 2 to 8 bits
  bool symmetric = false;
  bool per_channel = false;
  RangeSource source = RangeSource::moving_average;
  float averaging_constant = 0.1F;
  /// A batch beyond the range widens it at once; only shrinking is averaged. So nothing that is observed is clipped.
  bool expand = true;
  bool fused = false;  ///< ATen's arithmetic of torch's fused modules
  float epsilon = 0x1p-23F;
  bool power_of_two = false;
};

/// When ranges start and stop to follow, and when values start to be quantized, in steps of training.
struct RangeSchedule {
  std::int64_t observe_from = 0;
  std::int64_t observe_until = -1;  ///< -1: to the end
  std::int64_t quantize_from = 0;
  bool operator==(const RangeSchedule&) const = default;
};

struct QConfig {
  std::string name = "octet";
  FakeQuantConfig activation, weight;
  /// engine: what the int8 engine computes together is not quantized in between (layer, bias, residual Add,
  /// activation). modules: as torch's eager mode places them, behind the input and behind every module.
  enum class Places { engine, modules };
  Places places = Places::engine;
  RangeSchedule schedule = {};
  Exclusions exclude = {};
};

struct QConfigOptions {
  int weight_bits = 8, activation_bits = 8;  ///< 2 to 8; torch's presets are of 8 bits
  bool learned = false;                      ///< LSQ for weights, LSQ+ for activations; always so below 8 bits
  bool power_of_two = false;
};

/// The presets by name.
///   x86, fbgemm  activations u8 in 0..127 (reduce_range), weights i8 symmetric per channel, fused moving averages
///                with constant 0.01
///   onednn       the same with activations in 0..255;  qnnpack: that with weights per tensor
///   octet        activations u8 affine, moving average 0.1 that widens at once; weights i8 in -127..127 per channel
///                with the range of the weights as they are; below 8 bits learned scales
/// Throws usage, listing the names, for another one, and for bits that a preset does not have.
/// Source: get_default_qat_qconfig of torch.ao (version 1).
QConfig qconfig(const std::string& name, const QConfigOptions& options = {});
/// The names that qconfig takes.
const std::vector<std::string>& qconfig_names();

/// To JSON and back, for the metadata of a prepared graph. Throws bad_input for another form.
std::string to_json(const QConfig& config);
QConfig qconfig_from_json(const std::string& text);

}  // namespace octet
