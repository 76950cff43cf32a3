// Dropout as inference runs it: y = x; the optional mask is all true.
//   opsets 7 to 11 take the ratio as an attribute, 12 and later as input 1, with training_mode as input 2.
//   At opset 7 the mask has the type of x, later it is boolean.
// Training with a ratio other than 0 is refused.  Source: ONNX Dropout-13.
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"
#include "octet/ops/samples.h"

namespace octet::ops {
namespace {

DType mask_type(int opset, DType data) { return opset >= 10 ? DType::boolean : data; }

void infer(InferContext& ctx) {
  infer_same_as_input(ctx);
  if (ctx.output_count() < 2) return;
  const DType dtype = mask_type(ctx.opset(), ctx.dtype(0));
  if (ctx.has_shape(0)) {
    ctx.set_output(1, dtype, ctx.shape(0));
  } else {
    ctx.set_output(1, dtype);
  }
}

double scalar_or(const EvalContext& ctx, int input, double fallback) {
  if (!ctx.has_input(input)) return fallback;
  const std::vector<double> values = ctx.input(input).to_double();
  return values.empty() ? fallback : values[0];
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  if (scalar_or(ctx, 2, 0) != 0 && scalar_or(ctx, 1, 0.5) != 0) {
    throw ctx.error(ErrorKind::unsupported, "Dropout in training mode is not supported")
        .hint("export the model for inference");
  }
  ctx.set_output(0, x);
  if (!ctx.wants_output(1)) return;
  const DType dtype = mask_type(ctx.opset(), x.dtype());
  Tensor& mask = ctx.output(1, dtype, x.shape());
  dispatch(dtype, [&]<class T>() {
    const T one = [] {
      if constexpr (std::is_constructible_v<T, float>) return T(1.0f);
    }();
    std::fill_n(mask.data<T>(), mask.elements(), one);
  });
}

std::vector<Sample> samples(Random& random) {
  const Tensor x = random_tensor(random, DType::f32, {2, 3, 4});
  const Attributes ratio = make_attributes({{"ratio", 0.3f}});
  return {
      {.attributes = ratio, .inputs = {x}, .opset = 7, .outputs = 2},
      {.attributes = ratio, .inputs = {x}, .opset = 10, .outputs = 2},
      {.inputs = {x, Tensor::scalar(0.3f)}, .opset = 12},
      {.inputs = {x, {}, Tensor::scalar(false)}, .opset = 13, .outputs = 2},
      {.inputs = {x, Tensor::scalar(0.0f), Tensor::scalar(true)}, .opset = 13, .outputs = 2},
      {.inputs = {random_tensor(random, DType::f16, {0, 4})}, .opset = 22, .outputs = 2},
  };
}

}  // namespace

Rows dropout() {
  return {{
      .name = "Dropout",
      .since = 7,
      .inputs = {1, 3},
      .outputs = {1, 2},
      .attributes = {"ratio", "seed"},
      .infer = infer,
      .eval = eval,
      .gradient = gradient_identity,
      .quant = {.kind = QuantRule::Kind::pass_through},
      .samples = samples,
  }};
}

}  // namespace octet::ops
