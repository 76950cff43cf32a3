// HannWindow, HammingWindow, BlackmanWindow of `size` (input 0) points, n = 0 .. size - 1, with
//   d = size if periodic (default), size - 1 if symmetric,   a = 2 pi n / d:
//   Hann 0.5 - 0.5 cos a;   Hamming 25/46 - 21/46 cos a;   Blackman 0.42 - 0.5 cos a + 0.08 cos 2a
// Source: ONNX HannWindow-17, HammingWindow-17, BlackmanWindow-17.
#include <cmath>
#include <numbers>

#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

DType type_of(const Attributes& attributes) {
  const auto dtype = static_cast<DType>(attributes.integer("output_datatype", 1));
  if (size_of(dtype) != 0 && dtype != DType::boolean) return dtype;
  throw Error(ErrorKind::bad_input, "a window's output_datatype is no number type");
}

void infer(InferContext& ctx) {
  const auto size = ctx.elements(0);
  const bool known = size && size->size() == 1 && size->front().value >= -1;
  ctx.set_output(0, type_of(ctx.attributes()), {known ? size->front() : Dim()});
}

struct Cosines {
  double constant, first, second;
};

void eval(EvalContext& ctx, const Cosines& c) {
  if (ctx.input(0).elements() != 1 || is_float(ctx.input(0).dtype())) {
    throw ctx.error(ErrorKind::bad_input, ctx.node().op_type + ": the size must be a single integer");
  }
  const std::int64_t size = ctx.input(0).to_int64()[0];
  if (size < 0)
    throw ctx.error(ErrorKind::bad_input, ctx.node().op_type + ": the size is negative").value(std::to_string(size));
  const bool periodic = ctx.attributes().integer("periodic", 1) != 0;
  const double d = static_cast<double>(periodic ? size : std::max<std::int64_t>(1, size - 1));
  Tensor& y = ctx.output(0, type_of(ctx.attributes()), {size});
  dispatch(y.dtype(), [&]<class T>() {
    for (std::int64_t n = 0; n < size; ++n) {
      const double a = 2 * std::numbers::pi * static_cast<double>(n) / d;
      // Rounding errors of a zero must not become a negative number, which unsigned types lack.
      const double value = std::max(0.0, c.constant + c.first * std::cos(a) + c.second * std::cos(2 * a));
      y.data<T>()[n] = store<T>(value);
    }
  });
}

std::vector<Sample> samples(Random&) {
  std::vector<Sample> out;
  for (const std::int64_t size : {0, 1, 2, 10, 33}) {
    for (const int periodic : {0, 1}) {
      out.push_back({.attributes = make_attributes({{"periodic", periodic}}), .inputs = {Tensor::scalar(size)}});
    }
  }
  out.push_back(
      {.attributes = make_attributes({{"output_datatype", 11}}), .inputs = {Tensor::scalar<std::int32_t>(8)}});
  return out;
}

OpDef row(const char* name, const Cosines& cosines) {
  return {
      .name = name,
      .since = 17,
      .attributes = {"output_datatype", "periodic"},
      .infer = infer,
      .eval = [cosines](EvalContext& ctx) { eval(ctx, cosines); },
      .samples = samples,
  };
}

}  // namespace

Rows window_functions() {
  return {
      row("HannWindow", {0.5, -0.5, 0}),
      row("HammingWindow", {25.0 / 46, -21.0 / 46, 0}),
      row("BlackmanWindow", {0.42, -0.5, 0.08}),
  };
}

}  // namespace octet::ops
