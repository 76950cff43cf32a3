// Concat: tensors side by side along one axis.  Source: ONNX Concat-4, Concat-13.
#include "octet/base/checked.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"
#include "octet/ops/strided_copy.h"

namespace octet::ops {
namespace {

constexpr std::int64_t kMostElements = 1024;

// Known elements of the result, where every input is a short vector; unknown ones stay open.
std::optional<SymbolicShape> joined_elements(const InferContext& ctx) {
  SymbolicShape out;
  for (int i = 0; i < ctx.input_count(); ++i) {
    if (!ctx.has_shape(i) || ctx.rank(i) != 1 || !ctx.shape(i)[0].known()) return std::nullopt;
    const std::int64_t count = ctx.shape(i)[0].value;
    if (static_cast<std::int64_t>(out.size()) + count > kMostElements) return std::nullopt;
    const auto elements = ctx.elements(i);
    const SymbolicShape part = elements ? *elements : SymbolicShape(static_cast<std::size_t>(count));
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}

void infer(InferContext& ctx) {
  SymbolicShape shape;
  bool all = true, any = false;
  for (int i = 0; i < ctx.input_count(); ++i) {
    if (!ctx.has_shape(i)) {
      all = false;
      continue;
    }
    const SymbolicShape& part = ctx.shape(i);
    const auto axis = static_cast<std::size_t>(normalize_axis(ctx.attributes().integer("axis"), ctx.rank(i)));
    if (!any) {
      shape = part;
      any = true;
      continue;
    }
    if (part.size() != shape.size()) {
      throw Error(ErrorKind::bad_input, "Concat: the inputs have different ranks")
          .value(to_string(part))
          .expected("as many dimensions as " + to_string(shape));
    }
    for (std::size_t d = 0; d < shape.size(); ++d)
      shape[d] = d == axis ? sum(shape[d], part[d]) : merge(shape[d], part[d]);
  }
  if (!any) return ctx.set_output(0, ctx.dtype(0));
  if (!all)
    shape[static_cast<std::size_t>(normalize_axis(ctx.attributes().integer("axis"), static_cast<int>(shape.size())))] =
        Dim();
  ctx.set_output(0, ctx.dtype(0), shape);
  if (!is_integer(ctx.dtype(0))) return;
  if (auto elements = joined_elements(ctx)) ctx.set_elements(0, std::move(*elements));
}

Shape joined_shape(const EvalContext& ctx, int axis) {
  Shape shape = ctx.input(0).shape();
  for (int i = 1; i < ctx.input_count(); ++i) {
    const Tensor& part = ctx.input(i);
    bool fits = part.dtype() == ctx.input(0).dtype() && part.rank() == shape.rank();
    for (int d = 0; fits && d < shape.rank(); ++d) fits = d == axis || part.dim(d) == shape[d];
    if (!fits) {
      throw ctx.error(ErrorKind::bad_input, "the inputs do not fit together")
          .value(to_string(part.shape()) + " " + to_string(part.dtype()))
          .expected(to_string(ctx.input(0).shape()) + " " + to_string(ctx.input(0).dtype()) + " apart from axis " +
                    std::to_string(axis));
    }
    shape[axis] = checked_add(shape[axis], part.dim(axis));
  }
  return shape;
}

void eval(EvalContext& ctx) {
  const int axis = normalize_axis(ctx.attributes().integer("axis"), ctx.input(0).rank());
  const Shape shape = joined_shape(ctx, axis);
  Tensor& y = ctx.output(0, ctx.input(0).dtype(), shape);
  const std::size_t item = size_of(y.dtype());
  const std::int64_t inner = shape.elements(axis + 1, shape.rank()), outer = shape.elements(0, axis);
  auto* to = static_cast<std::byte*>(y.raw());
  for (int i = 0; i < ctx.input_count(); ++i) {
    const Tensor& part = ctx.input(i);
    const std::int64_t run = part.dim(axis) * inner;
    StridedCopy copy;
    copy.add(outer, run, shape[axis] * inner);
    copy.add(run, 1, 1);
    copy.run(ctx.threads(), item, part.raw(), to);
    to += static_cast<std::size_t>(run) * item;
  }
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](std::int64_t axis, std::initializer_list<Shape> shapes, DType dtype = DType::f32) {
    Sample sample;
    sample.attributes.set("axis", axis);
    for (const Shape& shape : shapes) sample.inputs.push_back(random_tensor(random, dtype, shape, -9, 9));
    out.push_back(std::move(sample));
  };
  add(0, {{3}, {2}});
  add(0, {{2, 3}});
  add(1, {{2, 3, 4}, {2, 1, 4}, {2, 0, 4}});
  add(-1, {{2, 3, 4}, {2, 3, 1}}, DType::u8);
  add(-4, {{1, 2, 3, 4}, {5, 2, 3, 4}}, DType::f16);
  add(2, {{0, 2, 3}, {0, 2, 4}}, DType::i64);
  add(3, {{1, 2, 1, 2, 1, 2}, {1, 2, 1, 3, 1, 2}});
  return out;
}

void gradient(GradientContext& ctx) {
  std::vector<ValueId> inputs{ctx.output_gradient()};
  std::vector<bool> wanted;
  for (int i = 0; i < ctx.input_count(); ++i) {
    inputs.push_back(ctx.shape_of(ctx.input(i)));
    wanted.push_back(ctx.wants(i));
  }
  const std::vector<ValueId> pieces = ctx.emit_outputs("SplitLike", inputs, wanted, ctx.attributes(), "octet");
  for (int i = 0; i < ctx.input_count(); ++i) ctx.set(i, pieces[static_cast<std::size_t>(i)]);
}

}  // namespace

Rows concat() {
  return {{
      .name = "Concat",
      .since = 4,
      .inputs = {1, kVariadic},
      .attributes = {"axis"},
      .infer = infer,
      .eval = eval,
      .gradient = gradient,
      .quant = {.kind = QuantRule::Kind::shared},
      .samples = samples,
  }};
}

}  // namespace octet::ops
