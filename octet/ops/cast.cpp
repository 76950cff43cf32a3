// Cast, CastLike: element by element to the type `to`, or to that of input 1. To integers truncates (out of
// range saturates), to bool is x != 0, to floats rounds to nearest even.
// Source: ONNX Cast-19, CastLike-19.  Strings and 8-bit floats are refused.
#include "octet/ops/element_rules.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"
#include "octet/ops/samples.h"

namespace octet::ops {
namespace {

DType target(const Attributes& attributes) {
  const std::int64_t to = attributes.integer("to");
  const auto dtype = static_cast<DType>(to);
  if (to <= 0 || to > 255 || size_of(dtype) == 0) {
    throw Error(ErrorKind::unsupported, "Cast to this type is not supported")
        .value(to == static_cast<std::int64_t>(DType::string) ? "string" : "element type " + std::to_string(to))
        .expected("bool, an integer or a float of 16 to 64 bits");
  }
  return dtype;
}

void infer_as(InferContext& ctx, DType dtype) {
  if (ctx.has_shape(0)) {
    ctx.set_output(0, dtype, ctx.shape(0));
  } else {
    ctx.set_output(0, dtype);
  }
  // Only what stays the same number: bool from 0 and 1, but not from other integers.
  if (is_integer(dtype) && !is_float(ctx.dtype(0))) pass_elements(ctx, 0);
}

void eval_as(EvalContext& ctx, DType dtype) {
  const Tensor& x = ctx.input(0);
  if (x.dtype() == dtype) return ctx.set_output(0, x);
  Tensor& y = ctx.output(0, dtype, x.shape());
  ctx.threads().parallel_for(x.elements(), 16384,
                             [&](std::int64_t begin, std::int64_t end) { x.cast_into(y, begin, end); });
}

std::vector<Tensor> sources(Random& random) {
  std::vector<Tensor> out;
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::bf16, DType::i8, DType::u8, DType::i32,
                            DType::i64, DType::boolean}) {
    out.push_back(random_tensor(random, dtype, {3, 5}, -100, 100));
  }
  out.push_back(random_tensor(random, DType::f32, {}));
  out.push_back(random_tensor(random, DType::f32, {0, 2}));
  return out;
}

constexpr DType kTargets[] = {DType::f32, DType::f64, DType::f16, DType::bf16, DType::i8,     DType::u8,
                              DType::i16, DType::u16, DType::i32, DType::i64,  DType::boolean};

std::vector<Sample> cast_samples(Random& random) {
  std::vector<Sample> out;
  for (const Tensor& x : sources(random)) {
    for (const DType to : kTargets) {
      out.push_back({.attributes = make_attributes({{"to", static_cast<std::int64_t>(to)}}), .inputs = {x}});
    }
  }
  return out;
}

std::vector<Sample> like_samples(Random& random) {
  std::vector<Sample> out;
  for (const Tensor& x : sources(random)) {
    for (const DType to : kTargets) out.push_back({.inputs = {x, Tensor::zeros(to, {1})}});
  }
  return out;
}

// Between floating point types; through an integer no gradient passes (differentiation stops there by itself).
void gradient(GradientContext& ctx) { ctx.set(0, ctx.cast_to(ctx.output_gradient(), ctx.dtype(ctx.input(0)))); }

}  // namespace

Rows cast() {
  return {
      {
          .name = "Cast",
          .attributes = {"to", "saturate"},
          .infer = [](InferContext& ctx) { infer_as(ctx, target(ctx.attributes())); },
          .eval = [](EvalContext& ctx) { eval_as(ctx, target(ctx.attributes())); },
          .gradient = gradient,
          .samples = cast_samples,
      },
      {
          .name = "CastLike",
          .since = 15,
          .inputs = {2, 2},
          .attributes = {"saturate"},
          .infer = [](InferContext& ctx) { infer_as(ctx, ctx.dtype(1)); },
          .eval = [](EvalContext& ctx) { eval_as(ctx, ctx.input(1).dtype()); },
          .gradient = gradient,
          .samples = like_samples,
      },
  };
}

}  // namespace octet::ops
