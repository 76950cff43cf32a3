// Gradient-only operators of what moves elements, domain octet:
//   SplitLike(dy, shape, shape, ...; axis): the pieces of dy that tensors of these shapes took in a Concat
//   SliceGrad(dy, shape of x, starts, ends, axes, steps): dy at the places that Slice took it from, 0 elsewhere
//   GatherGrad(dy, indices, shape of x; axis): dy added up at the places that Gather took it from
//   ScatterAdd(dy, places, shape of x): dx.flat[places[i] - 1] += dy.flat[i] for places[i] > 0; what any operator
//     that moves, repeats or drops elements needs: `places` is that operator applied to 1, 2, 3, ...
// Sums run in the order of dy.
#include "octet/ops/movement_gradient.h"

#include <algorithm>
#include <cstring>

#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"
#include "octet/ops/strided_copy.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

// ---- SplitLike

void infer_split(InferContext& ctx) {
  for (int i = 0; i < ctx.output_count(); ++i) {
    if (const auto elements = ctx.elements(i + 1)) {
      ctx.set_output(i, ctx.dtype(0), *elements);
    } else {
      ctx.set_output(i, ctx.dtype(0));
    }
  }
  if (ctx.has_shape(0)) normalize_axis(ctx.attributes().integer("axis"), ctx.rank(0));
}

void eval_split(EvalContext& ctx) {
  const Tensor& dy = ctx.input(0);
  const int axis = normalize_axis(ctx.attributes().integer("axis"), dy.rank());
  if (ctx.input_count() != ctx.output_count() + 1) {
    throw ctx.error(ErrorKind::bad_input, "as many shapes as outputs are needed");
  }
  const std::int64_t outer = dy.shape().elements(0, axis), inner = dy.shape().elements(axis + 1, dy.rank());
  const auto* from = static_cast<const std::byte*>(dy.raw());
  std::int64_t rest = dy.dim(axis);
  for (int i = 0; i < ctx.output_count(); ++i) {
    const Shape shape = shape_from(ctx, ctx.input(i + 1));
    const bool fits = shape.rank() == dy.rank() && shape.elements(0, axis) == outer &&
                      shape.elements(axis + 1, shape.rank()) == inner && shape[axis] <= rest;
    if (!fits) {
      throw ctx.error(ErrorKind::bad_input, "a piece does not fit the tensor")
          .value(to_string(shape))
          .expected(to_string(dy.shape()));
    }
    rest -= shape[axis];
    const std::int64_t run = shape[axis] * inner;
    if (ctx.wants_output(i)) {
      StridedCopy copy;
      copy.add(outer, dy.dim(axis) * inner, run);
      copy.add(run, 1, 1);
      copy.run(ctx.threads(), size_of(dy.dtype()), from, ctx.output(i, dy.dtype(), shape).raw());
    }
    from += static_cast<std::size_t>(run) * size_of(dy.dtype());
  }
}

// ---- SliceGrad

void infer_shape_input(InferContext& ctx, int slot) {
  if (const auto elements = ctx.elements(slot)) return ctx.set_output(0, ctx.dtype(0), *elements);
  ctx.set_output(0, ctx.dtype(0));
}

void eval_slice(EvalContext& ctx) {
  const Tensor& dy = ctx.input(0);
  const Shape shape = shape_from(ctx, ctx.input(1));
  const auto optional = [&](int slot) -> std::optional<std::vector<std::int64_t>> {
    if (!ctx.has_input(slot)) return std::nullopt;
    return ctx.input(slot).to_int64();
  };
  const std::vector<SliceCut> cuts =
      slice_cuts(shape, ctx.input(2).to_int64(), ctx.input(3).to_int64(), optional(4), optional(5));
  Shape taken = shape;
  for (int i = 0; i < shape.rank(); ++i) taken[i] = cuts[static_cast<std::size_t>(i)].count;
  if (!(taken == dy.shape())) {
    throw ctx.error(ErrorKind::bad_input, "the gradient is not that of this slice")
        .value(to_string(dy.shape()))
        .expected(to_string(taken));
  }
  Tensor& dx = ctx.output(0, dy.dtype(), shape);
  std::memset(dx.raw(), 0, dx.bytes());
  if (dy.elements() == 0) return;
  const auto from = strides_of(dy.shape()), to = strides_of(shape);
  std::int64_t start = 0;
  StridedCopy copy;
  for (int i = 0; i < shape.rank(); ++i) {
    const auto u = static_cast<std::size_t>(i);
    const SliceCut& cut = cuts[u];
    const bool back = cut.step < 0;  // places are walked forwards: a cut that goes backwards is read backwards
    const std::int64_t first = back ? cut.start + (cut.count - 1) * cut.step : cut.start;
    start += first * to[u];
    // A dimension of one element takes no stride: a huge step must not overflow it.
    const std::int64_t step = cut.count > 1 ? (back ? -cut.step : cut.step) * to[u] : 1;
    copy.add(cut.count, back ? -from[u] : from[u], step);
  }
  std::int64_t begin = 0;
  for (int i = 0; i < shape.rank(); ++i) {
    const auto u = static_cast<std::size_t>(i);
    if (cuts[u].step < 0) begin += (cuts[u].count - 1) * from[u];
  }
  const std::size_t item = size_of(dy.dtype());
  copy.run(ctx.threads(), item, static_cast<const std::byte*>(dy.raw()) + static_cast<std::size_t>(begin) * item,
           static_cast<std::byte*>(dx.raw()) + static_cast<std::size_t>(start) * item);
}

// ---- GatherGrad

void eval_gather(EvalContext& ctx) {
  const Tensor dy = widened(ctx.input(0));
  const Shape shape = shape_from(ctx, ctx.input(2));
  const int axis = normalize_axis(ctx.attributes().integer("axis", 0), shape.rank());
  std::vector<std::int64_t> picks = ctx.input(1).to_int64();
  for (std::int64_t& pick : picks) pick = checked_index(ctx, pick, shape[axis]);
  const std::int64_t outer = shape.elements(0, axis), run = shape.elements(axis + 1, shape.rank());
  const auto count = static_cast<std::int64_t>(picks.size());
  if (dy.elements() != outer * count * run) {
    throw ctx.error(ErrorKind::bad_input, "the gradient does not fit the indices").value(to_string(dy.shape()));
  }
  fill_output(ctx, 0, ctx.input(0).dtype(), shape, [&](Tensor& dx) {
    dispatch_float(dy.dtype(), [&]<class T>() {
      const T* from = dy.data<T>();
      T* to = dx.data<T>();
      std::fill_n(to, dx.elements(), T{0});
      // Columns belong to one thread: rows may come several times.
      const std::int64_t grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, count * outer));
      ctx.threads().parallel_for(run, grain, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = 0; i < outer * count; ++i) {
          const std::int64_t row = i / count * shape[axis] + picks[static_cast<std::size_t>(i % count)];
          for (std::int64_t j = begin; j < end; ++j) to[row * run + j] += from[i * run + j];
        }
      });
    });
  });
}

// ---- ScatterAdd

void eval_scatter(EvalContext& ctx) {
  const Tensor dy = widened(ctx.input(0));
  const Tensor& places = ctx.input(1);
  const Shape shape = shape_from(ctx, ctx.input(2));
  if (!(places.shape() == dy.shape()) || places.dtype() != DType::i64) {
    throw ctx.error(ErrorKind::bad_input, "the places do not fit the gradient")
        .value(to_string(places.shape()) + " " + to_string(places.dtype()))
        .expected(to_string(dy.shape()) + " int64");
  }
  fill_output(ctx, 0, ctx.input(0).dtype(), shape, [&](Tensor& dx) {
    dispatch_float(dy.dtype(), [&]<class T>() {
      T* to = dx.data<T>();
      std::fill_n(to, dx.elements(), T{0});
      const std::int64_t* at = places.data<std::int64_t>();
      for (std::int64_t i = 0; i < dy.elements(); ++i) {
        if (at[i] < 0 || at[i] > dx.elements()) {
          throw ctx.error(ErrorKind::bad_input, "a place is outside the tensor").value(std::to_string(at[i]));
        }
        if (at[i] > 0) to[at[i] - 1] += dy.data<T>()[i];
      }
    });
  });
}

OpDef row(const char* name, Arity inputs, std::vector<std::string> attributes, std::function<void(EvalContext&)> eval,
          std::function<std::vector<Sample>(Random&)> samples, int shape_slot) {
  return {.name = name,
          .domain = "octet",
          .since = 0,
          .inputs = inputs,
          .attributes = std::move(attributes),
          .infer = [shape_slot](InferContext& ctx) { infer_shape_input(ctx, shape_slot); },
          .eval = std::move(eval),
          .samples = std::move(samples)};
}

Attributes with_axis(std::int64_t axis) { return make_attributes({{"axis", axis}}); }

std::vector<Sample> split_samples(Random& random) {
  const auto x = [&](const Shape& shape) { return random_tensor(random, DType::f32, shape); };
  return {{with_axis(1), {x({2, 5, 3}), int64_tensor({2, 1, 3}), int64_tensor({2, 4, 3})}, 17, 2},
          {with_axis(-1), {x({2, 6}), int64_tensor({2, 3}), int64_tensor({2, 0}), int64_tensor({2, 3})}, 17, 3},
          {with_axis(0), {x({0, 2}), int64_tensor({0, 2})}, 17, 1}};
}

std::vector<Sample> slice_samples(Random& random) {
  const auto x = [&](const Shape& shape) { return random_tensor(random, DType::f32, shape); };
  return {{.inputs = {x({2, 2, 3}), int64_tensor({2, 5, 3}), int64_tensor({1}), int64_tensor({4}), int64_tensor({1}),
                      int64_tensor({2})}},
          {.inputs = {x({3, 2}), int64_tensor({3, 4}), int64_tensor({-1, 3}), int64_tensor({-9, 0}),
                      int64_tensor({0, 1}), int64_tensor({-1, -2})}},
          {.inputs = {x({1, 4}), int64_tensor({3, 4}), int64_tensor({1}), int64_tensor({2})}},
          {.inputs = {x({0, 4}), int64_tensor({3, 4}), int64_tensor({2}), int64_tensor({2})}}};
}

std::vector<Sample> gather_samples(Random& random) {
  const auto x = [&](const Shape& shape) { return random_tensor(random, DType::f32, shape); };
  return {{with_axis(0), {x({3, 4}), int64_tensor({1, 1, -1}), int64_tensor({5, 4})}},
          {with_axis(1), {x({2, 2, 2, 3}), Tensor::from<std::int32_t>({2, 2}, {0, -3, 2, 1}), int64_tensor({2, 4, 3})}},
          {with_axis(-1), {x({2}), Tensor::scalar<std::int64_t>(1), int64_tensor({2, 3})}}};
}

std::vector<Sample> scatter_samples(Random& random) {
  return {{.inputs = {random_tensor(random, DType::f32, {2, 3}), Tensor::from<std::int64_t>({2, 3}, {1, 0, 4, 4, 2, 1}),
                      int64_tensor({2, 2})}},
          {.inputs = {random_tensor(random, DType::f32, {0}), int64_tensor({}), int64_tensor({3})}}};
}

}  // namespace

Rows movement_gradient() {
  return {
      {.name = "SplitLike",
       .domain = "octet",
       .since = 0,
       .inputs = {2, kVariadic},
       .outputs = {1, kVariadic},
       .attributes = {"axis"},
       .infer = infer_split,
       .eval = eval_split,
       .samples = split_samples},
      row("SliceGrad", {4, 6}, {}, eval_slice, slice_samples, 1),
      row("GatherGrad", {3, 3}, {"axis"}, eval_gather, gather_samples, 2),
      row("ScatterAdd", {3, 3}, {}, eval_scatter, scatter_samples, 2),
  };
}

// The node itself is run on the places 1, 2, 3, ... of its input; 0 then stands for what comes from nowhere.
void gradient_of_movement(GradientContext& ctx) { gradient_by_movement_of(ctx, ctx.node()); }

void gradient_by_movement_of(GradientContext& ctx, const Node& node) {
  const ValueId x = ctx.input(0), shape = ctx.shape_of(x);
  ValueId places = kNoValue;
  if (const auto known = ctx.shape(x) ? static_shape(*ctx.shape(x)) : std::nullopt) {
    Tensor numbers(DType::i64, *known);
    for (std::int64_t i = 0; i < numbers.elements(); ++i) numbers.data<std::int64_t>()[i] = i + 1;
    places = ctx.graph().add_initializer({}, numbers);
  } else {
    const ValueId one = ctx.graph().add_initializer({}, Tensor::scalar<std::int64_t>(1));
    const ValueId end = ctx.emit("Add", {ctx.emit("Size", {x}), one});
    places = ctx.emit("Reshape", {ctx.emit("Range", {one, end, one}), shape});
  }
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = places;
  const ValueId moved = ctx.emit(node.op_type, inputs, node.attributes, node.domain);
  ctx.set(0, ctx.emit_own("ScatterAdd", {ctx.output_gradient(), moved, shape}));
}

}  // namespace octet::ops
