// Random networks for the runtime's tests.
#pragma once

#include <string>
#include <vector>

#include "octet/base/random.h"
#include "octet/graph/graph.h"

namespace octet::runtime::testing {

Attributes ints(std::initializer_list<std::pair<std::string, std::vector<std::int64_t>>> items);
Tensor random_floats(Random& random, const Shape& shape, float low = -1, float high = 1);

/// Builds a network value by value; constants are drawn as they are needed.
class Builder {
 public:
  explicit Builder(std::uint64_t seed, int opset = 17);

  Graph graph;
  Random random;

  ValueId input(const std::string& name, SymbolicShape shape) {
    return graph.add_input(name, DType::f32, std::move(shape));
  }
  ValueId constant(Tensor tensor) { return graph.add_initializer(graph.fresh_name("c"), std::move(tensor)); }
  ValueId floats(const Shape& shape, float low = -1, float high = 1) {
    return constant(random_floats(random, shape, low, high));
  }
  ValueId node(const std::string& op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return graph.add_node(op, std::move(inputs), std::move(attributes), graph.fresh_name(op));
  }
  ValueId conv(ValueId x, std::int64_t in, std::int64_t out, std::int64_t kernel, Attributes attributes = {},
               std::int64_t group = 1);

  /// QuantizeLinear and DequantizeLinear of activations in about [-range, range].
  ValueId quantized(ValueId x, float range, bool is_signed = false);
  /// DequantizeLinear of random s8 weights of about 1 / sqrt(fan_in), per channel of `axis` (-1: per tensor).
  ValueId weights(const Shape& shape, int axis);
  /// A conv as the quantizer writes it, without what comes before and after.
  ValueId qconv(ValueId x, std::int64_t in, std::int64_t out, std::int64_t kernel, Attributes attributes = {},
                std::int64_t group = 1);
};

}  // namespace octet::runtime::testing
