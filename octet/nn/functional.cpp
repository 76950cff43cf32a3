#include "octet/nn/functional.h"

#include <numbers>

namespace octet::nn {
namespace {

Value unary(const char* op, const Value& x, Attributes attributes = {}) {
  return x.builder->node(op, {x}, std::move(attributes));
}

Value integers(const Value& beside, const std::vector<std::int64_t>& values, const std::string& name) {
  const Shape shape{static_cast<std::int64_t>(values.size())};
  return beside.builder->constant(Tensor::from<std::int64_t>(shape, std::span<const std::int64_t>(values)), name);
}

Attributes window_attributes(Pair window, Pair stride, Pair padding) {
  if (stride.h == 0) stride.h = window.h;
  if (stride.w == 0) stride.w = window.w;
  return attributes({{"kernel_shape", std::vector<std::int64_t>{window.h, window.w}},
                     {"strides", std::vector<std::int64_t>{stride.h, stride.w}},
                     {"pads", std::vector<std::int64_t>{padding.h, padding.w, padding.h, padding.w}}});
}

}  // namespace

Value relu(const Value& x) { return unary("Relu", x); }
Value sigmoid(const Value& x) { return unary("Sigmoid", x); }
Value tanh(const Value& x) { return unary("Tanh", x); }
Value hard_swish(const Value& x) { return unary("HardSwish", x); }
Value softplus(const Value& x) { return unary("Softplus", x); }
Value selu(const Value& x) { return unary("Selu", x); }
Value sqrt(const Value& x) { return unary("Sqrt", x); }
Value silu(const Value& x) { return x * sigmoid(x); }
Value mish(const Value& x) { return x * tanh(softplus(x)); }

Value relu6(const Value& x) {
  Builder& b = *x.builder;
  return b.node("Clip", {x, b.constant(Tensor::scalar(0.0f), "min"), b.constant(Tensor::scalar(6.0f), "max")});
}

Value gelu(const Value& x) { return x * 0.5f * (unary("Erf", x / std::numbers::sqrt2_v<float>) + 1.0f); }

Value hard_sigmoid(const Value& x) {
  return unary("HardSigmoid", x, attributes({{"alpha", 1.0f / 6}, {"beta", 0.5f}}));
}

Value leaky_relu(const Value& x, float slope) { return unary("LeakyRelu", x, attributes({{"alpha", slope}})); }
Value elu(const Value& x, float alpha) { return unary("Elu", x, attributes({{"alpha", alpha}})); }

Value softmax(const Value& x, int axis) { return unary("Softmax", x, attributes({{"axis", std::int64_t{axis}}})); }
Value log_softmax(const Value& x, int axis) {
  return unary("LogSoftmax", x, attributes({{"axis", std::int64_t{axis}}}));
}

Value max_pool2d(const Value& x, Pair window, Pair stride, Pair padding) {
  return unary("MaxPool", x, window_attributes(window, stride, padding));
}

Value avg_pool2d(const Value& x, Pair window, Pair stride, Pair padding) {
  Attributes form = window_attributes(window, stride, padding);
  form.set("count_include_pad", std::int64_t{1});
  return unary("AveragePool", x, std::move(form));
}

Value global_avg_pool(const Value& x) { return unary("GlobalAveragePool", x); }

Value flatten(const Value& x, int axis) { return unary("Flatten", x, attributes({{"axis", std::int64_t{axis}}})); }

Value reshape(const Value& x, const std::vector<std::int64_t>& shape) {
  return x.builder->node("Reshape", {x, integers(x, shape, "shape")});
}

Value transpose(const Value& x, const std::vector<std::int64_t>& order) {
  return unary("Transpose", x, attributes({{"perm", order}}));
}

Value concat(const std::vector<Value>& parts, int axis) {
  return parts.at(0).builder->node("Concat", parts, attributes({{"axis", std::int64_t{axis}}}));
}

std::vector<Value> split(const Value& x, int parts, int axis) {
  return x.builder->nodes("Split", {x}, parts, attributes({{"axis", std::int64_t{axis}}}));
}

Value matmul(const Value& a, const Value& b) { return a.builder->node("MatMul", {a, b}); }

Value mean(const Value& x, const std::vector<std::int64_t>& axes, bool keep) {
  return unary("ReduceMean", x, attributes({{"axes", axes}, {"keepdims", std::int64_t{keep ? 1 : 0}}}));
}

Value dropout(const Value& x, float ratio) {
  return x.builder->node("Dropout", {x, x.builder->constant(Tensor::scalar(ratio), "ratio")});
}

}  // namespace octet::nn
