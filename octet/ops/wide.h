// Half types compute in float: inputs are widened, the result is rounded once at the end.
#pragma once

#include "octet/ops/op.h"

namespace octet::ops {

inline bool is_half_type(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16; }

/// The tensor itself, or its float copy when it is of a half type.
inline Tensor widened(const Tensor& tensor) { return is_half_type(tensor.dtype()) ? tensor.cast(DType::f32) : tensor; }

/// Gives body(Tensor&) an output of `dtype` to fill, a float one (rounded afterwards) for a half type.
template <class Body>
void fill_output(EvalContext& ctx, int slot, DType dtype, const Shape& shape, const Body& body) {
  Tensor& out = ctx.output(slot, dtype, shape);
  if (!is_half_type(dtype)) return body(out);
  Tensor wide(DType::f32, shape);
  body(wide);
  const Tensor rounded = wide.cast(dtype);
  if (rounded.bytes() != 0) std::memcpy(out.raw(), rounded.raw(), rounded.bytes());
}

/// Calls f.operator()<T>() for float or double; throws bad_input for every other type.
template <class F>
void dispatch_float(DType dtype, const F& f) {
  if (dtype == DType::f32) return f.template operator()<float>();
  if (dtype == DType::f64) return f.template operator()<double>();
  throw Error(ErrorKind::bad_input, "this operator takes floating-point tensors").value(to_string(dtype));
}

/// Throws bad_input unless both inputs are of one type.
inline void check_same_type(const EvalContext& ctx, int a, int b) {
  if (ctx.input(a).dtype() == ctx.input(b).dtype()) return;
  throw ctx.error(ErrorKind::bad_input, "two inputs have different types")
      .value(std::string(to_string(ctx.input(a).dtype())) + " and " + to_string(ctx.input(b).dtype()));
}

using Ints = std::vector<std::int64_t>;

/// Attributes written down in one expression, for samples and tests.
inline Attributes attributes_of(std::initializer_list<std::pair<const char*, AttributeValue>> items) {
  Attributes out;
  for (const auto& [name, value] : items) out.set(name, value);
  return out;
}

}  // namespace octet::ops
