// LayerNormalization: over all axes from `axis` on (default -1),
//   y = scale (x - mean) / sqrt(variance + epsilon) + bias,   variance = mean((x - mean)^2)
//   scale, bias (optional)   broadcast to x
//   outputs 1 and 2: mean and 1 / sqrt(variance + epsilon), of x's shape with the normalized axes 1, in the
//   type stash_type (float, whatever x's type).
// Source: ONNX LayerNormalization-17.
#include <cmath>

#include "octet/kernels/math/math.h"
#include "octet/ops/axes.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

DType stash_type(const Attributes& attributes) {
  const auto dtype = static_cast<DType>(attributes.integer("stash_type", 1));
  if (dtype == DType::f32 || dtype == DType::f64) return dtype;
  throw Error(ErrorKind::unsupported, "LayerNormalization: stash_type must be float or double");
}

template <class S>
S statistics_shape(const S& shape, int rank, int axis) {
  S out = shape;
  for (int i = axis; i < rank; ++i)
    out[static_cast<typename std::conditional_t<std::is_same_v<S, Shape>, int, std::size_t>>(i)] = 1;
  return out;
}

void infer(InferContext& ctx) {
  infer_same_as_input(ctx);
  if (!ctx.has_shape(0)) return;
  const int axis = normalize_axis(ctx.attributes().integer("axis", -1), ctx.rank(0));
  for (int i = 1; i < ctx.output_count(); ++i) {
    ctx.set_output(i, stash_type(ctx.attributes()), statistics_shape(ctx.shape(0), ctx.rank(0), axis));
  }
}

// Scale or bias seen from a row of x: the same for every row, or one for each.
template <class T>
class Operand {
 public:
  using C = Compute<T>;
  Operand(const EvalContext& ctx, int slot, const Shape& shape, int axis) {
    if (!ctx.has_input(slot)) return;
    Shape row;
    for (int i = axis; i < shape.rank(); ++i) row.push_back(shape[i]);
    const Tensor& given = ctx.input(slot);
    const bool same = given.rank() <= row.rank();
    held_ = expand_to(given.cast(DTypeOf<C>::value), same ? row : shape, ctx.threads());
    step_ = same ? 0 : row.elements();
  }
  bool repeats() const { return step_ == 0; }
  /// nullptr when it is left out.
  const C* row(std::int64_t r) const { return held_.defined() ? held_.template data<C>() + r * step_ : nullptr; }

 private:
  Tensor held_;
  std::int64_t step_ = 0;
};

struct Moments {
  double mean, deviation;  ///< the deviation is 1 / sqrt(variance + epsilon)
};

template <class T>
Moments moments(const T* x, std::int64_t count, double epsilon) {
  double sum = 0, squares = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(static_cast<Compute<T>>(x[i]));
  const double mean = sum / static_cast<double>(count);
  for (std::int64_t i = 0; i < count; ++i) {
    const double d = static_cast<double>(static_cast<Compute<T>>(x[i])) - mean;
    squares += d * d;
  }
  return {mean, 1 / std::sqrt(squares / static_cast<double>(count) + epsilon)};
}

Moments moments(const float* x, std::int64_t count, double epsilon) {
  const kernels::MathTable& math = kernels::math();
  const double mean = math.sum(x, count) / static_cast<double>(count);
  const double squares = math.squared_distance(x, static_cast<float>(mean), count);
  return {mean, 1 / std::sqrt(squares / static_cast<double>(count) + epsilon)};
}

template <class T>
void normalize_row(const T* x, std::int64_t count, Moments m, const Compute<T>* scale, const Compute<T>* bias, T* y) {
  using C = Compute<T>;
  const C mean = static_cast<C>(m.mean), deviation = static_cast<C>(m.deviation);
  for (std::int64_t i = 0; i < count; ++i) {
    const C normal = (static_cast<C>(x[i]) - mean) * deviation;
    const C scaled = normal * scale[i];
    y[i] = store<T>(bias == nullptr ? scaled : scaled + bias[i]);
  }
}

void normalize_row(const float* x, std::int64_t count, Moments m, const float* scale, const float* bias, float* y) {
  kernels::math().normalize(x, static_cast<float>(m.mean), static_cast<float>(m.deviation), scale, bias, y, count);
}

// Where nothing but y is wanted, and scale and bias are those of every row.
void normalize_rows(EvalContext& ctx, const float* x, std::int64_t rows, std::int64_t count, const float* scale,
                    const float* bias, float* y) {
  const double epsilon = ctx.attributes().real("epsilon", 1e-5f);
  ctx.threads().parallel_for(rows, std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, count)),
                             [&](std::int64_t begin, std::int64_t end) {
                               kernels::math().layer_norm(x + begin * count, end - begin, count, epsilon, scale, bias,
                                                          y + begin * count);
                             });
}

template <class T>
void eval_as(EvalContext& ctx, const Tensor& x, int axis, Tensor& y) {
  const double epsilon = ctx.attributes().real("epsilon", 1e-5f);
  const Operand<T> scale(ctx, 1, x.shape(), axis), bias(ctx, 2, x.shape(), axis);
  const std::int64_t rows = x.shape().elements(0, axis), count = x.shape().elements(axis, x.rank());
  if constexpr (std::is_same_v<T, float>) {
    if (scale.repeats() && bias.repeats() && !ctx.wants_output(1) && !ctx.wants_output(2) && scale.row(0) != nullptr) {
      return normalize_rows(ctx, x.data<T>(), rows, count, scale.row(0), bias.row(0), y.data<T>());
    }
  }
  std::vector<Moments> kept(static_cast<std::size_t>(rows));
  ctx.threads().parallel_for(rows, std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, count)),
                             [&](std::int64_t begin, std::int64_t end) {
                               for (std::int64_t r = begin; r < end; ++r) {
                                 const T* from = x.data<T>() + r * count;
                                 const Moments m = kept[static_cast<std::size_t>(r)] = moments(from, count, epsilon);
                                 normalize_row(from, count, m, scale.row(r), bias.row(r), y.data<T>() + r * count);
                               }
                             });
  for (int i = 1; i < ctx.output_count(); ++i) {
    if (!ctx.wants_output(i)) continue;
    const DType dtype = stash_type(ctx.attributes());
    Tensor& out = ctx.output(i, dtype, statistics_shape(x.shape(), x.rank(), axis));
    dispatch(dtype, [&]<class S>() {
      for (std::size_t r = 0; r < kept.size(); ++r) {
        if constexpr (is_real<S>) out.data<S>()[r] = store<S>(i == 1 ? kept[r].mean : kept[r].deviation);
      }
    });
  }
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const int axis = normalize_axis(ctx.attributes().integer("axis", -1), x.rank());
  Tensor& y = ctx.output(0, x.dtype(), x.shape());
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (is_real<T>) {
      eval_as<T>(ctx, x, axis, y);
    } else {
      throw wrong_type(ctx, x.dtype(), "a floating point type");
    }
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](DType dtype, const Shape& shape, std::int64_t axis, const Shape& scale, int inputs,
                       int outputs) {
    Sample sample{.attributes = make_attributes({{"axis", axis}, {"epsilon", 1e-3f}}),
                  .inputs = {random_tensor(random, dtype, shape)},
                  .outputs = outputs};
    for (int i = 1; i < inputs; ++i) sample.inputs.push_back(random_tensor(random, dtype, scale, 0.5f, 2));
    out.push_back(sample);
  };
  add(DType::f32, {2, 3, 4, 5}, -1, {5}, 3, 3);
  add(DType::f32, {2, 3, 4, 5}, 2, {4, 5}, 3, 1);
  add(DType::f32, {2, 3, 4, 5}, 0, {2, 3, 4, 5}, 2, 3);
  add(DType::f32, {2, 3, 4, 5}, 1, {5}, 3, 1);
  add(DType::f32, {2, 3, 5}, -1, {2, 1, 5}, 3, 1);
  add(DType::f32, {1, 128, 384}, -1, {384}, 3, 1);
  add(DType::f32, {7}, 0, {7}, 2, 2);
  add(DType::f32, {0, 4}, 1, {4}, 3, 1);
  add(DType::f64, {3, 6}, -1, {6}, 3, 1);
  add(DType::f16, {3, 6}, -1, {6}, 3, 3);
  return out;
}

void gradient(GradientContext& ctx) {
  for (int i = 1; i < ctx.output_count(); ++i) {
    if (ctx.output_gradient(i) != kNoValue) throw ctx.error("a loss that depends on a layer norm's statistics");
  }
  const bool own_bias = ctx.wants(2) && !(ctx.has_input(1) && ctx.same_shape(ctx.input(1), ctx.input(2)));
  const std::vector<ValueId> out =
      ctx.emit_outputs("LayerNormGrad", {ctx.input(0), ctx.input(1), ctx.output_gradient()},
                       {ctx.wants(0), ctx.wants(1), ctx.wants(2) && !own_bias}, ctx.attributes(), "octet");
  ctx.set(0, out[0]);
  ctx.set(1, out[1]);
  if (own_bias) {
    ctx.set_sum(2, ctx.output_gradient());
  } else {
    ctx.set(2, out[2]);
  }
}

}  // namespace

Rows layer_normalization() {
  return {{
      .name = "LayerNormalization",
      .since = 17,
      .inputs = {2, 3},
      .outputs = {1, 3},
      .attributes = {"axis", "epsilon", "stash_type"},
      .infer = infer,
      .eval = eval,
      .gradient = gradient,
      .samples = samples,
  }};
}

}  // namespace octet::ops
