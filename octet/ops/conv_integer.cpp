// ConvInteger: y int32 = Conv of (x - x_zero) with (w - w_zero), padding with x_zero.
// QLinearConv: y = clip(round_half_even((that + bias) * (x_scale * w_scale[m] / y_scale)) + y_zero), exact before the
// rounding; bias int32 of scale x_scale * w_scale[m]. Weights per tensor or per output channel.
// Source: ONNX ConvInteger-10, QLinearConv-10.
#include "octet/ops/conv.h"
#include "octet/ops/integer_product.h"
#include "octet/ops/op_list.h"
#include "octet/ops/quant_checks.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

std::int64_t depth(const ConvShape& shape) { return shape.channels / shape.group * shape.window.taps(); }

std::int32_t single(const Tensor& tensor, const char* name) {
  if (tensor.elements() == 1) return static_cast<std::int32_t>(tensor.to_int64()[0]);
  throw Error(ErrorKind::bad_input, "a zero point is not one number").tensor(name).value(to_string(tensor.shape()));
}

void check_zero_type(const Tensor& data, const Tensor& zero, const char* name) {
  if (data.dtype() == zero.dtype()) return;
  throw Error(ErrorKind::bad_input, "a zero point has another type than the quantized tensor")
      .tensor(name)
      .value(to_string(zero.dtype()))
      .expected(to_string(data.dtype()));
}

// Sums of the convolution, each in two's complement.
template <class Sum>
std::vector<Sum> sums(EvalContext& ctx, const ConvShape& shape, const Tensor& x, const Tensor& x_zero, const Tensor& w,
                      const Tensor& w_zero) {
  std::int32_t zero = 0;
  if (x_zero.defined()) {
    check_zero_type(x, x_zero, "x_zero_point");
    zero = single(x_zero, "x_zero_point");
  }
  const std::vector<Sum> weights = centred<Sum>(ctx.threads(), w, w_zero, 0, "w_zero_point");
  std::vector<Sum> out(static_cast<std::size_t>(static_shape(shape.output)->elements()));
  dispatch_eight_bits(x, "x", [&]<class In>() {
    convolve<Sum, In>(ctx.threads(), shape, x.data<In>(), static_cast<Sum>(zero), weights.data(), out.data());
  });
  return out;
}

void infer_integer(InferContext& ctx) {
  if (!ctx.has_shape(0) || !ctx.has_shape(1)) return ctx.set_output(0, DType::i32);
  ctx.set_output(0, DType::i32, conv_shape(ctx.attributes(), ctx.shape(0), ctx.shape(1)).output);
}

void eval_integer(EvalContext& ctx) {
  const Tensor &x = ctx.input(0), &w = ctx.input(1);
  const ConvShape shape = conv_shape(ctx.attributes(), symbolic(x.shape()), symbolic(w.shape()));
  const Tensor x_zero = ctx.has_input(2) ? ctx.input(2) : Tensor(), w_zero = ctx.has_input(3) ? ctx.input(3) : Tensor();
  Tensor& y = ctx.output(0, DType::i32, *static_shape(shape.output));
  with_sum_type(depth(shape), [&]<class Sum>() {
    const std::vector<Sum> all = sums<Sum>(ctx, shape, x, x_zero, w, w_zero);
    auto* to = y.data<std::int32_t>();
    for (std::size_t i = 0; i < all.size(); ++i) to[i] = check_int32(signed_value(all[i]));
  });
}

void infer_qlinear(InferContext& ctx) {
  for (const int scale : {1, 4, 6}) {
    if (const Tensor* tensor = ctx.constant(scale)) check_scale(*tensor, ctx.node().op_type + " scale");
  }
  if (!ctx.has_shape(0) || !ctx.has_shape(3)) return ctx.set_output(0, ctx.dtype(7));
  const ConvShape shape = conv_shape(ctx.attributes(), ctx.shape(0), ctx.shape(3));
  if (ctx.has_shape(8)) check_bias(ctx.shape(8), shape.output[1]);
  ctx.set_output(0, ctx.dtype(7), shape.output);
}

// One multiplier for each output channel.
std::vector<float> channel_multipliers(const EvalContext& ctx, std::int64_t channels) {
  check_scale(ctx.input(1), "x_scale");
  check_scale(ctx.input(4), "w_scale");
  check_scale(ctx.input(6), "y_scale");
  if (ctx.input(1).elements() != 1 || ctx.input(6).elements() != 1) {
    throw ctx.error(ErrorKind::bad_input, "the scales of x and y are one number each");
  }
  std::vector<double> weights = ctx.input(4).to_double();
  if (weights.size() != 1) {
    check_channels({Dim(channels)}, static_cast<std::int64_t>(weights.size()), 0, "w_scale");
  } else {
    weights.assign(static_cast<std::size_t>(channels), weights[0]);
  }
  const auto number = [&](int slot) { return static_cast<float>(ctx.input(slot).to_double()[0]); };
  return multipliers(number(1), weights, number(6));
}

template <class Sum>
void requantize_all(EvalContext& ctx, const ConvShape& shape, Tensor& y) {
  const std::vector<Sum> all = sums<Sum>(ctx, shape, ctx.input(0), ctx.input(2), ctx.input(3), ctx.input(5));
  const std::int64_t channels = y.dim(1), plane = shape.window.positions();
  const std::vector<float> scale = channel_multipliers(ctx, channels);
  const std::int32_t* bias = nullptr;
  if (ctx.has_input(8)) {
    check_bias(symbolic(ctx.input(8).shape()), shape.output[1]);
    if (ctx.input(8).dtype() != DType::i32) {
      throw ctx.error(ErrorKind::bad_input, "the bias is not int32").value(to_string(ctx.input(8).dtype()));
    }
    bias = ctx.input(8).data<std::int32_t>();
  }
  const std::int32_t zero = single(ctx.input(7), "y_zero_point");
  dispatch_eight_bits(y, "y", [&]<class Q>() {
    Q* to = y.data<Q>();
    for (std::int64_t i = 0; i < y.elements(); ++i) {
      const auto m = static_cast<std::size_t>(i / plane % channels);
      const std::int64_t sum = signed_value(all[static_cast<std::size_t>(i)]) + (bias == nullptr ? 0 : bias[m]);
      to[i] = requantize<Q>(sum, scale[m], zero);
    }
  });
}

void eval_qlinear(EvalContext& ctx) {
  const ConvShape shape = conv_shape(ctx.attributes(), symbolic(ctx.input(0).shape()), symbolic(ctx.input(3).shape()));
  check_eight_bits(ctx.input(7), "y_zero_point");
  Tensor& y = ctx.output(0, ctx.input(7).dtype(), *static_shape(shape.output));
  with_sum_type(depth(shape), [&]<class Sum>() { requantize_all<Sum>(ctx, shape, y); });
}

std::vector<Attributes> forms() {
  return {
      {},
      attributes_of({{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}, {"kernel_shape", Ints{3, 3}}}),
      attributes_of({{"group", std::int64_t{2}}, {"dilations", Ints{2, 1}}, {"pads", Ints{2, 0, 1, 1}}}),
      attributes_of({{"auto_pad", std::string("SAME_UPPER")}, {"strides", Ints{2, 1}}}),
  };
}

std::vector<Sample> integer_samples(Random& random) {
  std::vector<Sample> out;
  for (const Attributes& attributes : forms()) {
    const std::int64_t group = attributes.integer("group", 1);
    for (const DType w : {DType::u8, DType::i8}) {
      Sample s{attributes,
               {random_tensor(random, DType::u8, {1, 4, 7, 8}, 0, 255),
                random_tensor(random, w, {6, 4 / group, 3, 3}, -128, 128)}};
      if (out.size() % 3 != 0) s.inputs.push_back(Tensor::scalar<std::uint8_t>(7));
      if (out.size() % 3 == 2) s.inputs.push_back(random_tensor(random, w, {6}, -9, 9));
      out.push_back(std::move(s));
    }
  }
  return out;
}

std::vector<Sample> qlinear_samples(Random& random) {
  std::vector<Sample> out;
  for (const Attributes& attributes : forms()) {
    const std::int64_t group = attributes.integer("group", 1);
    for (const DType w : {DType::u8, DType::i8}) {
      const Shape channel = out.size() % 3 == 1 ? Shape{6} : Shape{};
      const DType x = out.size() % 4 < 2 ? DType::u8 : w;
      const auto scale = [&](const Shape& shape) { return random_tensor(random, DType::f32, shape, 0.01f, 0.05f); };
      Sample s{attributes,
               {random_tensor(random, x, {2, 4, 7, 8}, -128, 128), scale({}), random_tensor(random, x, {}, -9, 9),
                random_tensor(random, w, {6, 4 / group, 3, 3}, -128, 128), scale(channel),
                random_tensor(random, w, channel, -9, 9), scale({}), random_tensor(random, x, {}, -9, 9)}};
      if (out.size() % 2 == 0) s.inputs.push_back(random_tensor(random, DType::i32, {6}, -9999, 9999));
      out.push_back(std::move(s));
    }
  }
  return out;
}

}  // namespace

Rows conv_integer() {
  const std::vector<std::string> names = {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"};
  return {
      {.name = "ConvInteger",
       .since = 10,
       .inputs = {2, 4},
       .attributes = names,
       .infer = infer_integer,
       .eval = eval_integer,
       .samples = integer_samples},
      {.name = "QLinearConv",
       .since = 10,
       .inputs = {8, 9},
       .attributes = names,
       .infer = infer_qlinear,
       .eval = eval_qlinear,
       .samples = qlinear_samples},
  };
}

}  // namespace octet::ops
