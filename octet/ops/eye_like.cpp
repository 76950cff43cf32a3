// EyeLike: ones on diagonal k of a matrix of the input's shape; of type `dtype`, or the input's.
// Source: ONNX EyeLike-9.
#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

DType type_of(const Attributes& attributes, DType input) {
  const std::int64_t given = attributes.integer("dtype", static_cast<std::int64_t>(input));
  const auto dtype = static_cast<DType>(given);
  if (given > 0 && given < 256 && size_of(dtype) != 0) return dtype;
  throw Error(ErrorKind::unsupported, "EyeLike: tensors of this type cannot be stored").value(std::to_string(given));
}

void infer(InferContext& ctx) {
  const DType dtype = type_of(ctx.attributes(), ctx.dtype(0));
  if (ctx.has_shape(0)) {
    ctx.set_output(0, dtype, ctx.shape(0));
  } else {
    ctx.set_output(0, dtype);
  }
}

void eval(EvalContext& ctx) {
  const Shape& shape = ctx.input(0).shape();
  if (shape.rank() != 2) throw ctx.error(ErrorKind::bad_input, "EyeLike needs a matrix").value(to_string(shape));
  const std::int64_t k = ctx.attributes().integer("k", 0);
  Tensor& y = ctx.output(0, type_of(ctx.attributes(), ctx.input(0).dtype()), shape);
  dispatch(y.dtype(), [&]<class T>() {
    T* out = y.data<T>();
    std::fill_n(out, y.elements(), T{});
    if (k <= -shape[0] || k >= shape[1]) return;
    for (std::int64_t row = std::max<std::int64_t>(0, -k); row < shape[0] && row + k < shape[1]; ++row) {
      out[row * shape[1] + row + k] = store<T>(1);
    }
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const std::int64_t k : {-9, -1, 0, 2, 9}) {
    out.push_back({.attributes = make_attributes({{"k", k}}), .inputs = {random_tensor(random, DType::f32, {4, 5})}});
  }
  for (const DType dtype : {DType::f64, DType::i32, DType::boolean, DType::f16}) {
    out.push_back({.attributes = make_attributes({{"dtype", static_cast<std::int64_t>(dtype)}}),
                   .inputs = {random_tensor(random, DType::i64, {3, 2})}});
  }
  out.push_back({.inputs = {random_tensor(random, DType::f32, {0, 3})}});
  return out;
}

}  // namespace

Rows eye_like() {
  return {{
      .name = "EyeLike",
      .since = 9,
      .attributes = {"dtype", "k"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
