// Constant: a tensor held by the node itself.  Source: ONNX Constant-13.
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

Tensor value_of(const Attributes& attributes) {
  if (attributes.has("value")) return attributes.tensor("value");
  if (attributes.has("value_float")) return Tensor::scalar(attributes.real("value_float", 0));
  if (attributes.has("value_int")) return Tensor::scalar(attributes.integer("value_int"));
  if (attributes.has("value_floats")) {
    const std::vector<float> values = attributes.reals("value_floats");
    return Tensor::from<float>({static_cast<std::int64_t>(values.size())}, values);
  }
  if (attributes.has("value_ints")) {
    const std::vector<std::int64_t> values = attributes.integers("value_ints");
    return Tensor::from<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
  }
  for (const char* name : {"value_string", "value_strings", "sparse_value"}) {
    if (attributes.has(name)) {
      throw Error(ErrorKind::unsupported, "string and sparse constants are not supported").value(name);
    }
  }
  throw Error(ErrorKind::bad_input, "Constant without a value").expected("one of the value attributes");
}

void infer(InferContext& ctx) {
  const Tensor value = value_of(ctx.attributes());
  ctx.set_output(0, value.dtype(), symbolic(value.shape()));
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out(5);
  out[0].attributes.set("value", random_tensor(random, DType::f32, {2, 3}));
  out[1].attributes.set("value_float", 1.5f);
  out[2].attributes.set("value_int", std::int64_t{-3});
  out[3].attributes.set("value_floats", std::vector<float>{1, 2, 3});
  out[4].attributes.set("value_ints", std::vector<std::int64_t>{});
  return out;
}

}  // namespace

Rows constant() {
  return {{
      .name = "Constant",
      .inputs = {0, 0},
      .attributes = {"value", "value_float", "value_floats", "value_int", "value_ints", "value_string", "value_strings",
                     "sparse_value"},
      .infer = infer,
      .eval = [](EvalContext& ctx) { ctx.set_output(0, value_of(ctx.attributes())); },
      .four_bits = true,
      .samples = samples,
  }};
}

}  // namespace octet::ops
