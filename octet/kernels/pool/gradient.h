// Gradients of max and average pooling, NHWC f32; a global average is a window as large as the image.
#pragma once

#include "octet/kernels/pool/pool.h"

namespace octet::kernels {

/// dx = 0, then for each window and channel dx[first greatest element of x] += dy. NaN is greatest.
void max_pool_grad_f32(const PoolShape& shape, const float* x, const float* dy, float* dx, ThreadPool& pool);
/// dx = 0, then for each window dx[every element inside] += dy / places, as average_pool_f32 counts them.
void average_pool_grad_f32(const PoolShape& shape, const float* dy, float* dx, ThreadPool& pool);

}  // namespace octet::kernels
