// Split: a tensor cut into pieces along one axis; sizes given, or equal ones.
// Source: ONNX Split-2 (attribute), Split-13 (input), Split-18 (num_outputs, a shorter last piece).
#include <numeric>

#include "octet/base/checked.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"
#include "octet/ops/strided_copy.h"

namespace octet::ops {
namespace {

constexpr int kSizesAreInput = 13, kHasCount = 18;

// Sizes where none are given. From opset 18 the last piece may be shorter.
std::vector<std::int64_t> equal_sizes(const Attributes& attributes, int opset, int outputs, std::int64_t dim) {
  const std::int64_t count = attributes.integer("num_outputs", outputs);
  if (count != outputs) {
    throw Error(ErrorKind::bad_input, "Split: num_outputs differs from the number of outputs")
        .value(std::to_string(count))
        .expected(std::to_string(outputs));
  }
  if (opset < kHasCount && dim % count != 0) {
    throw Error(ErrorKind::bad_input, "Split: the dimension does not divide into equal pieces")
        .value(std::to_string(dim))
        .expected("a multiple of " + std::to_string(count));
  }
  const std::int64_t size = (dim + count - 1) / count;
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < count; ++i) out.push_back(std::clamp<std::int64_t>(dim - i * size, 0, size));
  return out;
}

void check_sizes(const std::vector<std::int64_t>& sizes, int outputs, const std::int64_t* dim) {
  std::int64_t total = 0;
  for (const std::int64_t size : sizes) {
    if (size < 0) throw Error(ErrorKind::bad_input, "Split: a size is negative").value(std::to_string(size));
    total = checked_add(total, size);
  }
  if (sizes.size() != static_cast<std::size_t>(outputs)) {
    throw Error(ErrorKind::bad_input, "Split: as many sizes as outputs are needed")
        .value(std::to_string(sizes.size()))
        .expected(std::to_string(outputs));
  }
  if (dim != nullptr && total != *dim) {
    throw Error(ErrorKind::bad_input, "Split: the sizes do not add up to the dimension")
        .value(std::to_string(total))
        .expected(std::to_string(*dim));
  }
}

void infer_elements(InferContext& ctx, const std::vector<std::int64_t>& sizes) {
  const auto elements = ctx.elements(0);
  if (!elements || ctx.rank(0) != 1) return;
  auto next = elements->begin();
  for (int i = 0; i < ctx.output_count(); ++i) {
    const auto end = next + sizes[static_cast<std::size_t>(i)];
    ctx.set_elements(i, {next, end});
    next = end;
  }
}

void infer(InferContext& ctx) {
  const int outputs = ctx.output_count();
  if (!ctx.has_shape(0)) {
    for (int i = 0; i < outputs; ++i) ctx.set_output(i, ctx.dtype(0));
    return;
  }
  SymbolicShape shape = ctx.shape(0);
  const auto axis = static_cast<std::size_t>(normalize_axis(ctx.attributes().integer("axis", 0), ctx.rank(0)));
  const Dim whole = shape[axis];
  std::optional<std::vector<std::int64_t>> sizes;
  if (ctx.opset() < kSizesAreInput && ctx.attributes().has("split")) {
    sizes = ctx.attributes().integers("split");
  } else if (ctx.opset() >= kSizesAreInput && ctx.has_input(1)) {
    sizes = constant_integers(ctx, 1);
  } else if (whole.known()) {
    sizes = equal_sizes(ctx.attributes(), ctx.opset(), outputs, whole.value);
  }
  if (sizes) check_sizes(*sizes, outputs, whole.known() ? &whole.value : nullptr);
  for (int i = 0; i < outputs; ++i) {
    shape[axis] = sizes ? Dim((*sizes)[static_cast<std::size_t>(i)]) : outputs == 1 ? whole : Dim();
    ctx.set_output(i, ctx.dtype(0), shape);
  }
  if (sizes && whole.known()) infer_elements(ctx, *sizes);
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const int axis = normalize_axis(ctx.attributes().integer("axis", 0), x.rank()), outputs = ctx.output_count();
  std::vector<std::int64_t> sizes;
  if (ctx.opset() < kSizesAreInput && ctx.attributes().has("split")) {
    sizes = ctx.attributes().integers("split");
  } else if (ctx.opset() >= kSizesAreInput && ctx.has_input(1)) {
    sizes = ctx.input(1).to_int64();
  } else {
    sizes = equal_sizes(ctx.attributes(), ctx.opset(), outputs, x.dim(axis));
  }
  const std::int64_t dim = x.dim(axis);
  check_sizes(sizes, outputs, &dim);
  const std::int64_t outer = x.shape().elements(0, axis), inner = x.shape().elements(axis + 1, x.rank());
  const auto* from = static_cast<const std::byte*>(x.raw());
  for (int i = 0; i < outputs; ++i) {
    Shape shape = x.shape();
    shape[axis] = sizes[static_cast<std::size_t>(i)];
    const std::int64_t run = shape[axis] * inner;
    if (ctx.wants_output(i)) {
      StridedCopy copy;
      copy.add(outer, dim * inner, run);
      copy.add(run, 1, 1);
      copy.run(ctx.threads(), size_of(x.dtype()), from, ctx.output(i, x.dtype(), shape).raw());
    }
    from += static_cast<std::size_t>(run) * size_of(x.dtype());
  }
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](int opset, const Shape& shape, std::int64_t axis, std::vector<std::int64_t> sizes, int outputs) {
    Sample sample{
        .attributes = {}, .inputs = {random_tensor(random, DType::f32, shape)}, .opset = opset, .outputs = outputs};
    sample.attributes.set("axis", axis);
    if (!sizes.empty() && opset < kSizesAreInput) {
      sample.attributes.set("split", sizes);
    } else if (!sizes.empty()) {
      sample.inputs.push_back(Tensor::from<std::int64_t>({static_cast<std::int64_t>(sizes.size())}, sizes));
    } else if (opset >= kHasCount) {
      sample.attributes.set("num_outputs", std::int64_t{outputs});
    }
    out.push_back(std::move(sample));
  };
  add(11, {6, 2}, 0, {}, 3);
  add(11, {2, 6}, 1, {1, 5}, 2);
  add(13, {2, 6, 3}, -2, {2, 0, 4}, 3);
  add(13, {4}, 0, {}, 2);
  add(18, {2, 7}, 1, {}, 3);
  add(18, {0, 4}, -1, {}, 2);
  add(18, {5, 2}, 0, {}, 4);
  return out;
}

// A piece that nothing reads has a gradient of zeros.
void gradient(GradientContext& ctx) {
  std::vector<ValueId> pieces;
  for (int i = 0; i < ctx.output_count(); ++i) {
    if (ctx.output(i) == kNoValue) throw ctx.error("the gradient of a Split with an output left out is not known");
    const ValueId dy = ctx.output_gradient(i);
    pieces.push_back(dy == kNoValue ? ctx.zeros_like(ctx.output(i)) : dy);
  }
  Attributes along;
  along.set("axis", ctx.attributes().integer("axis", 0));
  ctx.set(0, ctx.emit("Concat", pieces, along));
}

}  // namespace

Rows split() {
  return {{
      .name = "Split",
      .since = 2,
      .inputs = {1, 2},
      .outputs = {1, kVariadic},
      .attributes = {"axis", "split", "num_outputs"},
      .infer = infer,
      .eval = eval,
      .gradient = gradient,
      .quant = {.kind = QuantRule::Kind::pass_through},
      .samples = samples,
  }};
}

}  // namespace octet::ops
