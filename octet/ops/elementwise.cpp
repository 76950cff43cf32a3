#include "octet/ops/elementwise.h"

#include <algorithm>

namespace octet::ops {
namespace {

// Strides of an operand over the result's dimensions: 0 where it is repeated.
void broadcast_strides(const Shape& operand, const Shape& result, std::int64_t* strides) {
  std::int64_t stride = 1;
  for (int i = result.rank() - 1; i >= 0; --i) {
    const int own = i - (result.rank() - operand.rank());
    const std::int64_t dim = own < 0 ? 1 : operand[own];
    strides[i] = dim == 1 ? 0 : stride;
    stride *= dim;
  }
}

}  // namespace

Error wrong_type(const EvalContext& ctx, DType dtype, const char* expected) {
  return ctx.error(ErrorKind::bad_input, ctx.node().op_type + " does not take inputs of this type")
      .value(to_string(dtype))
      .expected(expected);
}

BroadcastPlan plan_broadcast(const Shape& a, const Shape& b, const Shape& c) {
  BroadcastPlan plan;
  plan.shape = broadcast(broadcast(a, b), c);
  std::int64_t sa[Shape::kMaxRank] = {}, sb[Shape::kMaxRank] = {}, sc[Shape::kMaxRank] = {};
  broadcast_strides(a, plan.shape, sa);
  broadcast_strides(b, plan.shape, sb);
  broadcast_strides(c, plan.shape, sc);
  for (int i = 0; i < plan.shape.rank(); ++i) {
    const std::int64_t dim = plan.shape[i];
    if (dim == 1) continue;
    const int p = plan.rank - 1;
    const bool merges = p >= 0 && plan.a[p] == sa[i] * dim && plan.b[p] == sb[i] * dim && plan.c[p] == sc[i] * dim;
    if (merges) {
      plan.dims[p] *= dim;
    } else {
      plan.dims[plan.rank++] = dim;
    }
    plan.a[plan.rank - 1] = sa[i];
    plan.b[plan.rank - 1] = sb[i];
    plan.c[plan.rank - 1] = sc[i];
  }
  if (plan.rank == 0) {
    plan.rank = 1;
    plan.dims[0] = 1;
  }
  return plan;
}

RowCursor::RowCursor(const BroadcastPlan& plan, std::int64_t row) : plan_(plan) {
  for (int i = plan.rank - 2; i >= 0; --i) {
    at_[i] = row % plan.dims[i];
    row /= plan.dims[i];
    a += at_[i] * plan.a[i];
    b += at_[i] * plan.b[i];
    c += at_[i] * plan.c[i];
  }
}

void RowCursor::next() {
  for (int i = plan_.rank - 2; i >= 0; --i) {
    a += plan_.a[i];
    b += plan_.b[i];
    c += plan_.c[i];
    if (++at_[i] < plan_.dims[i]) return;
    a -= plan_.dims[i] * plan_.a[i];
    b -= plan_.dims[i] * plan_.b[i];
    c -= plan_.dims[i] * plan_.c[i];
    at_[i] = 0;
  }
}

void require_same_type(const EvalContext& ctx, const Tensor& a, const Tensor& b) {
  if (a.dtype() == b.dtype()) return;
  throw ctx.error(ErrorKind::bad_input, ctx.node().op_type + " takes inputs of one type")
      .value(std::string(to_string(a.dtype())) + " and " + to_string(b.dtype()));
}

Tensor expand_to(const Tensor& tensor, const Shape& shape, ThreadPool& threads) {
  if (tensor.shape() == shape) return tensor;
  const BroadcastPlan plan = plan_broadcast(tensor.shape(), shape);
  if (!(plan.shape == shape)) {
    throw Error(ErrorKind::bad_input, "a shape does not broadcast to another")
        .value(to_string(tensor.shape()))
        .expected("one that broadcasts to " + to_string(shape));
  }
  Tensor out(tensor.dtype(), shape);
  dispatch(tensor.dtype(), [&]<class T>() {
    broadcast_loop(threads, plan, tensor.data<T>(), out.data<T>(), out.data<T>(), [](T x, T) { return x; });
  });
  return out;
}

void infer_broadcast_as(InferContext& ctx, DType dtype) {
  infer_broadcast(ctx);
  const std::optional<SymbolicShape> shape = ctx.outputs()[0].type.shape;
  if (shape) {
    ctx.set_output(0, dtype, *shape);
  } else {
    ctx.set_output(0, dtype);
  }
}

}  // namespace octet::ops
