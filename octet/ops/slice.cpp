// Slice: y = x[start:end:step] along some axes; ends clamp to the tensor.
// Source: ONNX Slice-1 (attributes), Slice-10 (inputs, steps), Slice-13.
#include <algorithm>
#include <limits>

#include "octet/ops/gradient_context.h"
#include "octet/ops/movement.h"
#include "octet/ops/movement_gradient.h"
#include "octet/ops/op_list.h"
#include "octet/ops/strided_copy.h"

namespace octet::ops {
namespace {

constexpr int kRangesAreInputs = 10;
constexpr std::int64_t kFarAway =
    std::numeric_limits<std::int32_t>::max();  // exporters write this, or int64's, for "to the end"

using Cut = SliceCut;

// The elements that start:end:step picks from a dimension.
Cut cut(std::int64_t dim, std::int64_t start, std::int64_t end, std::int64_t step) {
  if (step == 0) throw Error(ErrorKind::bad_input, "Slice: a step is 0");
  if (dim == 0) return {};
  const bool whole = end == std::numeric_limits<std::int64_t>::max() || end == kFarAway;
  if (start < 0) start += dim;
  if (end < 0) end += dim;
  if (step > 0) {
    start = std::clamp<std::int64_t>(start, 0, dim);
    end = std::clamp<std::int64_t>(end, 0, dim);
    return {start, step, end > start ? (end - start - 1) / step + 1 : 0};
  }
  step = std::max(step, -std::numeric_limits<std::int64_t>::max());
  start = std::clamp<std::int64_t>(start, 0, dim - 1);
  // Going backwards, "as far as it goes" is written both ways; ONNX Runtime takes both.
  end = whole ? -1 : std::clamp<std::int64_t>(end, -1, dim - 1);
  return {start, step, start > end ? (start - end - 1) / -step + 1 : 0};
}

struct Ranges {
  std::vector<std::int64_t> starts, ends, steps;
  std::vector<int> axes;
};

Ranges complete(std::vector<std::int64_t> starts, std::vector<std::int64_t> ends,
                std::optional<std::vector<std::int64_t>> axes, std::optional<std::vector<std::int64_t>> steps,
                int rank) {
  Ranges out{std::move(starts), std::move(ends), {}, {}};
  const std::size_t count = out.starts.size();
  if (!axes) {
    axes.emplace();
    for (std::size_t i = 0; i < count; ++i) axes->push_back(static_cast<std::int64_t>(i));
  }
  out.steps = steps ? *steps : std::vector<std::int64_t>(count, 1);
  if (out.ends.size() != count || axes->size() != count || out.steps.size() != count) {
    throw Error(ErrorKind::bad_input, "Slice: starts, ends, axes and steps have different lengths")
        .value(std::to_string(out.ends.size()) + ", " + std::to_string(axes->size()) + " and " +
               std::to_string(out.steps.size()))
        .expected(std::to_string(count));
  }
  out.axes = unique_axes(*axes, rank);
  return out;
}

// A symbolic dimension survives x[0:far:1] and x[0:N:1] where N is that same dimension.
Dim symbolic_cut(const Dim& dim, const Dim& start, const Dim& end, std::int64_t step) {
  if (step != 1 || start != Dim(0)) return Dim();
  if (end.known() && end.value >= kFarAway) return dim;
  return !dim.symbol.empty() && end == dim ? dim : Dim();
}

// starts or ends as far as known: numbers, symbols, or unknown.
struct Bound {
  std::optional<std::vector<std::int64_t>> numbers;
  std::optional<SymbolicShape> elements;
  std::size_t size() const { return numbers ? numbers->size() : elements->size(); }
  bool given() const { return numbers || elements; }
  bool known(std::size_t i) const { return numbers || (*elements)[i].known(); }
  std::int64_t number(std::size_t i) const { return numbers ? (*numbers)[i] : (*elements)[i].value; }
  Dim dim(std::size_t i) const { return numbers ? Dim((*numbers)[i]) : (*elements)[i]; }
};

Bound bound(const InferContext& ctx, int slot, const char* attribute) {
  if (ctx.opset() < kRangesAreInputs) return {ctx.attributes().integers(attribute), std::nullopt};
  return {constant_integers(ctx, slot), ctx.elements(slot)};
}

void infer_elements(InferContext& ctx, const Cut& range) {
  const auto elements = ctx.elements(0);
  if (!elements || ctx.rank(0) != 1) return;
  SymbolicShape out;
  for (std::int64_t i = 0; i < range.count; ++i)
    out.push_back((*elements)[static_cast<std::size_t>(range.start + i * range.step)]);
  ctx.set_elements(0, out);
}

void infer(InferContext& ctx) {
  if (!ctx.has_shape(0)) return ctx.set_output(0, ctx.dtype(0));
  const Bound starts = bound(ctx, 1, "starts"), ends = bound(ctx, 2, "ends");
  bool unknown = false;
  const auto axes = infer_axes(ctx, 3, kRangesAreInputs, &unknown);
  const auto steps = constant_integers(ctx, 4);
  unknown = unknown || !starts.given() || (ctx.has_input(4) && !steps);
  if (unknown || !ends.given()) return set_output_rank(ctx, 0, ctx.dtype(0), ctx.shape(0).size());
  // Only the lengths and axes matter here; the numbers are looked at one by one below.
  const Ranges ranges = complete(std::vector<std::int64_t>(starts.size()), std::vector<std::int64_t>(ends.size()), axes,
                                 steps, ctx.rank(0));
  SymbolicShape shape = ctx.shape(0);
  for (std::size_t i = 0; i < ranges.axes.size(); ++i) {
    Dim& dim = shape[static_cast<std::size_t>(ranges.axes[i])];
    if (!dim.known() || !starts.known(i) || !ends.known(i)) {
      dim = symbolic_cut(dim, starts.dim(i), ends.dim(i), ranges.steps[i]);
      continue;
    }
    const Cut range = cut(dim.value, starts.number(i), ends.number(i), ranges.steps[i]);
    dim = Dim(range.count);
    infer_elements(ctx, range);
  }
  if (ranges.axes.empty()) {
    if (const auto elements = ctx.elements(0)) ctx.set_elements(0, *elements);
  }
  ctx.set_output(0, ctx.dtype(0), shape);
}

Ranges ranges_of(const EvalContext& ctx) {
  const int rank = ctx.input(0).rank();
  if (ctx.opset() < kRangesAreInputs) {
    std::optional<std::vector<std::int64_t>> axes;
    if (ctx.attributes().has("axes")) axes = ctx.attributes().integers("axes");
    return complete(ctx.attributes().integers("starts"), ctx.attributes().integers("ends"), axes, std::nullopt, rank);
  }
  const auto optional = [&](int slot) -> std::optional<std::vector<std::int64_t>> {
    if (!ctx.has_input(slot)) return std::nullopt;
    return ctx.input(slot).to_int64();
  };
  if (ctx.input_count() < 3) throw ctx.error(ErrorKind::bad_input, "Slice without starts and ends");
  return complete(ctx.input(1).to_int64(), ctx.input(2).to_int64(), optional(3), optional(4), rank);
}

std::vector<Cut> cuts_of(const Shape& shape, const Ranges& ranges) {
  std::vector<Cut> cuts;
  for (const std::int64_t dim : shape) cuts.push_back({0, 1, dim});
  for (std::size_t i = 0; i < ranges.axes.size(); ++i) {
    cuts[static_cast<std::size_t>(ranges.axes[i])] =
        cut(shape[ranges.axes[i]], ranges.starts[i], ranges.ends[i], ranges.steps[i]);
  }
  return cuts;
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Ranges ranges = ranges_of(ctx);
  const auto from = strides_of(x.shape());
  const std::vector<Cut> cuts = cuts_of(x.shape(), ranges);
  Shape shape;
  std::int64_t first = 0;
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    shape.push_back(cuts[i].count);
    if (cuts[i].count > 0) first += cuts[i].start * from[i];
  }
  Tensor& y = ctx.output(0, x.dtype(), shape);
  const auto to = strides_of(shape);
  StridedCopy copy;
  // A dimension of one picked element takes no stride: a huge step must not overflow it.
  for (std::size_t i = 0; i < cuts.size(); ++i)
    copy.add(cuts[i].count, cuts[i].count > 1 ? from[i] * cuts[i].step : 0, to[i]);
  if (shape.elements() == 0) return;
  const std::size_t item = size_of(x.dtype());
  copy.run(ctx.threads(), item, static_cast<const std::byte*>(x.raw()) + first * static_cast<std::int64_t>(item),
           y.raw());
}

Sample old_sample(Random& random) {
  Sample sample{.attributes = {}, .inputs = {random_tensor(random, DType::f32, {4, 5, 6})}, .opset = 9};
  sample.attributes.set("starts", std::vector<std::int64_t>{1, -2});
  sample.attributes.set("ends", std::vector<std::int64_t>{3, 1000});
  sample.attributes.set("axes", std::vector<std::int64_t>{0, 2});
  return sample;
}

std::vector<Sample> samples(Random& random) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max(),
                         kLeast = std::numeric_limits<std::int64_t>::min();
  std::vector<Sample> out{old_sample(random)};
  using Values = std::initializer_list<std::int64_t>;
  const auto add = [&](const Shape& shape, Values starts, Values ends, Values axes, Values steps,
                       DType dtype = DType::f32) {
    Sample sample{.attributes = {},
                  .inputs = {random_tensor(random, dtype, shape, -9, 9), int64_tensor(starts), int64_tensor(ends)}};
    if (axes.size() != 0) sample.inputs.push_back(int64_tensor(axes));
    if (steps.size() != 0) {
      if (axes.size() == 0) sample.inputs.emplace_back();
      sample.inputs.push_back(int64_tensor(steps));
    }
    out.push_back(std::move(sample));
  };
  add({7}, {2}, {5}, {}, {});
  add({4, 5}, {0, 1}, {kMost, -1}, {}, {});
  add({4, 5, 6}, {-1}, {kLeast}, {-1}, {-1});
  add({4, 5, 6}, {3, 5}, {0, -100}, {0, 2}, {-2, -3}, DType::u8);
  add({2, 3, 4, 5}, {1}, {4}, {2}, {2}, DType::f16);
  add({5, 3}, {3}, {1}, {0}, {1});
  add({0, 3}, {0}, {2}, {0}, {-1});
  add({6}, {1}, {6}, {}, {kMost}, DType::i64);
  add({2, 2, 3, 2, 2, 3}, {1, 0}, {3, 2}, {2, -1}, {1, 2}, DType::boolean);
  return out;
}

void gradient(GradientContext& ctx) {
  const ValueId dy = ctx.output_gradient(), shape = ctx.shape_of(ctx.input(0));
  if (ctx.opset() >= kRangesAreInputs) {
    const auto& in = ctx.node().inputs;
    std::vector<ValueId> inputs{dy, shape};
    inputs.insert(inputs.end(), in.begin() + 1, in.end());
    return ctx.set(0, ctx.emit_own("SliceGrad", inputs));
  }
  const Attributes& given = ctx.attributes();
  const ValueId axes = given.has("axes") ? ctx.integers(given.integers("axes")) : kNoValue;
  ctx.set(0, ctx.emit_own("SliceGrad", {dy, shape, ctx.integers(given.integers("starts")),
                                        ctx.integers(given.integers("ends")), axes}));
}

}  // namespace

std::vector<SliceCut> slice_cuts(const Shape& shape, std::vector<std::int64_t> starts, std::vector<std::int64_t> ends,
                                 std::optional<std::vector<std::int64_t>> axes,
                                 std::optional<std::vector<std::int64_t>> steps) {
  return cuts_of(shape, complete(std::move(starts), std::move(ends), std::move(axes), std::move(steps), shape.rank()));
}

Rows slice() {
  return {{
      .name = "Slice",
      .inputs = {1, 5},
      .attributes = {"starts", "ends", "axes"},
      .infer = infer,
      .eval = eval,
      .gradient = gradient,
      .quant = {.kind = QuantRule::Kind::pass_through},
      .samples = samples,
  }};
}

}  // namespace octet::ops
