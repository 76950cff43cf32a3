// One run of a kernel of ours on memory of its own, one thread.
#pragma once

#include <functional>

#include "octet/kernels/weight_only/weight_only.h"

namespace octet::bench {

/// int8: u8 x s8 with a scale per column -> u8; float: f32. Convolutions may be depthwise. `name`: the kernel's.
std::function<void()> our_conv(const kernels::ConvShape& shape, bool int8, const char** name);
std::function<void()> our_gemm(const kernels::GemmShape& shape, bool int8, const char** name);

/// Products of float rows by integer weights, by `copies` of the weights in turn.
struct WeightOnlyJob {
  std::function<void()> run;   ///< one product with each copy
  std::function<void()> read;  ///< reads all that run() reads of weights
  std::int64_t bytes;          ///< of all copies
  double operations;           ///< of int8: a multiply-add for each digit of x, two a weight
};
WeightOnlyJob our_weight_only(const kernels::WeightOnlyForm& form, const kernels::GemmShape& shape, std::int64_t copies,
                              const char** name);

}  // namespace octet::bench
