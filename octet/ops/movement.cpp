#include "octet/ops/movement.h"

#include <algorithm>

#include "octet/base/checked.h"

namespace octet::ops {

std::vector<int> unique_axes(std::span<const std::int64_t> axes, int rank) {
  std::vector<int> out;
  for (const std::int64_t axis : axes) {
    const int at = normalize_axis(axis, rank);
    if (std::find(out.begin(), out.end(), at) != out.end()) {
      throw Error(ErrorKind::bad_input, "an axis is named twice").value(std::to_string(axis));
    }
    out.push_back(at);
  }
  return out;
}

Dim product(const SymbolicShape& shape, std::size_t first, std::size_t last) {
  std::int64_t number = 1;
  const Dim* open = nullptr;
  int unknown = 0;
  for (std::size_t i = first; i < last; ++i) {
    if (shape[i] == Dim(0)) return Dim(0);
    if (shape[i].known()) {
      number = checked_mul(number, shape[i].value);
    } else {
      open = &shape[i];
      ++unknown;
    }
  }
  if (unknown == 0) return Dim(number);
  return unknown == 1 && number == 1 ? *open : Dim();
}

Dim sum(const Dim& a, const Dim& b) {
  if (a == Dim(0)) return b;
  if (b == Dim(0)) return a;
  return a.known() && b.known() ? Dim(checked_add(a.value, b.value)) : Dim();
}

Dim merge(const Dim& a, const Dim& b) {
  if (a.known() && b.known() && a.value != b.value) {
    throw Error(ErrorKind::bad_input, "dimensions that must be equal differ")
        .value(std::to_string(b.value))
        .expected(std::to_string(a.value));
  }
  if (a.known() || b.known()) return a.known() ? a : b;
  return a.symbol.empty() ? b : a;
}

SymbolicShape dims_from(const InferContext& ctx, int slot) {
  SymbolicShape out = *ctx.elements(slot);
  for (Dim& dim : out) {
    if (dim.known() || !dim.symbol.empty()) continue;
    // -1 is both "unknown" and a number: only a constant tells which.
    if (dim.value < -1 || ctx.constant(slot) != nullptr) {
      throw Error(ErrorKind::bad_input, "a dimension is negative").value(std::to_string(dim.value));
    }
  }
  return out;
}

std::optional<std::vector<std::int64_t>> constant_integers(const InferContext& ctx, int slot) {
  const Tensor* tensor = ctx.constant(slot);
  if (tensor == nullptr) return std::nullopt;
  return tensor->to_int64();
}

void check_rank(std::size_t rank) {
  if (rank <= Shape::kMaxRank) return;
  throw Error(ErrorKind::unsupported, "a tensor has more dimensions than Octet handles")
      .value(std::to_string(rank))
      .expected("at most " + std::to_string(Shape::kMaxRank));
}

void set_output_rank(InferContext& ctx, int output, DType dtype, std::size_t rank) {
  check_rank(rank);
  ctx.set_output(output, dtype, SymbolicShape(rank));
}

Shape shape_from(const EvalContext& ctx, const Tensor& values) {
  if (values.rank() > 1) {
    throw ctx.error(ErrorKind::bad_input, "a shape must be one-dimensional").value(to_string(values.shape()));
  }
  const std::vector<std::int64_t> dims = values.to_int64();
  return Shape(dims);
}

std::int64_t checked_index(const EvalContext& ctx, std::int64_t index, std::int64_t size) {
  if (index < -size || index >= size) {
    throw ctx.error(ErrorKind::bad_input, "an index is out of range")
        .value(std::to_string(index))
        .expected(size == 0 ? "none: the dimension is empty"
                            : "between " + std::to_string(-size) + " and " + std::to_string(size - 1));
  }
  return index < 0 ? index + size : index;
}

Tensor int64_tensor(std::initializer_list<std::int64_t> values) {
  return Tensor::from<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

Tensor iota_tensor(DType dtype, const Shape& shape) {
  Tensor out(DType::i64, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i) out.data<std::int64_t>()[i] = i;
  return out.cast(dtype);
}

}  // namespace octet::ops
