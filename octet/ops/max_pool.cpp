// MaxPool: the largest element under the window, and on request where it was: its index in the whole input, counted
// row by row, or with storage_order 1 column by column in each plane.  Source: ONNX MaxPool-12.
#include <algorithm>
#include <limits>

#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"
#include "octet/ops/pool.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

// The element's number in its plane when the first spatial dimension varies fastest.
std::int64_t column_major(const Window& window, std::int64_t offset) {
  std::int64_t out = 0;
  for (int i = window.rank - 1; i >= 0; --i) {
    const auto u = static_cast<std::size_t>(i);
    std::int64_t stride = 1;
    for (std::size_t j = 0; j < u; ++j) stride *= window.input[j];
    out += offset % window.input[u] * stride;
    offset /= window.input[u];
  }
  return out;
}

// A NaN wins, so that it cannot vanish.
template <class T>
bool larger(T a, T b) {
  return a > b || a != a;
}

template <class T>
void pool(EvalContext& ctx, const Window& window, std::int64_t planes, const T* x, T* y, std::int64_t* indices) {
  const bool by_column = ctx.attributes().integer("storage_order", 0) != 0;
  const std::int64_t plane_in = window.input_elements(), positions = window.positions();
  for_each_window(ctx.threads(), window, planes,
                  [&](std::int64_t plane, std::int64_t position, const std::vector<std::int64_t>& offsets) {
                    if (offsets.empty()) throw ctx.error(ErrorKind::bad_input, "a window holds padding only");
                    const T* from = x + plane * plane_in;
                    std::int64_t best = offsets.front();
                    for (const std::int64_t offset : offsets) {
                      if (larger(from[offset], from[best])) best = offset;
                      if (from[best] != from[best]) break;
                    }
                    y[plane * positions + position] = from[best];
                    if (indices == nullptr) return;
                    const std::int64_t within = by_column ? column_major(window, best) : best;
                    indices[plane * positions + position] = plane * plane_in + within;
                  });
}

void eval(EvalContext& ctx) {
  const SymbolicShape x_shape = symbolic(ctx.input(0).shape());
  const Window window = pool_window(ctx.attributes(), x_shape);
  const Shape out = *static_shape(pooled_shape(window, x_shape));
  const Tensor x = widened(ctx.input(0));
  std::int64_t* indices = ctx.wants_output(1) ? ctx.output(1, DType::i64, out).data<std::int64_t>() : nullptr;
  fill_output(ctx, 0, ctx.input(0).dtype(), out, [&](Tensor& y) {
    dispatch(x.dtype(), [&]<class T>() {
      if constexpr (std::is_same_v<T, bool> || is_half<T>) {
        throw ctx.error(ErrorKind::bad_input, "MaxPool takes numbers").value(to_string(x.dtype()));
      } else {
        pool(ctx, window, out[0] * out[1], x.data<T>(), y.data<T>(), indices);
      }
    });
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out = pool_samples(random, true);
  for (std::size_t i = 0; i < out.size(); i += 2) out[i].outputs = 2;
  for (const DType dtype : {DType::u8, DType::i8}) {
    out.push_back(
        {attributes_of({{"kernel_shape", Ints{2, 2}}}), {random_tensor(random, dtype, {1, 2, 5, 5}, -100, 100)}});
  }
  out.push_back({attributes_of({{"kernel_shape", Ints{2, 2}}, {"storage_order", std::int64_t{1}}}),
                 {random_tensor(random, DType::f32, {2, 2, 4, 5})},
                 17,
                 2});
  return out;
}

}  // namespace

Rows max_pool() {
  return {{
      .name = "MaxPool",
      .inputs = {1, 1},
      .outputs = {1, 2},
      .attributes = {"auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"},
      .infer = infer_pool,
      .eval = eval,
      .gradient =
          [](GradientContext& ctx) {
            ctx.set(0, ctx.emit_own("MaxPoolGrad", {ctx.input(0), ctx.output_gradient()}, ctx.attributes()));
          },
      .quant = {.kind = QuantRule::Kind::pass_through},
      .samples = samples,
  }};
}

}  // namespace octet::ops
