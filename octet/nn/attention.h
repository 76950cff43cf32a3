// Attention with several heads. Source: Vaswani et al. 2017, section 3.2; parameters as torch.nn.MultiheadAttention.
#pragma once

#include "octet/nn/layers.h"

namespace octet::nn {

/// Query [N, L, E], key and value [N, S, E] (one input stands for all three) to [N, L, E]:
///   head_i = softmax(Q_i K_i^T / sqrt(E / heads)) V_i,   y = concat(heads) W_o^T + b_o
///   in_proj_weight [3E, E], in_proj_bias [3E], out_proj.weight [E, E], out_proj.bias [E]
/// A fourth input is added to the scores before the softmax (a mask: 0, or a large negative number).
class MultiheadAttention : public Module {
 public:
  MultiheadAttention(std::int64_t width, std::int64_t heads, Random& random);
  Linear out_proj;
  Tensor in_proj_weight, in_proj_bias;

 protected:
  std::vector<Value> forward_all(const std::vector<Value>& inputs) override;

 private:
  std::int64_t width_, heads_;
};

}  // namespace octet::nn
