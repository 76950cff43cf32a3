// ArgMax, ArgMin: the index of the greatest or least element along an axis, as int64; of several the first,
// or the last with select_last_index. A NaN counts as the greatest (least).  Source: ONNX ArgMax-13, ArgMin-13.
#include "octet/ops/axes.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

void infer(InferContext& ctx) {
  if (!ctx.has_shape(0)) return ctx.set_output(0, DType::i64);
  const int axis = normalize_axis(ctx.attributes().integer("axis", 0), ctx.rank(0));
  const bool keep = ctx.attributes().integer("keepdims", 1) != 0;
  ctx.set_output(0, DType::i64, reduced_shape(ctx.shape(0), {axis}, keep));
}

// `better(a, b)`: a takes the place of b.
template <class T, class Better>
void find(ThreadPool& threads, const T* x, const AxisSplit& s, std::int64_t* out, const Better& better) {
  threads.parallel_for(
      s.outer, std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, s.size * s.inner)),
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t o = begin; o < end; ++o) {
          for (std::int64_t i = 0; i < s.inner; ++i) {
            const T* first = x + o * s.size * s.inner + i;
            std::int64_t best = 0;
            for (std::int64_t r = 1; r < s.size; ++r) {
              if (better(static_cast<Compute<T>>(first[r * s.inner]), static_cast<Compute<T>>(first[best * s.inner])))
                best = r;
            }
            out[o * s.inner + i] = best;
          }
        }
      });
}

void eval(EvalContext& ctx, bool greatest) {
  const Tensor& x = ctx.input(0);
  const int axis = normalize_axis(ctx.attributes().integer("axis", 0), x.rank());
  const bool keep = ctx.attributes().integer("keepdims", 1) != 0;
  const bool last = ctx.attributes().integer("select_last_index", 0) != 0;
  const AxisSplit split = split_at(x.shape(), axis);
  if (split.size == 0)
    throw ctx.error(ErrorKind::bad_input, ctx.node().op_type + " needs at least one element along the axis");
  Tensor& y = ctx.output(0, DType::i64, reduced_shape(x.shape(), {axis}, keep));
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (std::is_same_v<T, bool>) {
      throw wrong_type(ctx, x.dtype(), "a number type");
    } else {
      find(ctx.threads(), x.data<T>(), split, y.data<std::int64_t>(), [=](auto a, auto b) {
        if (b != b) return last && a != a;
        if (a != a) return true;
        return (greatest ? a > b : a < b) || (last && a == b);
      });
    }
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const DType dtype : {DType::f32, DType::f16, DType::f64, DType::i32, DType::u8}) {
    for (const std::int64_t axis : {0, 1, -1}) {
      const Tensor x = random_tensor(random, dtype, {3, 7, 4}, -4, 4);  // integers: with ties
      out.push_back({.attributes = make_attributes({{"axis", axis}}), .inputs = {x}});
      out.push_back(
          {.attributes = make_attributes({{"axis", axis}, {"keepdims", 0}, {"select_last_index", 1}}), .inputs = {x}});
    }
  }
  out.push_back({.inputs = {random_tensor(random, DType::f32, {9})}});
  out.push_back({.attributes = make_attributes({{"axis", 1}}), .inputs = {random_tensor(random, DType::f32, {0, 4})}});
  return out;
}

OpDef row(const char* name, bool greatest) {
  return {
      .name = name,
      .attributes = {"axis", "keepdims", "select_last_index"},
      .infer = infer,
      .eval = [greatest](EvalContext& ctx) { eval(ctx, greatest); },
      .samples = samples,
  };
}

}  // namespace

Rows arg_reduce() { return {row("ArgMax", true), row("ArgMin", false)}; }

}  // namespace octet::ops
