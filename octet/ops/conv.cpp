// Conv: y[n, m, o] = b[m] + sum over c, tap of w[m, c, tap] * x[n, g * C / group + c, o * stride - pad + tap *
// dilation] for images of one to six spatial dimensions; g is the group of m.  Source: ONNX Conv-11.
#include "octet/ops/conv.h"

#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"
#include "octet/ops/wide.h"

namespace octet::ops {

ConvShape conv_shape(const Attributes& attributes, const SymbolicShape& x, const SymbolicShape& w) {
  check_spatial_rank(x);
  ConvShape out;
  out.group = attributes.integer("group", 1);
  out.channels = x[1].value;
  if (out.group < 1) {
    throw Error(ErrorKind::bad_input, "group is not positive").value(std::to_string(out.group)).expected("at least 1");
  }
  out.window = sliding_window(attributes, x, &w);
  if (x[1].known() && x[1].value % out.group != 0) {
    throw Error(ErrorKind::bad_input, "the input's channels are not divisible by group")
        .value(to_string(x))
        .expected("a multiple of " + std::to_string(out.group) + " channels");
  }
  if (w[0].known() && w[0].value % out.group != 0) {
    throw Error(ErrorKind::bad_input, "the weights' output channels are not divisible by group")
        .value(to_string(w))
        .expected("a multiple of " + std::to_string(out.group));
  }
  if (x[1].known() && w[1].known() && w[1].value != x[1].value / out.group) {
    throw Error(ErrorKind::bad_input, "the weights are for another number of input channels")
        .value("weights " + to_string(w) + ", input " + to_string(x) + ", group " + std::to_string(out.group))
        .expected(std::to_string(x[1].value / out.group) + " as the second dimension of the weights");
  }
  out.output = {x[0], w[0]};
  append_output(out.window, x, out.output);
  return out;
}

void check_bias(const SymbolicShape& bias, const Dim& channels) {
  if (bias.size() == 1 && (bias[0] == channels || !bias[0].known() || !channels.known())) return;
  throw Error(ErrorKind::bad_input, "the bias does not match the output channels")
      .value(to_string(bias))
      .expected(channels.known() ? std::to_string(channels.value) : "one dimension");
}

namespace {

void infer(InferContext& ctx) {
  if (!ctx.has_shape(0) || !ctx.has_shape(1)) return ctx.set_output(0, ctx.dtype(0));
  const ConvShape shape = conv_shape(ctx.attributes(), ctx.shape(0), ctx.shape(1));
  if (ctx.has_shape(2)) check_bias(ctx.shape(2), ctx.shape(1)[0]);
  ctx.set_output(0, ctx.dtype(0), shape.output);
}

void eval(EvalContext& ctx) {
  check_same_type(ctx, 0, 1);
  const ConvShape shape = conv_shape(ctx.attributes(), symbolic(ctx.input(0).shape()), symbolic(ctx.input(1).shape()));
  if (ctx.has_input(2)) {
    check_same_type(ctx, 0, 2);
    check_bias(symbolic(ctx.input(2).shape()), shape.output[1]);
  }
  const Tensor x = widened(ctx.input(0)), w = widened(ctx.input(1));
  const Tensor bias = ctx.has_input(2) ? widened(ctx.input(2)) : Tensor();
  const Shape out = *static_shape(shape.output);
  fill_output(ctx, 0, ctx.input(0).dtype(), out, [&](Tensor& y) {
    dispatch_float(x.dtype(), [&]<class T>() {
      convolve<T, T>(ctx.threads(), shape, x.data<T>(), T{0}, w.data<T>(), y.data<T>());
      if (bias.defined()) add_bias(bias.data<T>(), out[0], out[1], out.elements(2, out.rank()), y.data<T>());
    });
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](Attributes attributes, const Shape& x, const Shape& w, bool bias, DType dtype = DType::f32) {
    Sample s{std::move(attributes), {random_tensor(random, dtype, x), random_tensor(random, dtype, w)}};
    if (bias) s.inputs.push_back(random_tensor(random, dtype, {w[0]}));
    out.push_back(std::move(s));
  };
  add({}, {1, 3, 8, 8}, {4, 3, 3, 3}, true);
  add({}, {2, 5, 7, 9}, {6, 5, 1, 1}, false);
  add(attributes_of({{"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}}), {2, 4, 9, 11},
      {8, 4, 3, 3}, true);
  add(attributes_of({{"pads", Ints{0, 1, 2, 3}}, {"dilations", Ints{2, 3}}}), {1, 2, 10, 12}, {3, 2, 3, 2}, true);
  add(attributes_of({{"group", std::int64_t{6}}, {"pads", Ints{2, 2, 2, 2}}}), {1, 6, 9, 9}, {6, 1, 5, 5}, true);
  add(attributes_of({{"group", std::int64_t{2}}, {"strides", Ints{1, 2}}}), {1, 4, 6, 7}, {6, 2, 2, 3}, false);
  for (const char* pad : {"SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"}) {
    add(attributes_of({{"auto_pad", std::string(pad)}, {"strides", Ints{2, 3}}}), {1, 2, 7, 8}, {3, 2, 2, 4}, true);
  }
  add(attributes_of({{"strides", Ints{3}}, {"pads", Ints{1, 0}}}), {2, 3, 17}, {4, 3, 5}, true);
  add(attributes_of({{"pads", Ints{1, 0, 1, 1, 0, 1}}}), {1, 2, 4, 5, 6}, {3, 2, 2, 3, 2}, true);
  add({}, {0, 3, 8, 8}, {4, 3, 3, 3}, true);
  add(attributes_of({{"pads", Ints{1, 1, 1, 1}}}), {1, 3, 5, 5}, {2, 3, 3, 3}, true, DType::f64);
  add(attributes_of({{"pads", Ints{1, 1, 1, 1}}}), {1, 3, 5, 5}, {2, 3, 3, 3}, true, DType::f16);
  return out;
}

}  // namespace

Rows conv() {
  return {{
      .name = "Conv",
      .inputs = {2, 3},
      .attributes = {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"},
      .infer = infer,
      .eval = eval,
      .gradient = gradient_of_conv,
      .quant = {.kind = QuantRule::Kind::weighted, .activation = 0, .weight = 1, .bias = 2, .weight_channel_axis = 0},
      .samples = samples,
  }};
}

}  // namespace octet::ops
