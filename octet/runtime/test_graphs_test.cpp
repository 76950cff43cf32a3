#include "octet/runtime/test_graphs.h"

#include <cmath>

namespace octet::runtime::testing {

Attributes ints(std::initializer_list<std::pair<std::string, std::vector<std::int64_t>>> items) {
  Attributes out;
  for (const auto& [name, values] : items) out.set(name, values);
  return out;
}

Tensor random_floats(Random& random, const Shape& shape, float low, float high) {
  Tensor out(DType::f32, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i) out.data<float>()[i] = random.uniform(low, high);
  return out;
}

Builder::Builder(std::uint64_t seed, int opset) : random(seed) { graph.opsets[""] = opset; }

ValueId Builder::conv(ValueId x, std::int64_t in, std::int64_t out, std::int64_t kernel, Attributes attributes,
                      std::int64_t group) {
  const std::int64_t depth = in / group;
  const float reach = 1.5f / std::sqrt(static_cast<float>(depth * kernel * kernel));
  attributes.set("group", group);
  return node("Conv", {x, floats({out, depth, kernel, kernel}, -reach, reach), floats({out})}, std::move(attributes));
}

ValueId Builder::quantized(ValueId x, float range, bool is_signed) {
  const ValueId scale = constant(Tensor::scalar(2 * range / 255));
  const auto zero = static_cast<int>(random.integer(100, 150));
  const ValueId zero_point = is_signed ? constant(Tensor::scalar(static_cast<std::int8_t>(zero - 128)))
                                       : constant(Tensor::scalar(static_cast<std::uint8_t>(zero)));
  return node("DequantizeLinear", {node("QuantizeLinear", {x, scale, zero_point}), scale, zero_point});
}

ValueId Builder::weights(const Shape& shape, int axis) {
  Tensor bytes(DType::i8, shape);
  for (std::int64_t i = 0; i < bytes.elements(); ++i)
    bytes.data<std::int8_t>()[i] = static_cast<std::int8_t>(random.integer(-127, 127));
  const std::int64_t channels = axis < 0 ? 1 : shape[axis];
  const auto fan_in = static_cast<float>(shape.elements()) / static_cast<float>(axis < 0 ? shape[0] : channels);
  const float top = 1.5f / std::sqrt(fan_in) / 127;
  Tensor scale = random_floats(random, axis < 0 ? Shape{} : Shape{channels}, 0.5f * top, top);
  Attributes attributes;
  if (axis >= 0) attributes.set("axis", std::int64_t{axis});
  return node("DequantizeLinear", {constant(std::move(bytes)), constant(std::move(scale))}, attributes);
}

ValueId Builder::qconv(ValueId x, std::int64_t in, std::int64_t out, std::int64_t kernel, Attributes attributes,
                       std::int64_t group) {
  attributes.set("group", group);
  return node("Conv", {x, weights({out, in / group, kernel, kernel}, 0), floats({out})}, std::move(attributes));
}

}  // namespace octet::runtime::testing
