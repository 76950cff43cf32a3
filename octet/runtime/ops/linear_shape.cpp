#include "octet/ops/elementwise.h"
#include "octet/runtime/ops/linear.h"

namespace octet::runtime {

kernels::GemmShape linear_shape(const Node& node, const Shape& x, const Shape& w) {
  const bool transposed = node.attributes.integer("transB", 0) != 0;
  const std::int64_t k = transposed ? w[1] : w[0], n = transposed ? w[0] : w[1];
  if (x.rank() == 0 || w.rank() != 2 || x.back() != k) {
    throw Error(ErrorKind::bad_input, "the inner dimensions of a matrix product differ")
        .value(to_string(x) + " and " + to_string(w));
  }
  kernels::GemmShape gemm{.m = x.elements(0, x.rank() - 1), .n = n, .k = k};
  gemm.b_k_stride = transposed ? 1 : n;
  gemm.b_n_stride = transposed ? k : 1;
  return gemm;
}

Shape linear_output(const Shape& x, std::int64_t n) {
  Shape out = x;
  out[x.rank() - 1] = n;
  return out;
}

std::string linear_form(const char* family, const kernels::GemmShape& gemm) {
  return std::string(family) + " " + std::to_string(gemm.b_k_stride) + " " + std::to_string(gemm.b_n_stride);
}

Shape matmul_output(const Shape& a, const Shape& b) {
  Shape lead = broadcast(Shape(a.dims().first(static_cast<std::size_t>(a.rank() - 2))),
                         Shape(b.dims().first(static_cast<std::size_t>(b.rank() - 2))));
  lead.push_back(a[a.rank() - 2]);
  lead.push_back(b.back());
  return lead;
}

std::optional<kernels::GemmShape> matmul_shape(const Shape& a, const Shape& b) {
  if (a.rank() < 2 || b.rank() < 2) return std::nullopt;
  const std::int64_t m = a[a.rank() - 2], k = a.back(), n = b.back();
  if (b[b.rank() - 2] != k) {
    throw Error(ErrorKind::bad_input, "the inner dimensions of a matrix product differ")
        .value(to_string(a) + " and " + to_string(b));
  }
  const ops::BroadcastPlan plan = ops::plan_broadcast(Shape(a.dims().first(static_cast<std::size_t>(a.rank() - 2))),
                                                      Shape(b.dims().first(static_cast<std::size_t>(b.rank() - 2))));
  if (plan.rank > 2) return std::nullopt;
  kernels::GemmShape gemm{.m = m, .n = n, .k = k, .b_k_stride = n, .b_n_stride = 1};
  const int last = plan.rank - 1;
  gemm.inner = plan.dims[last];
  gemm.a_stride[1] = plan.a[last] * m * k;
  gemm.b_stride[1] = plan.b[last] * k * n;
  gemm.c_stride[1] = m * n;
  if (plan.rank == 2) {
    gemm.outer = plan.dims[0];
    gemm.a_stride[0] = plan.a[0] * m * k;
    gemm.b_stride[0] = plan.b[0] * k * n;
    gemm.c_stride[0] = gemm.inner * m * n;
  }
  return gemm;
}

}  // namespace octet::runtime
