// ConvTranspose: the gradient of Conv with respect to its input.
//   y[n, m, o] = b[m] + sum over c, tap with o = i * stride - pad_begin + tap * dilation of x[n, c, i] * w[c, m, tap]
//   output = (input - 1) * stride + output_padding + reach - pads, or output_shape (the pads then follow from it), or
//   input * stride with SAME padding.  Source: ONNX ConvTranspose-11.
#include "octet/base/checked.h"
#include "octet/ops/conv.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

// `count` non-negative entries, or nothing when the attribute is not there; of more entries the last count.
std::vector<std::int64_t> trailing(const Attributes& attributes, const char* name, std::size_t count, bool whole) {
  std::vector<std::int64_t> out = attributes.integers(name);
  if (whole && out.size() == count + 2) out.erase(out.begin(), out.begin() + 2);
  if (!out.empty() && out.size() != count) {
    throw Error(ErrorKind::bad_input, std::string(name) + " has the wrong number of entries")
        .value(std::to_string(out.size()))
        .expected(std::to_string(count));
  }
  for (const std::int64_t v : out) {
    if (v >= 0 && v < (std::int64_t{1} << 31)) continue;
    throw Error(ErrorKind::bad_input, std::string(name) + " has an entry out of range").value(std::to_string(v));
  }
  return out;
}

void place_dimension(const WindowForm& form, std::size_t i, std::int64_t padding, std::int64_t wanted, Window& w) {
  using AutoPad = WindowForm::AutoPad;
  const bool same = form.auto_pad == AutoPad::same_upper || form.auto_pad == AutoPad::same_lower;
  const std::int64_t whole =
      checked_add(checked_mul(w.input[i] - 1, w.stride[i]), padding + w.reach(static_cast<int>(i)));
  if (wanted < 0 && same) wanted = checked_mul(w.input[i], w.stride[i]);
  if (wanted < 0) {
    w.output[i] = whole - w.pad_begin[i] - w.pad_end[i];
  } else {
    w.output[i] = wanted;
    const std::int64_t total = std::max<std::int64_t>(0, whole - wanted), less = total / 2;
    w.pad_begin[i] = form.auto_pad == AutoPad::same_upper ? less : total - less;
    w.pad_end[i] = total - w.pad_begin[i];
  }
  if (w.output[i] >= 0) return;
  throw Error(ErrorKind::bad_input, "pads leave nothing of the output")
      .value(std::to_string(w.pad_begin[i] + w.pad_end[i]))
      .expected("at most " + std::to_string(whole));
}

Window place(const Attributes& attributes, const WindowForm& form, const SymbolicShape& x) {
  const auto rank = static_cast<std::size_t>(form.rank);
  const auto padding = trailing(attributes, "output_padding", rank, false);
  const auto wanted = trailing(attributes, "output_shape", rank, true);
  Window w;
  w.rank = form.rank;
  w.kernel = form.kernel;
  w.stride = form.stride;
  w.dilation = form.dilation;
  w.pad_begin = form.pad_begin;
  w.pad_end = form.pad_end;
  for (std::size_t i = 0; i < rank; ++i) {
    w.input[i] = x[i + 2].value;
    w.output[i] = wanted.empty() ? -1 : wanted[i];
    if (!x[i + 2].known() || form.kernel[i] < 0) continue;
    place_dimension(form, i, padding.empty() ? 0 : padding[i], w.output[i], w);
  }
  return w;
}

ConvShape transposed_shape(const Attributes& attributes, const SymbolicShape& x, const SymbolicShape& w) {
  check_spatial_rank(x);
  ConvShape out;
  out.group = attributes.integer("group", 1);
  if (out.group < 1) {
    throw Error(ErrorKind::bad_input, "group is not positive").value(std::to_string(out.group)).expected("at least 1");
  }
  const WindowForm form = read_window(attributes, static_cast<int>(x.size()) - 2, &w);
  out.channels = x[1].value;
  if (x[1].known() && (x[1].value % out.group != 0 || (w[0].known() && w[0].value != x[1].value))) {
    throw Error(ErrorKind::bad_input, "the weights or group do not match the input's channels")
        .value("weights " + to_string(w) + ", input " + to_string(x) + ", group " + std::to_string(out.group))
        .expected("weights [C, M / group, ...] with C a multiple of group");
  }
  out.window = place(attributes, form, x);
  out.output = {x[0], w[1].known() ? Dim(checked_mul(w[1].value, out.group)) : Dim()};
  for (std::size_t i = 0; i < static_cast<std::size_t>(form.rank); ++i) {
    out.output.push_back(out.window.output[i] < 0 ? Dim() : Dim(out.window.output[i]));
  }
  return out;
}

void infer(InferContext& ctx) {
  if (!ctx.has_shape(0) || !ctx.has_shape(1)) return ctx.set_output(0, ctx.dtype(0));
  const ConvShape shape = transposed_shape(ctx.attributes(), ctx.shape(0), ctx.shape(1));
  if (ctx.has_shape(2)) check_bias(ctx.shape(2), shape.output[1]);
  ctx.set_output(0, ctx.dtype(0), shape.output);
}

// Which input element each tap brings to the output at `position`, -1 where none.
void source_offsets(const Window& w, std::int64_t position, std::int64_t* offsets, std::int64_t step) {
  Extents at{}, tap{};
  for (int i = w.rank - 1; i >= 0; --i) {
    const auto u = static_cast<std::size_t>(i);
    at[u] = position % w.output[u] + w.pad_begin[u];
    position /= w.output[u];
  }
  const std::int64_t taps = w.taps();
  for (std::int64_t t = 0; t < taps; ++t) {
    std::int64_t offset = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(w.rank) && offset >= 0; ++i) {
      const std::int64_t from = at[i] - tap[i] * w.dilation[i];
      const bool inside = from >= 0 && from % w.stride[i] == 0 && from / w.stride[i] < w.input[i];
      offset = inside ? offset * w.input[i] + from / w.stride[i] : -1;
    }
    offsets[t * step] = offset;
    for (int i = w.rank - 1; i >= 0; --i) {
      const auto u = static_cast<std::size_t>(i);
      if (++tap[u] < w.kernel[u]) break;
      tap[u] = 0;
    }
  }
}

// w [group][C / group][M / group][taps] -> rows [group][M / group][C / group * taps].
template <class T>
std::vector<T> rows_of(const T* w, std::int64_t group, std::int64_t c, std::int64_t m, std::int64_t taps) {
  std::vector<T> out(static_cast<std::size_t>(group * c * m * taps));
  T* to = out.data();
  for (std::int64_t g = 0; g < group; ++g) {
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < c; ++j, to += taps) {
        const T* from = w + ((g * c + j) * m + i) * taps;
        std::copy(from, from + taps, to);
      }
    }
  }
  return out;
}

template <class T>
void run(ThreadPool& threads, const ConvShape& shape, const T* x, const T* w, T* y) {
  const Window& window = shape.window;
  const std::int64_t n = shape.output[0].value, m = shape.output[1].value / shape.group;
  const std::int64_t taps = window.taps(), positions = window.positions(), channels = shape.channels / shape.group;
  const std::vector<T> rows = rows_of(w, shape.group, channels, m, taps);
  const auto offsets = [&](std::int64_t position, std::int64_t* to, std::int64_t step) {
    source_offsets(window, position, to, step);
  };
  multiply<T>(
      threads, {n * shape.group, m, positions, channels * taps},
      [&](std::int64_t b) { return rows.data() + b % shape.group * m * channels * taps; },
      [&] { return PatchPacker<T, T, decltype(offsets)>{offsets, x, T{0}, channels, taps, window.input_elements()}; },
      [&](std::int64_t b) { return y + b * m * positions; });
}

void eval(EvalContext& ctx) {
  check_same_type(ctx, 0, 1);
  const ConvShape shape =
      transposed_shape(ctx.attributes(), symbolic(ctx.input(0).shape()), symbolic(ctx.input(1).shape()));
  if (ctx.has_input(2)) {
    check_same_type(ctx, 0, 2);
    check_bias(symbolic(ctx.input(2).shape()), shape.output[1]);
  }
  const Tensor x = widened(ctx.input(0)), w = widened(ctx.input(1));
  const Tensor bias = ctx.has_input(2) ? widened(ctx.input(2)) : Tensor();
  const Shape out = *static_shape(shape.output);
  fill_output(ctx, 0, ctx.input(0).dtype(), out, [&](Tensor& y) {
    dispatch_float(x.dtype(), [&]<class T>() {
      run(ctx.threads(), shape, x.data<T>(), w.data<T>(), y.data<T>());
      if (bias.defined()) add_bias(bias.data<T>(), out[0], out[1], out.elements(2, out.rank()), y.data<T>());
    });
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](Attributes attributes, const Shape& x, const Shape& w, std::int64_t bias,
                       DType dtype = DType::f32) {
    Sample s{std::move(attributes), {random_tensor(random, dtype, x), random_tensor(random, dtype, w)}};
    if (bias != 0) s.inputs.push_back(random_tensor(random, dtype, {bias}));
    out.push_back(std::move(s));
  };
  const AttributeValue two = Ints{2, 2};
  add({}, {1, 2, 4, 5}, {2, 3, 3, 3}, 3);
  add(attributes_of({{"strides", two}, {"pads", Ints{1, 0, 2, 1}}}), {2, 2, 4, 5}, {2, 3, 3, 2}, 0);
  add(attributes_of({{"strides", two}, {"output_padding", Ints{1, 0}}, {"kernel_shape", Ints{3, 3}}}), {1, 2, 3, 3},
      {2, 2, 3, 3}, 2);
  add(attributes_of({{"strides", Ints{3, 2}}, {"output_shape", Ints{10, 8}}}), {1, 1, 3, 3}, {1, 2, 3, 3}, 2);
  add(attributes_of({{"strides", Ints{3, 2}}, {"output_shape", Ints{9, 6}}, {"auto_pad", std::string("SAME_UPPER")}}),
      {1, 1, 3, 3}, {1, 2, 3, 3}, 0);
  for (const char* pad : {"SAME_UPPER", "SAME_LOWER", "VALID"}) {
    add(attributes_of({{"strides", two}, {"auto_pad", std::string(pad)}}), {1, 2, 3, 4}, {2, 2, 3, 3}, 2);
  }
  add(attributes_of({{"group", std::int64_t{2}}, {"dilations", two}}), {1, 4, 4, 4}, {4, 3, 2, 2}, 6);
  add(attributes_of({{"strides", Ints{2}}}), {1, 2, 5}, {2, 3, 3}, 3);
  add({}, {1, 1, 3, 2, 3}, {1, 2, 2, 2, 2}, 0);
  add({}, {0, 2, 4, 5}, {2, 3, 3, 3}, 3);
  add({}, {1, 2, 4, 5}, {2, 3, 3, 3}, 3, DType::f16);
  return out;
}

// ConvTranspose is the gradient of a convolution, so its gradients are that convolution and its weights' gradient.
void gradient(GradientContext& ctx) {
  const ValueId x = ctx.input(0), w = ctx.input(1), dy = ctx.output_gradient();
  if (!ctx.shape(x) || !ctx.shape(w)) throw ctx.error("the gradient needs shapes that inference does not know");
  const ConvShape shape = transposed_shape(ctx.attributes(), *ctx.shape(x), *ctx.shape(w));
  const Window& window = shape.window;
  Ints strides, dilations, pads(static_cast<std::size_t>(2 * window.rank));
  for (int i = 0; i < window.rank; ++i) {
    const auto u = static_cast<std::size_t>(i);
    if (window.input[u] < 0 || window.output[u] < 0) throw ctx.error("the gradient needs the image's size");
    // The end pad with which the convolution gives back x's size; less than none is a rest that it does not reach.
    const std::int64_t end =
        (window.input[u] - 1) * window.stride[u] + window.reach(i) - window.output[u] - window.pad_begin[u];
    if (-end >= window.stride[u]) throw ctx.error("output_shape leaves a border that has no gradient");
    strides.push_back(window.stride[u]);
    dilations.push_back(window.dilation[u]);
    pads[u] = window.pad_begin[u];
    pads[u + static_cast<std::size_t>(window.rank)] = std::max<std::int64_t>(0, end);
  }
  const Attributes form = attributes_of({{"strides", strides},
                                         {"dilations", dilations},
                                         {"pads", pads},
                                         {"group", ctx.attributes().integer("group", 1)}});
  if (ctx.wants(1)) ctx.set(1, ctx.emit_own("ConvGradWeight", {dy, x, ctx.shape_of(w)}, form));
  if (ctx.wants(2)) {
    Ints axes{0};
    for (int i = 2; i < ctx.rank(dy); ++i) axes.push_back(i);
    ctx.set(2, ctx.reduce_sum(dy, axes, false));
  }
  if (ctx.wants(0)) ctx.set(0, ctx.emit("Conv", {dy, w}, form));
}

}  // namespace

Rows conv_transpose() {
  return {{
      .name = "ConvTranspose",
      .inputs = {2, 3},
      .attributes = {"auto_pad", "dilations", "group", "kernel_shape", "output_padding", "output_shape", "pads",
                     "strides"},
      .infer = infer,
      .eval = eval,
      .gradient = gradient,
      .quant = {.kind = QuantRule::Kind::weighted, .activation = 0, .weight = 1, .bias = 2, .weight_channel_axis = 1},
      .samples = samples,
  }};
}

}  // namespace octet::ops
