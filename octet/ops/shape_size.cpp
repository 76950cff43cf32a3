// Shape, Size: the dimensions of a tensor, and their product, as int64.
// Source: ONNX Shape-1, Shape-15 (start and end), Size-1.
#include <algorithm>

#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

struct Range {
  int first, last;
};

// Both ends clamp instead of failing; negative ones count from the end.
Range range_of(const Attributes& attributes, int rank) {
  const auto clamp = [rank](std::int64_t axis) {
    return static_cast<int>(std::clamp<std::int64_t>(axis < 0 ? axis + rank : axis, 0, rank));
  };
  const int first = clamp(attributes.integer("start", 0)), last = clamp(attributes.integer("end", rank));
  return {first, std::max(first, last)};
}

void infer_shape(InferContext& ctx) {
  if (!ctx.has_shape(0)) return ctx.set_output(0, DType::i64, {Dim()});
  const SymbolicShape& shape = ctx.shape(0);
  const auto [first, last] = range_of(ctx.attributes(), ctx.rank(0));
  ctx.set_output(0, DType::i64, {Dim(last - first)});
  ctx.set_elements(0, {shape.begin() + first, shape.begin() + last});
}

void eval_shape(EvalContext& ctx) {
  const Shape& shape = ctx.input(0).shape();
  const auto [first, last] = range_of(ctx.attributes(), shape.rank());
  Tensor& y = ctx.output(0, DType::i64, {last - first});
  std::copy(shape.begin() + first, shape.begin() + last, y.data<std::int64_t>());
}

void infer_size(InferContext& ctx) {
  ctx.set_output(0, DType::i64, {});
  if (ctx.has_shape(0)) ctx.set_elements(0, {product(ctx.shape(0), 0, ctx.shape(0).size())});
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 0, 4}, Shape{1, 2, 3, 4, 5, 6}}) {
    out.push_back({.attributes = {}, .inputs = {random_tensor(random, DType::f32, shape)}});
  }
  return out;
}

std::vector<Sample> shape_samples(Random& random) {
  std::vector<Sample> out = samples(random);
  const std::pair<std::int64_t, std::int64_t> ranges[] = {{1, 3}, {-2, 9}, {-9, -1}, {3, 1}};
  for (const auto& [start, end] : ranges) {
    Sample sample{.attributes = {}, .inputs = {random_tensor(random, DType::u8, {2, 3, 4, 5})}};
    sample.attributes.set("start", start);
    sample.attributes.set("end", end);
    out.push_back(sample);
  }
  return out;
}

}  // namespace

Rows shape_size() {
  return {
      {.name = "Shape",
       .attributes = {"start", "end"},
       .infer = infer_shape,
       .eval = eval_shape,
       .samples = shape_samples},
      {.name = "Size",
       .infer = infer_size,
       .eval =
           [](EvalContext& ctx) { ctx.output(0, DType::i64, {}).data<std::int64_t>()[0] = ctx.input(0).elements(); },
       .samples = samples},
  };
}

}  // namespace octet::ops
