#include "octet/ops/strided_copy.h"
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

View permuted_view(const Shape& shape, const std::vector<std::int64_t>& perm) {
  const auto strides = ops::strides_of(shape);
  View out;
  for (int i = 0; i < shape.rank(); ++i) {
    const auto axis = static_cast<std::size_t>(perm.empty() ? i : perm[static_cast<std::size_t>(i)]);
    out.dims.push_back(shape[static_cast<int>(axis)]);
    out.strides.push_back(strides[axis]);
  }
  return out;
}

std::vector<std::int64_t> inverse_of(const std::vector<std::int64_t>& perm) {
  std::vector<std::int64_t> out(perm.size());
  for (std::size_t i = 0; i < perm.size(); ++i) out[static_cast<std::size_t>(perm[i])] = static_cast<std::int64_t>(i);
  return out;
}

namespace {

// The loops over matrices, outermost first, merged where one stride serves for both.
std::vector<MatMulPlan::Loop> batch_loops(const View& a, const View& b, const View& y) {
  const std::size_t rank = y.dims.size();
  const auto stride_in = [&](const View& v, std::size_t axis) -> std::int64_t {
    const std::size_t missing = rank - v.dims.size();
    if (axis < missing || v.dims[axis - missing] == 1) return 0;
    return v.strides[axis - missing];
  };
  std::vector<MatMulPlan::Loop> loops;
  for (std::size_t axis = 0; axis + 2 < rank; ++axis) {
    const MatMulPlan::Loop loop{y.dims[axis], stride_in(a, axis), stride_in(b, axis), y.strides[axis]};
    if (loop.count == 1) continue;
    const bool merges = !loops.empty() && loops.back().a == loop.a * loop.count &&
                        loops.back().b == loop.b * loop.count && loops.back().y == loop.y * loop.count;
    if (merges) {
      loops.back() = {loops.back().count * loop.count, loop.a, loop.b, loop.y};
    } else {
      loops.push_back(loop);
    }
  }
  return loops;
}

}  // namespace

MatMulPlan plan_matmul(const View& a, const View& b, const View& y) {
  const std::size_t ra = a.dims.size(), rb = b.dims.size(), ry = y.dims.size();
  if (ra < 2 || rb < 2 || a.dims[ra - 1] != b.dims[rb - 2]) {
    throw Error(ErrorKind::bad_input, "the inner dimensions of a matrix product differ");
  }
  MatMulPlan plan;
  plan.gemm = {.m = a.dims[ra - 2], .n = b.dims[rb - 1], .k = a.dims[ra - 1], .lda = a.strides[ra - 2]};
  plan.gemm.b_k_stride = b.strides[rb - 2];
  plan.gemm.b_n_stride = b.strides[rb - 1];
  plan.out_stride = y.strides[ry - 2];
  std::vector<MatMulPlan::Loop> loops = batch_loops(a, b, y);
  const auto take_last = [&](std::int64_t& count, std::size_t i) {
    if (loops.empty()) return;
    count = loops.back().count;
    plan.gemm.a_stride[i] = loops.back().a;
    plan.gemm.b_stride[i] = loops.back().b;
    plan.gemm.c_stride[i] = loops.back().y;
    loops.pop_back();
  };
  take_last(plan.gemm.inner, 1);
  take_last(plan.gemm.outer, 0);
  plan.outer = std::move(loops);
  return plan;
}

}  // namespace octet::runtime
