// InstanceNormalization and GroupNormalization: y = scale (x - mean) / sqrt(variance + epsilon) + bias, with
// mean and variance over the elements of a group of channels of one batch item.
//   InstanceNormalization   each channel a group; scale and bias [C]
//   GroupNormalization      num_groups groups; scale and bias [num_groups] before opset 21, [C] from then on
// Source: ONNX InstanceNormalization-6, GroupNormalization-18, GroupNormalization-21.
#include <cmath>

#include "octet/ops/axes.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

struct Layout {
  std::int64_t items = 1, groups = 1, channels = 1, inner = 1;  ///< channels of one group; elements of a channel
};

Layout layout_of(const EvalContext& ctx, std::int64_t groups) {
  const Shape& shape = ctx.input(0).shape();
  if (shape.rank() < 2) {
    throw ctx.error(ErrorKind::bad_input, ctx.node().op_type + " needs a batch and a channel axis")
        .value(to_string(shape));
  }
  const AxisSplit split = split_at(shape, 1);
  if (groups < 1 || split.size % groups != 0) {
    throw ctx.error(ErrorKind::bad_input, ctx.node().op_type + ": the groups do not divide the channels")
        .value(std::to_string(groups) + " groups, " + std::to_string(split.size) + " channels");
  }
  return {split.outer, groups, split.size / groups, split.inner};
}

std::vector<double> parameter(const EvalContext& ctx, int slot, std::int64_t count) {
  if (ctx.input(slot).elements() == count && is_float(ctx.input(slot).dtype())) return ctx.input(slot).to_double();
  throw ctx.error(ErrorKind::bad_input, ctx.node().op_type + ": scale or bias has a wrong size")
      .value(to_string(ctx.input(slot).shape()))
      .expected(std::to_string(count));
}

// `per_group`: scale and bias count groups instead of channels.
template <class T>
void normalize(EvalContext& ctx, const Layout& l, bool per_group, double epsilon) {
  using C = Compute<T>;
  const std::int64_t count = per_group ? l.groups : l.groups * l.channels;
  const std::vector<double> scale = parameter(ctx, 1, count), bias = parameter(ctx, 2, count);
  const Tensor& x = ctx.input(0);
  const T* in = x.data<T>();
  T* out = ctx.output(0, x.dtype(), x.shape()).template data<T>();
  const std::int64_t size = l.channels * l.inner;
  const std::int64_t grain = std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, size));
  ctx.threads().parallel_for(l.items * l.groups, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t g = begin; g < end; ++g) {
      const T* from = in + g * size;
      const auto at = [from](std::int64_t i) { return static_cast<double>(static_cast<C>(from[i])); };
      double sum = 0, squares = 0;
      for (std::int64_t i = 0; i < size; ++i) sum += at(i);
      const double mean = sum / static_cast<double>(size);
      for (std::int64_t i = 0; i < size; ++i) squares += (at(i) - mean) * (at(i) - mean);
      const double deviation = 1 / std::sqrt(squares / static_cast<double>(size) + epsilon);
      for (std::int64_t c = 0; c < l.channels; ++c) {
        const auto p = static_cast<std::size_t>(per_group ? g % l.groups : g % l.groups * l.channels + c);
        const C factor = static_cast<C>(scale[p] * deviation),
                shift = static_cast<C>(bias[p] - mean * scale[p] * deviation);
        const T* row = from + c * l.inner;
        T* to = out + g * size + c * l.inner;
        for (std::int64_t i = 0; i < l.inner; ++i) to[i] = store<T>(static_cast<C>(row[i]) * factor + shift);
      }
    }
  });
}

void eval(EvalContext& ctx, std::int64_t groups, bool per_group) {
  const Layout layout = layout_of(ctx, groups);
  const double epsilon = ctx.attributes().real("epsilon", 1e-5f);
  const DType dtype = ctx.input(0).dtype();
  dispatch(dtype, [&]<class T>() {
    if constexpr (is_real<T>) {
      normalize<T>(ctx, layout, per_group, epsilon);
    } else {
      throw wrong_type(ctx, dtype, "a floating point type");
    }
  });
}

void eval_instance(EvalContext& ctx) {
  const Shape& shape = ctx.input(0).shape();
  eval(ctx, shape.rank() < 2 ? 1 : std::max<std::int64_t>(1, shape[1]), false);
}

void eval_group(EvalContext& ctx) { eval(ctx, ctx.attributes().integer("num_groups"), ctx.opset() < 21); }

void add_sample(std::vector<Sample>& out, Random& random, DType dtype, const Shape& shape, std::int64_t parameters,
                Attributes attributes, int opset) {
  out.push_back({.attributes = std::move(attributes),
                 .inputs = {random_tensor(random, dtype, shape), random_tensor(random, dtype, {parameters}, 0.5f, 2),
                            random_tensor(random, dtype, {parameters})},
                 .opset = opset});
}

std::vector<Sample> instance_samples(Random& random) {
  std::vector<Sample> out;
  const Attributes epsilon = make_attributes({{"epsilon", 1e-2f}});
  add_sample(out, random, DType::f32, {2, 3, 4, 5}, 3, {}, 17);
  add_sample(out, random, DType::f32, {1, 4, 9}, 4, epsilon, 7);
  add_sample(out, random, DType::f64, {2, 2, 3, 2, 2}, 2, {}, 17);
  add_sample(out, random, DType::f16, {2, 3, 8}, 3, epsilon, 22);
  add_sample(out, random, DType::f32, {0, 3, 2}, 3, {}, 17);
  return out;
}

std::vector<Sample> group_samples(Random& random) {
  std::vector<Sample> out;
  const Attributes groups = make_attributes({{"num_groups", 2}});
  add_sample(out, random, DType::f32, {2, 6, 4, 5}, 2, groups, 18);
  add_sample(out, random, DType::f32, {2, 6, 4, 5}, 6, groups, 21);
  add_sample(out, random, DType::f64, {3, 4}, 4, groups, 22);
  add_sample(out, random, DType::f16, {1, 4, 9}, 4, make_attributes({{"num_groups", 4}, {"epsilon", 1e-2f}}), 21);
  return out;
}

// Groups become rows: then it is a layer norm of rows between an affine map of channels (or groups).
//   groups   0: each channel is one
void gradient(GradientContext& ctx, std::int64_t groups) {
  const ValueId x = ctx.input(0), dy = ctx.output_gradient();
  const int rank = ctx.rank(x);
  const bool per_group = groups != 0 && ctx.opset() < 21;
  const auto known = ctx.shape(x) ? static_shape(*ctx.shape(x)) : std::nullopt;
  if (known && known->elements() == 0) throw ctx.error("the gradient of a norm of an empty tensor");
  const auto rows = [&](ValueId v) { return ctx.reshape(v, {0, groups == 0 ? 0 : groups, -1}); };
  Attributes form;
  form.set("epsilon", ctx.attributes().real("epsilon", 1e-5f));
  const ValueId one = ctx.graph().add_initializer({}, Tensor::scalar(1.0).cast(ctx.dtype(x)).reshaped({1}));
  // The affine map sees channels, or the rows themselves where each has one factor.
  const bool of_rows = per_group || groups == 0;
  std::vector<std::int64_t> column{-1};
  for (int i = of_rows ? 2 : 1; i < (of_rows ? 3 : rank - 1); ++i) column.push_back(1);
  if (!of_rows && rank == 2) column = {-1};
  std::vector<std::int64_t> axes;
  for (int i = 0; i < (of_rows ? 3 : rank); ++i) {
    if (i != 1) axes.push_back(i);
  }
  const ValueId slope = of_rows ? rows(dy) : dy;
  if (ctx.wants(2)) ctx.set(2, ctx.reduce_sum(slope, axes, false));
  if (ctx.wants(1)) {
    const ValueId normal = ctx.emit_own("LayerNormalization", {rows(x), one}, form);
    ctx.set(1, ctx.reduce_sum(ctx.mul(slope, of_rows ? normal : ctx.reshape_to(normal, x)), axes, false));
  }
  if (!ctx.wants(0)) return;
  const ValueId scaled = ctx.mul(slope, ctx.reshape(ctx.input(1), column));
  const ValueId dx = ctx.emit_own("LayerNormGrad", {rows(x), one, of_rows ? scaled : rows(scaled)}, form);
  ctx.set(0, ctx.reshape_to(dx, x));
}

}  // namespace

Rows group_normalization() {
  return {
      {
          .name = "InstanceNormalization",
          .inputs = {3, 3},
          .attributes = {"epsilon"},
          .infer = infer_same_as_input,
          .eval = eval_instance,
          .gradient = [](GradientContext& ctx) { gradient(ctx, 0); },
          .samples = instance_samples,
      },
      {
          .name = "GroupNormalization",
          .since = 18,
          .inputs = {3, 3},
          .attributes = {"epsilon", "num_groups", "stash_type"},
          .infer = infer_same_as_input,
          .eval = eval_group,
          .gradient = [](GradientContext& ctx) { gradient(ctx, ctx.attributes().integer("num_groups")); },
          .samples = group_samples,
      },
  };
}

}  // namespace octet::ops
