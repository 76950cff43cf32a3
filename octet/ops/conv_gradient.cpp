// Gradient-only operators of Conv, domain octet; the attributes are Conv's, the shapes int64 vectors:
//   ConvGradInput(dy, w, shape of x):  dx[n, c, i]   = sum over m, o, tap with o stride - pad + tap dilation = i
//                                                      of dy[n, m, o] w[m, c, tap]
//   ConvGradWeight(x, dy, shape of w): dw[m, c, tap] = sum over n, o of dy[n, m, o] x[n, c, o stride - pad + tap
//   dilation]
// Each sum runs in one order, whatever the number of threads.
#include <algorithm>

#include "octet/ops/conv.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

void infer(InferContext& ctx) {
  if (const auto elements = ctx.elements(2)) return ctx.set_output(0, ctx.dtype(0), *elements);
  ctx.set_output(0, ctx.dtype(0));
}

ConvShape checked_shape(const EvalContext& ctx, const Shape& x, const Shape& w, const Shape& dy) {
  ConvShape shape = conv_shape(ctx.attributes(), symbolic(x), symbolic(w));
  if (*static_shape(shape.output) == dy) return shape;
  throw ctx.error(ErrorKind::bad_input, "the gradient is not that of this convolution's output")
      .value(to_string(dy))
      .expected(to_string(shape.output));
}

struct Counts {
  explicit Counts(const ConvShape& shape)
      : group(shape.group),
        n(shape.output[0].value),
        m(shape.output[1].value / shape.group),
        c(shape.channels / shape.group),
        taps(shape.window.taps()),
        positions(shape.window.positions()),
        plane(shape.window.input_elements()) {}
  std::int64_t group, n, m, c, taps, positions, plane;  ///< m and c of one group
};

// Offsets of every tap at every position, positions innermost.
std::vector<std::int64_t> all_offsets(const Window& window, const Counts& k) {
  std::vector<std::int64_t> out(static_cast<std::size_t>(k.taps * k.positions));
  for (std::int64_t p = 0; p < k.positions; ++p) tap_offsets(window, p, out.data() + p, k.positions);
  return out;
}

void eval_input(EvalContext& ctx) {
  check_same_type(ctx, 0, 1);
  const Tensor dy = widened(ctx.input(0)), w = widened(ctx.input(1));
  const Shape x_shape = shape_from(ctx, ctx.input(2));
  const ConvShape shape = checked_shape(ctx, x_shape, w.shape(), dy.shape());
  const Counts k(shape);
  const std::vector<std::int64_t> offsets = all_offsets(shape.window, k);
  fill_output(ctx, 0, ctx.input(0).dtype(), x_shape, [&](Tensor& dx) {
    dispatch_float(dy.dtype(), [&]<class T>() {
      ctx.threads().parallel_for(k.n * k.group * k.c, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t at = begin; at < end; ++at) {
          T* to = dx.data<T>() + at * k.plane;
          std::fill_n(to, k.plane, T{0});
          const std::int64_t batch_group = at / k.c, c = at % k.c, g = batch_group % k.group;
          for (std::int64_t m = 0; m < k.m; ++m) {
            const T* from = dy.data<T>() + (batch_group * k.m + m) * k.positions;
            const T* weights = w.data<T>() + ((g * k.m + m) * k.c + c) * k.taps;
            for (std::int64_t t = 0; t < k.taps; ++t) {
              const std::int64_t* places = offsets.data() + t * k.positions;
              for (std::int64_t p = 0; p < k.positions; ++p) {
                if (places[p] >= 0) to[places[p]] += from[p] * weights[t];
              }
            }
          }
        }
      });
    });
  });
}

void eval_weight(EvalContext& ctx) {
  check_same_type(ctx, 0, 1);
  const Tensor x = widened(ctx.input(0)), dy = widened(ctx.input(1));
  const Shape w_shape = shape_from(ctx, ctx.input(2));
  const ConvShape shape = checked_shape(ctx, x.shape(), w_shape, dy.shape());
  const Counts k(shape);
  const std::vector<std::int64_t> offsets = all_offsets(shape.window, k);
  fill_output(ctx, 0, ctx.input(0).dtype(), w_shape, [&](Tensor& dw) {
    dispatch_float(dy.dtype(), [&]<class T>() {
      ctx.threads().parallel_for(k.group * k.m * k.c, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t at = begin; at < end; ++at) {
          const std::int64_t m = at / k.c, c = m / k.m * k.c + at % k.c;
          for (std::int64_t t = 0; t < k.taps; ++t) {
            const std::int64_t* places = offsets.data() + t * k.positions;
            double sum = 0;
            for (std::int64_t n = 0; n < k.n; ++n) {
              const T* from = x.data<T>() + (n * k.group * k.c + c) * k.plane;
              const T* slope = dy.data<T>() + (n * k.group * k.m + m) * k.positions;
              for (std::int64_t p = 0; p < k.positions; ++p) {
                if (places[p] >= 0) sum += static_cast<double>(slope[p]) * static_cast<double>(from[places[p]]);
              }
            }
            dw.data<T>()[at * k.taps + t] = static_cast<T>(sum);
          }
        }
      });
    });
  });
}

Tensor shape_tensor(const Shape& shape) { return Tensor::from<std::int64_t>({shape.rank()}, shape.dims()); }

// What convolutions are tried on, as (dy, w, shape of x) or (x, dy, shape of w).
std::vector<Sample> samples(Random& random, bool of_input) {
  struct Case {
    Attributes attributes;
    Shape x, w;
  };
  const std::vector<Case> cases = {
      {{}, {1, 3, 8, 8}, {4, 3, 3, 3}},
      {attributes_of({{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}}), {2, 4, 9, 11}, {8, 4, 3, 3}},
      {attributes_of({{"pads", Ints{1, 1, 1, 1}}}), {2, 16, 8, 8}, {16, 16, 3, 3}},
      {attributes_of({{"pads", Ints{0, 1, 2, 3}}, {"dilations", Ints{2, 3}}}), {1, 2, 10, 12}, {3, 2, 3, 2}},
      {attributes_of({{"group", std::int64_t{6}}, {"pads", Ints{2, 2, 2, 2}}}), {1, 6, 9, 9}, {6, 1, 5, 5}},
      {attributes_of({{"group", std::int64_t{2}}, {"strides", Ints{1, 2}}}), {2, 4, 6, 7}, {6, 2, 2, 3}},
      {attributes_of({{"auto_pad", std::string("SAME_UPPER")}, {"strides", Ints{2, 3}}}), {1, 2, 7, 8}, {3, 2, 2, 4}},
      {attributes_of({{"strides", Ints{3}}, {"pads", Ints{1, 0}}}), {2, 3, 17}, {4, 3, 5}},
      {attributes_of({{"pads", Ints{1, 0, 1, 1, 0, 1}}}), {1, 2, 4, 5, 6}, {3, 2, 2, 3, 2}},
      {{}, {0, 3, 8, 8}, {4, 3, 3, 3}},
      {attributes_of({{"strides", Ints{2, 2}}}), {2, 5, 6, 6}, {7, 5, 1, 1}},
  };
  std::vector<Sample> out;
  for (const Case& item : cases) {
    const Shape dy = *static_shape(conv_shape(item.attributes, symbolic(item.x), symbolic(item.w)).output);
    const Tensor first = random_tensor(random, DType::f32, of_input ? dy : item.x);
    const Tensor second = random_tensor(random, DType::f32, of_input ? item.w : dy);
    out.push_back({item.attributes, {first, second, shape_tensor(of_input ? item.x : item.w)}});
  }
  return out;
}

OpDef row(const char* name, bool of_input) {
  return {
      .name = name,
      .domain = "octet",
      .since = 0,
      .inputs = {3, 3},
      .attributes = {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"},
      .infer = infer,
      .eval = of_input ? eval_input : eval_weight,
      .samples = [of_input](Random& random) { return samples(random, of_input); },
  };
}

}  // namespace

Rows conv_gradient() { return {row("ConvGradInput", true), row("ConvGradWeight", false)}; }

void gradient_of_conv(GradientContext& ctx) {
  const ValueId x = ctx.input(0), w = ctx.input(1), dy = ctx.output_gradient();
  const Attributes& form = ctx.attributes();
  if (ctx.wants(1)) ctx.set(1, ctx.emit_own("ConvGradWeight", {x, dy, ctx.shape_of(w)}, form));
  if (ctx.wants(2)) {
    std::vector<std::int64_t> axes;
    for (int i = 0; i < ctx.rank(dy); ++i) {
      if (i != 1) axes.push_back(i);
    }
    ctx.set(2, ctx.reduce_sum(dy, axes, false));
  }
  if (ctx.wants(0)) ctx.set(0, ctx.emit_own("ConvGradInput", {dy, w, ctx.shape_of(x)}, form));
}

}  // namespace octet::ops
