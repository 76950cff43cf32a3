// Small networks for the tests of this layer.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "octet/base/random.h"
#include "octet/graph/graph.h"
#include "octet/ops/op.h"

namespace octet::quant {

/// Builds a graph with random constants; shapes are inferred as it grows. Nodes bear their output's name.
class Builder {
 public:
  Graph graph;

  explicit Builder(std::uint64_t seed = 1, int opset = 17) : random_(seed) { graph.opsets[""] = opset; }

  ValueId input(const std::string& name, const Shape& shape) {
    return graph.add_input(name, DType::f32, symbolic(shape));
  }
  ValueId constant(const std::string& name, const Shape& shape, float spread = 1) {
    Tensor tensor(DType::f32, shape);
    for (std::int64_t i = 0; i < tensor.elements(); ++i) tensor.data<float>()[i] = random_.uniform(-spread, spread);
    return graph.add_initializer(name, std::move(tensor));
  }
  ValueId node(const std::string& op, std::vector<ValueId> inputs, const std::string& name,
               Attributes attributes = {}) {
    const ValueId out = graph.add_node(op, std::move(inputs), std::move(attributes), name);
    if (graph.value(out).name != name) graph.rename(out, name);
    ops::infer_shapes(graph);
    return out;
  }
  /// 3x3, padded to keep the size, with a bias.
  ValueId conv(ValueId x, std::int64_t channels, const std::string& name, std::int64_t groups = 1) {
    Attributes attributes;
    attributes.set("kernel_shape", std::vector<std::int64_t>{3, 3});
    attributes.set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
    attributes.set("group", groups);
    const std::int64_t in = graph.value(x).type.shape->at(1).value / groups;
    const float spread = 1 / std::sqrt(static_cast<float>(9 * in));
    const ValueId weight = constant(name + ".weight", {channels, in, 3, 3}, 2 * spread);
    return node("Conv", {x, weight, constant(name + ".bias", {channels}, 0.2F)}, name, attributes);
  }
  ValueId matmul(ValueId x, std::int64_t columns, const std::string& name) {
    const std::int64_t rows = graph.value(x).type.shape->back().value;
    return node("MatMul", {x, constant(name + ".weight", {rows, columns}, 1 / std::sqrt(static_cast<float>(rows)))},
                name);
  }
  void output(ValueId id) { graph.outputs.push_back(id); }

  Tensor data(const Shape& shape, float low = -1, float high = 1) {
    Tensor tensor(DType::f32, shape);
    for (std::int64_t i = 0; i < tensor.elements(); ++i) tensor.data<float>()[i] = random_.uniform(low, high);
    return tensor;
  }

 private:
  Random random_;
};

}  // namespace octet::quant
