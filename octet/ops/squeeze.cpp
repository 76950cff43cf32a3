// Squeeze, Unsqueeze: drop or insert dimensions of 1.
// Source: ONNX Squeeze-1, Squeeze-13, Unsqueeze-1, Unsqueeze-13 (axes are an input from 13 on).
#include <algorithm>

#include "octet/ops/gradient_context.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

constexpr int kAxesAreInput = 13;

bool contains(const std::vector<int>& axes, std::size_t axis) {
  return std::find(axes.begin(), axes.end(), static_cast<int>(axis)) != axes.end();
}

// Dimensions of a squeezed shape; without axes every 1 goes.
template <class Dims, class IsOne>
Dims squeezed(const Dims& shape, int rank, const std::optional<std::vector<int>>& axes, const IsOne& is_one) {
  Dims out;
  for (int i = 0; i < rank; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const bool drop = axes ? contains(*axes, at) : is_one(i);
    if (drop && axes && !is_one(i)) {
      throw Error(ErrorKind::bad_input, "Squeeze: the dimension is not 1").value("axis " + std::to_string(i));
    }
    if (!drop) out.push_back(*(shape.begin() + i));
  }
  return out;
}

void pass_elements(InferContext& ctx) {
  if (const auto elements = ctx.elements(0)) ctx.set_elements(0, *elements);
}

void infer_squeeze(InferContext& ctx) {
  bool unknown = false;
  const auto given = infer_axes(ctx, 1, kAxesAreInput, &unknown);
  pass_elements(ctx);
  if (!ctx.has_shape(0) || unknown) return ctx.set_output(0, ctx.dtype(0));
  const SymbolicShape& shape = ctx.shape(0);
  std::optional<std::vector<int>> axes;
  if (given) axes = unique_axes(*given, ctx.rank(0));
  if (!axes && !static_shape(shape)) return ctx.set_output(0, ctx.dtype(0));  // which dimensions are 1 is not known
  ctx.set_output(0, ctx.dtype(0), squeezed(shape, ctx.rank(0), axes, [&](int i) {
                   const Dim& dim = shape[static_cast<std::size_t>(i)];
                   return !dim.known() || dim.value == 1;
                 }));
}

void eval_squeeze(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const bool given = ctx.opset() < kAxesAreInput ? ctx.attributes().has("axes") : ctx.has_input(1);
  std::optional<std::vector<int>> axes;
  if (given) axes = unique_axes(ctx.axes(1, kAxesAreInput), x.rank());
  ctx.set_output(0, x.reshaped(squeezed(x.shape(), x.rank(), axes, [&](int i) { return x.dim(i) == 1; })));
}

// `axes` count in the result.
template <class Dims>
Dims unsqueezed(const Dims& shape, std::size_t rank, const std::vector<int>& axes) {
  Dims out;
  auto next = shape.begin();
  for (std::size_t i = 0; i < rank + axes.size(); ++i) out.push_back(contains(axes, i) ? 1 : *next++);
  return out;
}

void infer_unsqueeze(InferContext& ctx) {
  bool unknown = false;
  const auto given = infer_axes(ctx, 1, kAxesAreInput, &unknown);
  pass_elements(ctx);
  if (!given && !unknown) throw Error(ErrorKind::bad_input, "Unsqueeze without axes");
  if (!ctx.has_shape(0) || !given) return ctx.set_output(0, ctx.dtype(0));
  const auto axes = unique_axes(*given, ctx.rank(0) + static_cast<int>(given->size()));
  ctx.set_output(0, ctx.dtype(0), unsqueezed(ctx.shape(0), ctx.shape(0).size(), axes));
}

void eval_unsqueeze(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const std::vector<std::int64_t> given = ctx.axes(1, kAxesAreInput);
  const auto axes = unique_axes(given, x.rank() + static_cast<int>(given.size()));
  ctx.set_output(0, x.reshaped(unsqueezed(x.shape(), static_cast<std::size_t>(x.rank()), axes)));
}

void add_sample(std::vector<Sample>& out, int opset, const Tensor& x, std::vector<std::int64_t> axes) {
  Sample sample{.attributes = {}, .inputs = {x}, .opset = opset};
  if (opset < kAxesAreInput) {
    sample.attributes.set("axes", std::move(axes));
  } else {
    sample.inputs.push_back(Tensor::from<std::int64_t>({static_cast<std::int64_t>(axes.size())}, axes));
  }
  out.push_back(std::move(sample));
}

std::vector<Sample> squeeze_samples(Random& random) {
  std::vector<Sample> out;
  const Tensor x = random_tensor(random, DType::f32, {1, 3, 1, 5});
  for (const int opset : {11, 13}) {
    add_sample(out, opset, x, {0});
    add_sample(out, opset, x, {-2, 0});
    add_sample(out, opset, random_tensor(random, DType::u8, {1, 0, 1}), {2});
  }
  add_sample(out, 13, x, {});
  out.push_back({.attributes = {}, .inputs = {x}});
  out.push_back({.attributes = {}, .inputs = {x, Tensor()}, .opset = 13});
  return out;
}

std::vector<Sample> unsqueeze_samples(Random& random) {
  std::vector<Sample> out;
  for (const int opset : {11, 13}) {
    add_sample(out, opset, random_tensor(random, DType::f32, {3, 4}), {0, -1});
    add_sample(out, opset, random_tensor(random, DType::f32, {}), {0});
    add_sample(out, opset, random_tensor(random, DType::i64, {0, 2}), {3, 1, 0});
  }
  return out;
}

}  // namespace

Rows squeeze() {
  return {
      {.name = "Squeeze",
       .inputs = {1, 2},
       .attributes = {"axes"},
       .infer = infer_squeeze,
       .eval = eval_squeeze,
       .gradient = gradient_reshape,
       .quant = {.kind = QuantRule::Kind::pass_through},
       .samples = squeeze_samples},
      {.name = "Unsqueeze",
       .inputs = {1, 2},
       .attributes = {"axes"},
       .infer = infer_unsqueeze,
       .eval = eval_unsqueeze,
       .gradient = gradient_reshape,
       .quant = {.kind = QuantRule::Kind::pass_through},
       .samples = unsqueeze_samples},
  };
}

}  // namespace octet::ops
