// The standard form of dynamic quantization per tensor:
//   q, s, z = DynamicQuantizeLinear(x)
//   y = Cast(MatMulInteger(q, W, z, 0)) * (s * w_scale) (+ bias)         ConvInteger likewise
// With seven bits of the activations
//   low = min(x, 0), high = max(x, 0), s = (high - low) / 127 (0.1 where that is 0), z = rint(-low / s),
//   q = QuantizeLinear(x, s, z)
#pragma once

#include <map>
#include <vector>

#include "octet/quant/weights.h"

namespace octet::quant {

class IntegerForm {
 public:
  IntegerForm(Graph& graph, WeightWriter& writer, bool per_channel, bool reduce_range)
      : graph_(graph), writer_(writer), per_channel_(per_channel), reduce_range_(reduce_range) {}

  /// MatMul, Conv, and Gemm without factors and with A as it is.
  bool has_form(const Node& node) const;
  /// Replaces a node by its integer form, which computes the same output value. Node indices stay valid
  /// until finish().
  void rewrite(int node);
  /// Removes the nodes that were replaced.
  void finish();

 private:
  struct Input {
    ValueId quantized, scale, zero_point;
  };
  const Input& quantized_input(ValueId x);
  Input seven_bits(ValueId x);
  ValueId constant(const std::string& name, Tensor tensor);

  Graph& graph_;
  WeightWriter& writer_;
  bool per_channel_, reduce_range_;
  std::map<ValueId, Input> inputs_;
  std::vector<int> replaced_;
};

}  // namespace octet::quant
