// Shapes of matrix products with constant two-dimensional weights.
#pragma once

#include <string>

#include "octet/kernels/igemm/igemm.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {

/// x [..., K] times w [K, N], or [N, K] with the attribute transB: M is the product of x's other
/// dimensions. Throws bad_input where the shapes contradict each other.
kernels::GemmShape linear_shape(const Node& node, const Shape& x, const Shape& w);
/// x's shape with N for the last dimension.
Shape linear_output(const Shape& x, std::int64_t n);
/// Names what packing depends on besides the weights.
std::string linear_form(const char* family, const kernels::GemmShape& gemm);

/// a [..., M, K] times b [..., K, N] with broadcast leading dimensions (numpy's matmul, two dimensions
/// at least): the batch as two loops. Nothing where more than two loops would be needed.
std::optional<kernels::GemmShape> matmul_shape(const Shape& a, const Shape& b);
Shape matmul_output(const Shape& a, const Shape& b);

}  // namespace octet::runtime
