// ConstantOfShape: a tensor of the given shape, every element the one value.  Source: ONNX ConstantOfShape-9.
#include "octet/ops/fill.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

constexpr std::int64_t kMostElements = 1024;  // more than a shape tensor ever has

Tensor value_of(const Attributes& attributes) {
  if (!attributes.has("value")) return Tensor::scalar(0.0f);
  const Tensor& value = attributes.tensor("value");
  if (value.elements() != 1) {
    throw Error(ErrorKind::bad_input, "ConstantOfShape takes one value").value(to_string(value.shape()));
  }
  return value;
}

void infer(InferContext& ctx) {
  const Tensor value = value_of(ctx.attributes());
  if (!ctx.elements(0)) {
    const bool counted = ctx.has_shape(0) && ctx.rank(0) == 1 && ctx.shape(0)[0].known();
    if (!counted) return ctx.set_output(0, value.dtype());
    return set_output_rank(ctx, 0, value.dtype(), static_cast<std::size_t>(ctx.shape(0)[0].value));
  }
  const SymbolicShape shape = dims_from(ctx, 0);
  ctx.set_output(0, value.dtype(), shape);
  const bool small = shape.empty() || (shape.size() == 1 && shape[0].known() && shape[0].value <= kMostElements);
  if (!is_integer(value.dtype()) || !small) return;
  Dim element;
  element.value = value.to_int64()[0];
  ctx.set_elements(0, SymbolicShape(shape.empty() ? 1 : static_cast<std::size_t>(shape[0].value), element));
}

void eval(EvalContext& ctx) {
  const Tensor value = value_of(ctx.attributes());
  Tensor& y = ctx.output(0, value.dtype(), shape_from(ctx, ctx.input(0)));
  fill(ctx.threads(), y, value);
}

std::vector<Sample> samples(Random&) {
  std::vector<Sample> out;
  out.push_back({.attributes = {}, .inputs = {int64_tensor({2, 3})}});
  out.push_back({.attributes = {}, .inputs = {int64_tensor({})}});
  out.push_back({.attributes = {}, .inputs = {int64_tensor({4, 0, 2})}});
  for (const DType dtype : {DType::i64, DType::u8, DType::f16, DType::boolean}) {
    Sample sample{.attributes = {}, .inputs = {int64_tensor({5})}};
    sample.attributes.set("value", Tensor::from<std::int64_t>({1}, {1}).cast(dtype));
    out.push_back(sample);
  }
  return out;
}

}  // namespace

Rows constant_of_shape() {
  return {{
      .name = "ConstantOfShape",
      .since = 9,
      .attributes = {"value"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
