// Weights as int8: scales, values, and the nodes that give them back as float.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "octet/quant/params.h"

namespace octet::quant {

/// How a weight is cut in channels: [outer, channels, inner], row-major. axis < 0: one channel, the whole.
struct Channels {
  std::int64_t outer = 1, count = 1, inner = 1;
};
Channels channels_of(const Shape& shape, int axis);

/// Throws bad_input naming tensor, first bad index and how many there are, unless all are finite.
/// f32, f16, bf16 and f64; others throw unsupported.
void require_finite(const Tensor& weight, const std::string& name);

/// One scale a channel, from the largest magnitude (symmetric schemes). All-zero channels get scale 1 and
/// are counted in *zero_channels.
std::vector<float> weight_scales(const Tensor& weight, int axis, const Scheme& scheme, int* zero_channels);
/// q = clamp(rint(w / scale) + zero_point) as the scheme rounds; i8 of the weight's shape. No zero points: 0. A
/// large one lies in a file in the folder `scratch`, if one is given (scratch_memory).
Tensor quantize_weight(const Tensor& weight, int axis, std::span<const float> scales, const Scheme& scheme,
                       std::span<const std::int32_t> zero_points = {}, const std::string& scratch = {});
/// w' = q * scale, f32.
Tensor dequantize_weight(const Tensor& quantized, int axis, std::span<const float> scales);

/// An int8 matrix with rows and columns exchanged.
Tensor transposed(const Tensor& matrix);

/// Puts quantized weights into a graph. Tied weights (one value, or one block of memory) stay tied where
/// their users agree on axis and scales, otherwise each way of quantizing them gets its own copy.
class WeightWriter {
 public:
  /// Rounds a weight to i8 at these scales in a way of its own; nothing: to nearest.
  using Rounder = std::function<std::optional<Tensor>(ValueId weight, std::span<const float> scales)>;

  /// `scratch`: folder for large integer weights; empty: they are kept in memory.
  WeightWriter(Graph& graph, Scheme scheme, std::vector<std::string>& warnings, std::string scratch = {})
      : graph_(graph), scheme_(scheme), warnings_(warnings), scratch_(std::move(scratch)) {}
  void round_by(Rounder rounder) { rounder_ = std::move(rounder); }

  struct Written {
    ValueId dequantized = kNoValue;  ///< output of a DequantizeLinear of its own
    std::vector<float> scales;
  };
  /// `least` (empty, or one a channel): scales are enlarged to at least these. `given` (empty, one, or one a channel):
  /// scales and zero points decided before.
  Written write(ValueId weight, int axis, std::span<const float> least = {}, std::span<const Affine> given = {});
  const Scheme& scheme() const { return scheme_; }

  /// The same without the DequantizeLinear.
  struct Stored {
    ValueId values = kNoValue, scale = kNoValue, zero_point = kNoValue;
    std::vector<float> scales;
  };
  const Stored& stored(ValueId weight, int axis, std::span<const float> least = {}, std::span<const Affine> given = {});

 private:
  Stored store(ValueId weight, int axis, std::vector<float> scales, const std::vector<std::int32_t>& zero_points);

  Graph& graph_;
  Scheme scheme_;
  std::vector<std::string>& warnings_;
  Rounder rounder_;
  std::string scratch_;
  std::map<std::tuple<const void*, int, std::vector<float>, std::vector<std::int32_t>>, Stored> stored_;
};

}  // namespace octet::quant

namespace octet {

/// What a float weight has become in a quantized network: int8 values in the weight's own layout, one scale or one a
/// channel; zero points are 0. Throws usage where the network has no int8 weight of that name.
struct QuantizedWeight {
  Tensor values;
  std::vector<float> scales;
};
QuantizedWeight quantized_weight(const Graph& model, const std::string& name);

}  // namespace octet
