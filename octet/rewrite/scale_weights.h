// Folding a per-channel factor and shift into the weights of the operator before it.
#pragma once

#include <vector>

#include "octet/rewrite/edit.h"

namespace octet::rewrite {

/// A weighted node whose weight (and bias, if it has one) are float constants that can be scaled for
/// each output channel: Conv, ConvTranspose, or Gemm with alpha = beta = 1. -1 where there is none.
int scalable_producer(const Edit& edit, ValueId output);
/// Its number of output channels.
std::int64_t output_channels(const Edit& edit, int index);
/// W[c] *= factor[c]; b[c] = b[c] * factor[c] + shift[c]. New constants; the node's output becomes `output`.
void scale_weights(Edit& edit, int index, const std::vector<double>& factor, const std::vector<double>& shift,
                   ValueId output);
/// A constant that broadcasts along the channel axis (1) of a value of rank `rank`, as one number a
/// channel; empty if it is not of that form.
std::vector<double> per_channel(const Tensor& constant, int rank, std::int64_t channels);

}  // namespace octet::rewrite
