// How passes read QuantizeLinear and DequantizeLinear.
#pragma once

#include <optional>

#include "octet/rewrite/edit.h"

namespace octet::runtime {

using rewrite::Edit;

/// One scale and zero point of a whole tensor.
struct TensorParams {
  float scale = 1;
  std::int64_t zero_point = 0;
  DType dtype = DType::u8;
  bool operator==(const TensorParams&) const = default;
};

/// Parameters of a QuantizeLinear or DequantizeLinear of the whole tensor to or from u8 or i8 and f32,
/// with constant scale and zero point; nothing for any other node (per channel, blocked, i32, ...).
std::optional<TensorParams> tensor_params(const Edit& edit, int node);

/// A value that is a dequantized u8 tensor: where the bytes are.
struct Dequantized {
  ValueId bytes = kNoValue;
  int node = -1;
  TensorParams params;
};
std::optional<Dequantized> dequantized(const Edit& edit, ValueId id);

/// The QuantizeLinear to u8 that alone reads `id` (-1: none), and its parameters.
struct Quantizer {
  int node = -1;
  TensorParams params;
};
std::optional<Quantizer> quantizer(const Edit& edit, ValueId id);

/// Constant quantized weights.
struct QuantizedWeights {
  ValueId bytes = kNoValue, scale = kNoValue;
  int node = -1;
  std::int64_t block = 0;         ///< elements along the other axis than that of the channels that share a scale
  ValueId zero_point = kNoValue;  ///< of the scale's shape; none: all are 0
};
/// Those quantized symmetrically to s8 with one scale or one a channel of `axis`.
std::optional<QuantizedWeights> quantized_weights(const Edit& edit, ValueId id, int axis);
/// Of two dimensions, to s8, u8, s4 or u4, with one scale, one a channel of `axis`, or one a block of each channel.
std::optional<QuantizedWeights> block_quantized_weights(const Edit& edit, ValueId id, int axis);

/// A new initializer of that name, or one like it.
ValueId add_constant(Graph& graph, const std::string& name, Tensor tensor);

}  // namespace octet::runtime
