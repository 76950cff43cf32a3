// Sums over what was repeated.
#pragma once

#include "octet/base/threads.h"
#include "octet/tensor/tensor.h"

namespace octet::ops {

/// x (float or double) summed over the dimensions along which a tensor of `shape` is repeated to x's shape; the same
/// bits for any number of threads. Throws bad_input where `shape` does not broadcast to x's.
Tensor summed_to(ThreadPool& threads, const Tensor& x, const Shape& shape);
/// The same into a tensor that is there.
void sum_into(ThreadPool& threads, const Tensor& x, Tensor& out);

}  // namespace octet::ops
