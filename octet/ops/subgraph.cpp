#include "octet/ops/subgraph.h"

#include "octet/ops/strided_copy.h"

namespace octet::ops {

bool truth(const Tensor& condition, const char* what) {
  if (condition.dtype() != DType::boolean || condition.elements() != 1) {
    throw Error(ErrorKind::bad_input, std::string(what) + ": the condition must be one boolean")
        .value(to_string(condition.shape()) + " " + to_string(condition.dtype()));
  }
  return *condition.data<bool>();
}

TypeInfo common(const TypeInfo& a, const TypeInfo& b) {
  TypeInfo out{a.dtype == b.dtype ? a.dtype : DType::undefined, std::nullopt};
  if (!a.shape || !b.shape || a.shape->size() != b.shape->size()) return out;
  out.shape = a.shape;
  for (std::size_t i = 0; i < a.shape->size(); ++i) {
    if ((*a.shape)[i] != (*b.shape)[i]) (*out.shape)[i] = Dim();
  }
  return out;
}

void set_output(InferContext& ctx, int output, const TypeInfo& type) {
  if (type.shape) {
    ctx.set_output(output, type.dtype, *type.shape);
  } else {
    ctx.set_output(output, type.dtype);
  }
}

TypeInfo stacked(const TypeInfo& each, std::int64_t axis, const Dim& count) {
  TypeInfo out = each;
  if (!out.shape) return out;
  const int at = normalize_axis(axis, static_cast<int>(out.shape->size()) + 1);
  out.shape->insert(out.shape->begin() + at, count);
  return out;
}

namespace {

void empty_stack(EvalContext& ctx, int output, const TypeInfo& type, std::int64_t axis) {
  if (type.dtype == DType::undefined) {
    throw ctx.error(ErrorKind::unsupported, "no iteration ran and the body does not declare the output's type");
  }
  SymbolicShape dims = type.shape.value_or(SymbolicShape{});
  dims.insert(dims.begin() + normalize_axis(axis, static_cast<int>(dims.size()) + 1), Dim(0));
  Shape shape;
  for (const Dim& dim : dims) shape.push_back(dim.known() ? dim.value : 0);
  ctx.output(output, type.dtype, shape);
}

}  // namespace

void stack(EvalContext& ctx, int output, const std::vector<Tensor>& results, const TypeInfo& type, std::int64_t axis,
           bool reversed) {
  if (!ctx.wants_output(output)) return;
  if (results.empty()) return empty_stack(ctx, output, type, axis);
  const Tensor& first = results[0];
  const int at = normalize_axis(axis, first.rank() + 1);
  const auto count = static_cast<std::int64_t>(results.size());
  Shape shape;
  for (int i = 0; i <= first.rank(); ++i) shape.push_back(i == at ? count : first.dim(i < at ? i : i - 1));
  Tensor& y = ctx.output(output, first.dtype(), shape);
  const std::int64_t outer = first.shape().elements(0, at), inner = first.shape().elements(at, first.rank());
  const std::size_t item = size_of(first.dtype());
  for (std::int64_t i = 0; i < count; ++i) {
    const Tensor& part = results[static_cast<std::size_t>(i)];
    if (!(part.shape() == first.shape()) || part.dtype() != first.dtype()) {
      throw ctx.error(ErrorKind::bad_input, "iterations give different shapes or types to be stacked")
          .value(to_string(part.shape()) + " " + to_string(part.dtype()))
          .expected(to_string(first.shape()) + " " + to_string(first.dtype()));
    }
    const std::int64_t place = reversed ? count - 1 - i : i;
    StridedCopy copy;
    copy.add(outer, inner, count * inner);
    copy.add(inner, 1, 1);
    copy.run(ctx.threads(), item, part.raw(),
             static_cast<std::byte*>(y.raw()) + static_cast<std::size_t>(place * inner) * item);
  }
}

}  // namespace octet::ops
