// The shape rule and the plan that the matrix products of numpy's form share.
#pragma once

#include "octet/graph/graph.h"
#include "octet/ops/multiply.h"

namespace octet::ops {

/// The shape of A x B by numpy's rules; throws bad_input for scalars and for inner dimensions that differ.
SymbolicShape matmul_shape(SymbolicShape a, SymbolicShape b);

/// The products of one matmul: where each operand of the batch begins, counted in elements.
struct MatmulPlan {
  Shape output;
  Product product;
  std::vector<std::int64_t> a, b;  ///< one offset for each product of the batch
};
MatmulPlan plan_matmul(const Shape& a, const Shape& b);

/// y = a * b over the plan; signed integers come as the unsigned type of their size.
template <class T>
void run_matmul(ThreadPool& threads, const MatmulPlan& plan, const void* a, const void* b, void* y) {
  const Product& p = plan.product;
  const auto at = [](const std::vector<std::int64_t>& offsets, std::int64_t i) {
    return offsets[static_cast<std::size_t>(i)];
  };
  multiply_matrices<T>(
      threads, p, [&](std::int64_t i) { return static_cast<const T*>(a) + at(plan.a, i); },
      [&](std::int64_t i) { return static_cast<const T*>(b) + at(plan.b, i); }, p.n, 1,
      [&](std::int64_t i) { return static_cast<T*>(y) + i * p.m * p.n; });
}

}  // namespace octet::ops
