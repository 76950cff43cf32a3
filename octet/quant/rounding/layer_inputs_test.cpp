#include "octet/quant/rounding/layer_inputs.h"

#include <gtest/gtest.h>

#include "octet/ops/op.h"
#include "octet/quant/testing_graphs.h"
#include "octet/quant/weights.h"

namespace octet::quant {
namespace {

const Scheme kScheme = weight_scheme(false, Numerics::onnx);

// Signal to noise of the only layer's output, weights rounded so or so.
double noise(Builder& b, const Tensor& x, const Tensor& weight, const Tensor& q, int axis,
             const std::vector<float>& scales) {
  const Node& node = b.graph.nodes.back();
  ThreadPool threads(1);
  const OpDef& op = ops::require(b.graph, node);
  std::vector<Tensor> inputs{x, weight};
  const Tensor whole = ops::evaluate(op, node, 17, inputs, threads)[0];
  inputs[1] = dequantize_weight(q, axis, scales);
  const Tensor rounded = ops::evaluate(op, node, 17, inputs, threads)[0];
  double sum = 0;
  for (std::int64_t i = 0; i < whole.elements(); ++i) {
    const double difference = double{whole.data<float>()[i]} - double{rounded.data<float>()[i]};
    sum += difference * difference;
  }
  return sum;
}

void expect_better_than_nearest(Builder& b, const Shape& input, const std::string& weight) {
  std::vector<std::string> warnings;
  const Candidates found = find_layers(b.graph, {}, warnings);
  ASSERT_EQ(found.layers.size(), 1U);
  ThreadPool threads(2);
  LayerInputs inputs(b.graph, found.layers, threads);
  ASSERT_EQ(inputs.values().size(), 1U);
  const Tensor x = b.data(input, 0, 1);  // not centred, as after a ReLU
  inputs.add({x}, 10000);
  const ValueId id = b.graph.find(weight);
  const int axis = weight_channel_axis(b.graph, b.graph.nodes.back());
  const Tensor& w = *b.graph.initializer(id);
  int zero = 0;
  const std::vector<float> scales = weight_scales(w, axis, kScheme, &zero);
  const auto q = inputs.round(id, scales, kScheme);
  ASSERT_TRUE(q.has_value());
  const Tensor nearest = quantize_weight(w, axis, scales, kScheme);
  EXPECT_LT(noise(b, x, w, *q, axis, scales), 0.7 * noise(b, x, w, nearest, axis, scales));
}

TEST(LayerInputs, Convolutions) {
  for (const std::int64_t groups : {1, 2, 8}) {
    Builder b;
    Attributes attributes;
    attributes.set("kernel_shape", std::vector<std::int64_t>{3, 2});
    attributes.set("pads", std::vector<std::int64_t>{1, 0, 2, 1});
    attributes.set("strides", std::vector<std::int64_t>{2, 1});
    attributes.set("group", groups);
    const ValueId x = b.input("x", {2, 8, 11, 9});
    b.output(b.node("Conv", {x, b.constant("w", {16, 8 / groups, 3, 2})}, "y", attributes));
    expect_better_than_nearest(b, {2, 8, 11, 9}, "w");
  }
}

TEST(LayerInputs, Products) {
  Builder b;
  b.output(b.matmul(b.input("x", {3, 20, 24}), 10, "y"));
  expect_better_than_nearest(b, {3, 20, 24}, "y.weight");
  for (const std::int64_t trans : {0, 1, 2, 3}) {
    Builder g;
    Attributes attributes;
    attributes.set("transA", trans & 1);
    attributes.set("transB", trans >> 1);
    const Shape input = (trans & 1) != 0 ? Shape{24, 60} : Shape{60, 24};
    const Shape weight = trans >> 1 != 0 ? Shape{10, 24} : Shape{24, 10};
    g.output(g.node("Gemm", {g.input("x", input), g.constant("w", weight)}, "y", attributes));
    expect_better_than_nearest(g, input, "w");
  }
}

TEST(LayerInputs, WhatIsNotServedIsLeftToTheNearest) {
  Builder b;
  b.output(b.matmul(b.input("x", {4, 6}), 5, "y"));
  std::vector<std::string> warnings;
  ThreadPool threads(1);
  const LayerInputs inputs(b.graph, find_layers(b.graph, {}, warnings).layers, threads);
  EXPECT_FALSE(inputs.round(b.graph.find("x"), std::vector<float>{1}, kScheme));
  EXPECT_FALSE(inputs.round(b.graph.find("y.weight"), std::vector<float>{1, 1}, kScheme));
}

}  // namespace
}  // namespace octet::quant
