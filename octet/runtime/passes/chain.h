// What follows a weighted operator and can be done in its epilogue: residual, activation, quantization.
#pragma once

#include "octet/runtime/passes/qdq.h"

namespace octet::runtime {

/// An activation that the kernels apply themselves.
struct FusedActivation {
  std::string name;
  float alpha = 0, beta = 0;
};
/// Of node `index`, if it is one (Relu, Clip with constant limits, LeakyRelu, HardSigmoid, HardSwish).
std::optional<FusedActivation> fused_activation(const Edit& edit, int index);

/// From the output of a weighted node to the last node of the chain.
struct Chain {
  ValueId output = kNoValue;    ///< of the chain so far
  int last = -1;                ///< the node that makes it
  ValueId residual = kNoValue;  ///< f32, or u8 where residual_params is set
  std::optional<TensorParams> residual_params, output_params;
  std::optional<FusedActivation> activation;
  std::optional<float> after_scale, after_shift;  ///< the Mul and the Add of one number behind it
  std::vector<int> nodes;                         ///< those after the first
};
/// Follows single readers from node `first`. `quantized`: u8 residuals and outputs are taken too.
Chain follow(const Edit& edit, int first, bool quantized);
/// Residual and activation alone.
Chain follow_sum(const Edit& edit, int first);

/// Activation and quantization alone.
Chain follow_activation(const Edit& edit, int first);

/// Replaces the chain by one runtime node: `inputs` are those before the residual (kNoValue where left
/// out), and `attributes` those of the operator itself; the chain's are added.
void fuse(Edit& edit, int first, const Chain& chain, const std::string& op_type, std::vector<ValueId> inputs,
          Attributes attributes);

}  // namespace octet::runtime
