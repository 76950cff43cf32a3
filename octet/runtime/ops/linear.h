// Shapes of matrix products with constant two-dimensional weights.
#pragma once

#include <string>
#include <vector>

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

/// A tensor seen through a permutation of its axes: sizes and strides in elements.
struct View {
  std::vector<std::int64_t> dims, strides;
};
/// `perm` empty: the tensor as it lies.
View permuted_view(const Shape& shape, const std::vector<std::int64_t>& perm);
/// The permutation that undoes `perm`.
std::vector<std::int64_t> inverse_of(const std::vector<std::int64_t>& perm);

/// a [..., M, K] times b [..., K, N] into y [..., M, N], leading dimensions broadcast as numpy's matmul does (two
/// dimensions at least). The kernels walk two loops of matrices; what loops are left are walked outside.
struct MatMulPlan {
  struct Loop {
    std::int64_t count, a, b, y;  ///< strides in elements
  };
  kernels::GemmShape gemm;
  std::vector<Loop> outer;
  std::int64_t out_stride = 0;  ///< from row to row of y
};
/// K of a and N of y must be contiguous. Throws bad_input where the shapes contradict each other.
MatMulPlan plan_matmul(const View& a, const View& b, const View& y);
/// The shape of y.
Shape matmul_output(const Shape& a, const Shape& b);

}  // namespace octet::runtime
