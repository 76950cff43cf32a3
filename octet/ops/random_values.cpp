// RandomNormal, RandomUniform, their Like forms, and Bernoulli. Never folded. With `seed` the numbers are the same
// in every run; without it they differ from run to run.
//   normal: mean + scale * z (Box and Muller's method);  uniform: in [low, high);
//   Bernoulli: 1 with probability x, else 0.
// Source: ONNX RandomNormal-1, RandomUniform-1, RandomNormalLike-1, RandomUniformLike-1, Bernoulli-15.
#include <bit>
#include <cmath>
#include <numbers>

#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

Random generator(const Attributes& attributes) {
  if (attributes.has("seed")) return Random(std::bit_cast<std::uint32_t>(attributes.real("seed", 0)));
  return Random(std::random_device{}());
}

DType type_of(const Attributes& attributes, DType fallback) {
  const std::int64_t given = attributes.integer("dtype", static_cast<std::int64_t>(fallback));
  const auto dtype = static_cast<DType>(given);
  if (given > 0 && given < 256 && size_of(dtype) != 0) return dtype;
  throw Error(ErrorKind::unsupported, "random tensors of this type cannot be made").value(std::to_string(given));
}

using Draw = double (*)(Random& random, const Attributes& attributes);

double normal(Random& random, const Attributes& attributes) {
  const double radius = std::sqrt(-2 * std::log(1 - static_cast<double>(random.uniform())));
  const double z = radius * std::cos(2 * std::numbers::pi * static_cast<double>(random.uniform()));
  return attributes.real("mean", 0) + attributes.real("scale", 1) * z;
}

double uniform(Random& random, const Attributes& attributes) {
  const float low = attributes.real("low", 0);
  return random.uniform(low, attributes.real("high", 1));
}

void fill(EvalContext& ctx, const Shape& shape, DType dtype, Draw draw) {
  if (!is_float(dtype)) throw wrong_type(ctx, dtype, "a floating point type");
  Random random = generator(ctx.attributes());
  Tensor& y = ctx.output(0, dtype, shape);
  dispatch(dtype, [&]<class T>() {
    if constexpr (is_real<T>) {
      for (std::int64_t i = 0; i < y.elements(); ++i) y.data<T>()[i] = store<T>(draw(random, ctx.attributes()));
    }
  });
}

OpDef of_shape(const char* name, std::vector<std::string> attributes, Draw draw) {
  attributes.insert(attributes.end(), {"dtype", "seed", "shape"});
  return {
      .name = name,
      .inputs = {0, 0},
      .attributes = std::move(attributes),
      .infer =
          [](InferContext& ctx) {
            const Shape shape(ctx.attributes().integers("shape"));
            ctx.set_output(0, type_of(ctx.attributes(), DType::f32), symbolic(shape));
          },
      .eval =
          [draw](EvalContext& ctx) {
            fill(ctx, Shape(ctx.attributes().integers("shape")), type_of(ctx.attributes(), DType::f32), draw);
          },
      .foldable = false,
      .samples = [](Random&) -> std::vector<Sample> {
        const std::vector<std::int64_t> shape = {2, 3}, empty = {0};
        return {{.attributes = make_attributes({{"shape", shape}, {"seed", 1.5f}})},
                {.attributes = make_attributes({{"shape", shape}, {"dtype", 11}})},
                {.attributes = make_attributes({{"shape", empty}, {"dtype", 10}})}};
      },
  };
}

void infer_like(InferContext& ctx) {
  const DType dtype = type_of(ctx.attributes(), ctx.dtype(0));
  if (ctx.has_shape(0)) {
    ctx.set_output(0, dtype, ctx.shape(0));
  } else {
    ctx.set_output(0, dtype);
  }
}

OpDef like(const char* name, std::vector<std::string> attributes, Draw draw) {
  attributes.insert(attributes.end(), {"dtype", "seed"});
  return {
      .name = name,
      .attributes = std::move(attributes),
      .infer = infer_like,
      .eval =
          [draw](EvalContext& ctx) {
            fill(ctx, ctx.input(0).shape(), type_of(ctx.attributes(), ctx.input(0).dtype()), draw);
          },
      .foldable = false,
      .samples = [](Random& random) { return unary_samples_with(random, make_attributes({{"seed", 3.0f}})); },
  };
}

void eval_bernoulli(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  if (!is_float(x.dtype())) throw wrong_type(ctx, x.dtype(), "a floating point type");
  Random random = generator(ctx.attributes());
  const std::vector<double> probability = x.to_double();
  Tensor& y = ctx.output(0, type_of(ctx.attributes(), x.dtype()), x.shape());
  dispatch(y.dtype(), [&]<class T>() {
    for (std::size_t i = 0; i < probability.size(); ++i) {
      y.data<T>()[i] = store<T>(static_cast<double>(random.uniform()) < probability[i] ? 1 : 0);
    }
  });
}

}  // namespace

Rows random_values() {
  OpDef bernoulli{.name = "Bernoulli",
                  .since = 15,
                  .attributes = {"dtype", "seed"},
                  .infer = infer_like,
                  .eval = eval_bernoulli,
                  .foldable = false};
  bernoulli.samples = [](Random& draw) { return unary_samples_with(draw, make_attributes({{"dtype", 7}}), 0, 1); };
  return {
      of_shape("RandomNormal", {"mean", "scale"}, normal),
      of_shape("RandomUniform", {"low", "high"}, uniform),
      like("RandomNormalLike", {"mean", "scale"}, normal),
      like("RandomUniformLike", {"low", "high"}, uniform),
      bernoulli,
  };
}

}  // namespace octet::ops
