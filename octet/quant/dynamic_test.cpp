#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "octet/base/random.h"
#include "octet/base/testing.h"
#include "octet/quant/block_weights.h"
#include "octet/quant/sensitivity.h"
#include "octet/quant/testing_graphs.h"

namespace octet::quant {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

Graph network() {
  Builder b(3);
  const ValueId x = b.input("x", {2, 3, 8, 8});
  const ValueId r = b.node("Relu", {b.conv(x, 8, "conv")}, "r");
  Attributes flat;
  flat.set("axis", std::int64_t{2});
  const ValueId f = b.node("Flatten", {r}, "flat", flat);
  const ValueId m = b.node("Tanh", {b.matmul(f, 12, "m")}, "t");
  Attributes trans;
  trans.set("transB", std::int64_t{1});
  b.output(b.node("Gemm", {m, b.constant("head.weight", {5, 12}), b.constant("head.bias", {5})}, "y", trans));
  return b.graph;
}

Graph recurrent() {
  Builder b(4);
  const ValueId x = b.input("x", {6, 2, 10});
  Attributes hidden;
  hidden.set("hidden_size", std::int64_t{8});
  const ValueId y =
      b.node("LSTM",
             {x, b.constant("W", {1, 32, 10}, 0.5F), b.constant("R", {1, 32, 8}, 0.5F), b.constant("B", {1, 64}, 0.1F)},
             "lstm", hidden);
  b.output(y);
  return b.graph;
}

double end_sqnr(const Graph& reference, const Graph& quantized, const Tensor& x) {
  ThreadPool pool(1);
  SignalToNoise noise;
  noise.add(ops::evaluate_graph(reference, {x}, pool)[0], ops::evaluate_graph(quantized, {x}, pool)[0]);
  return decibels(noise.ratio());
}

std::vector<std::string> operators(const Graph& graph) {
  std::vector<std::string> out;
  for (const Node& node : graph.nodes) out.push_back(node.op_type);
  return out;
}

TEST(Dynamic, PerTensorIsTheStandardIntegerForm) {
  const Graph graph = network();
  const QuantizeResult result = quantize(graph, Dynamic{.per_row = false});
  const auto types = operators(result.model);
  EXPECT_EQ(std::count(types.begin(), types.end(), "DynamicQuantizeLinear"), 3);
  EXPECT_EQ(std::count(types.begin(), types.end(), "MatMulInteger"), 2);
  EXPECT_EQ(std::count(types.begin(), types.end(), "ConvInteger"), 1);
  EXPECT_EQ(std::count(types.begin(), types.end(), "Conv") + std::count(types.begin(), types.end(), "Gemm"), 0);
  EXPECT_GT(end_sqnr(graph, result.model, Builder(8).data({2, 3, 8, 8})), 28);
  EXPECT_EQ(result.coverage, 1.0);
  EXPECT_EQ(result.model.info.find_metadata("octet.dynamic_per_row"), nullptr);
  EXPECT_EQ(result.model.value(result.model.outputs[0]).name, "y");
}

TEST(Dynamic, PerRowKeepsTheFloatOperatorAndSaysWhichOnes) {
  const Graph graph = network();
  const QuantizeResult result = quantize(graph, Dynamic{});
  const auto types = operators(result.model);
  EXPECT_EQ(std::count(types.begin(), types.end(), "DequantizeLinear"), 3);
  EXPECT_EQ(*result.model.info.find_metadata("octet.dynamic_per_row"), "conv\nm\ny");
  EXPECT_GT(end_sqnr(graph, result.model, Builder(8).data({2, 3, 8, 8})), 30);
}

TEST(Dynamic, DepthwiseConvolutionsStayFloatUnlessAllAreAskedFor) {
  Builder b;
  const ValueId x = b.input("x", {1, 4, 6, 6});
  b.output(b.conv(b.conv(b.conv(x, 4, "dense"), 4, "depthwise", 4), 4, "grouped", 2));
  const auto record = [](const QuantizeResult& result, const std::string& name) {
    const auto found =
        std::find_if(result.nodes.begin(), result.nodes.end(), [&](const auto& n) { return n.name == name; });
    return found == result.nodes.end() ? NodeRecord{} : *found;
  };
  for (const bool per_row : {true, false}) {
    const QuantizeResult result = quantize(b.graph, Dynamic{.per_row = per_row});
    EXPECT_TRUE(record(result, "dense").quantized);
    EXPECT_TRUE(record(result, "grouped").quantized);
    EXPECT_FALSE(record(result, "depthwise").quantized);
    EXPECT_THAT(record(result, "depthwise").reason, ::testing::HasSubstr("a depthwise convolution"));
    const QuantizeResult all = quantize(b.graph, Dynamic{.per_row = per_row, .keep_depthwise_float = false});
    EXPECT_EQ(all.coverage, 1.0);
  }
}

TEST(Dynamic, RecurrentWeightsHaveAScaleAGateRow) {
  const Graph graph = recurrent();
  const QuantizeResult result = quantize(graph, Dynamic{});
  EXPECT_EQ(*result.model.info.find_metadata("octet.dynamic_per_row"), "lstm");
  EXPECT_EQ(result.model.initializer(result.model.find("R_scale"))->elements(), 32);
  EXPECT_GT(end_sqnr(graph, result.model, Builder(8).data({6, 2, 10})), 30);
}

TEST(WeightOnly, EveryWeightIsStoredInInt8) {
  for (const bool per_channel : {true, false}) {
    const Graph graph = network();
    const QuantizeResult result = quantize(graph, WeightOnly{.per_channel = per_channel});
    for (const auto& [id, tensor] : result.model.initializers()) {
      if (tensor.dtype() == DType::f32) {
        EXPECT_LT(tensor.elements(), 13) << result.model.value(id).name;
      }
    }
    EXPECT_GT(end_sqnr(graph, result.model, Builder(8).data({2, 3, 8, 8})), 30);
    EXPECT_EQ(*result.model.info.find_metadata("octet.method"), "weight-only");
  }
  EXPECT_THROW(quantize(network(), WeightOnly{.bits = 3}), Error);
  EXPECT_THROW(quantize(network(), WeightOnly{.bits = 4, .group = 12}), Error);
  EXPECT_THROW(quantize(network(), WeightOnly{.bits = 4, .group = 200}), Error);
}

// Matrices in int4, everything else in int8; smaller groups lose less.
TEST(WeightOnly, FourBits) {
  Builder b(12);
  b.output(b.matmul(b.node("Relu", {b.matmul(b.input("x", {2, 300}), 260, "a")}, "r"), 24, "b"));
  double before = 0;
  for (const std::int64_t group : {256, 32, 8}) {
    const QuantizeResult result = quantize(b.graph, WeightOnly{.bits = 4, .group = group});
    EXPECT_EQ(result.model.opset(), 21);
    int four = 0;
    for (const auto& [id, tensor] : result.model.initializers()) four += tensor.dtype() == DType::i4;
    EXPECT_EQ(four, 2);
    const double sqnr = end_sqnr(b.graph, result.model, Builder(13).data({2, 300}));
    EXPECT_GT(sqnr, before) << group;
    before = sqnr;
  }
  EXPECT_GT(before, 20);
}

TEST(WeightOnly, FourBitsServeMatricesOnly) {
  const Graph graph = network();
  const QuantizeResult result = quantize(graph, WeightOnly{.bits = 4, .group = 32});
  int four = 0, eight = 0;
  for (const NodeRecord& node : result.nodes) {
    if (!node.quantized) continue;
    four += node.reason.starts_with("int4 weight in groups of 32");
    eight += node.reason.starts_with("int8 weight (four bits");
  }
  EXPECT_GT(four + eight, 0);
  EXPECT_GT(eight, 0);
  EXPECT_GT(end_sqnr(graph, result.model, Builder(8).data({2, 3, 8, 8})), 15);
}

// The scale is the best of those tried: no worse than that of the largest magnitude; zeros and tails of blocks too.
TEST(WeightOnly, BlocksOfFourBits) {
  Random random(14);
  for (const int k_axis : {0, 1}) {
    Tensor w(DType::f32, k_axis == 0 ? Shape{45, 7} : Shape{7, 45});
    for (std::int64_t i = 0; i < w.elements(); ++i) w.data<float>()[i] = static_cast<float>(random.normal());
    for (std::int64_t k = 16; k < 32; ++k) w.data<float>()[k_axis == 0 ? k * 7 + 2 : 2 * 45 + k] = 0;
    const BlockWeights out = quantize_blocks(w, k_axis, 16);
    EXPECT_EQ(out.zero_blocks, 1);
    EXPECT_EQ(to_string(out.scale.shape()), to_string(k_axis == 0 ? Shape{3, 7} : Shape{7, 3}));
    const std::vector<std::int64_t> q = out.values.to_int64();
    for (std::int64_t b = 0; b < 3; ++b) {
      for (std::int64_t c = 0; c < 7; ++c) {
        double own = 0, plain = 0, most = 0;
        const auto at = [&](std::int64_t k) { return k_axis == 0 ? k * 7 + c : c * 45 + k; };
        const double scale = static_cast<double>(out.scale.data<float>()[k_axis == 0 ? b * 7 + c : c * 3 + b]);
        const std::int64_t end = std::min<std::int64_t>(45, 16 * b + 16);
        for (std::int64_t k = 16 * b; k < end; ++k)
          most = std::max(most, std::abs(static_cast<double>(w.data<float>()[at(k)])));
        for (std::int64_t k = 16 * b; k < end; ++k) {
          const double v = static_cast<double>(w.data<float>()[at(k)]);
          own += std::pow(v - scale * static_cast<double>(q[static_cast<std::size_t>(at(k))]), 2);
          if (most > 0) plain += std::pow(v - std::nearbyint(v / most * 7) * most / 7, 2);
        }
        EXPECT_LE(own, plain * 1.0001 + 1e-12);
      }
    }
  }
}

TEST(WeightOnly, LargeWeightsMayLieInAFile) {
  Builder b(11);
  b.output(b.matmul(b.matmul(b.input("x", {2, 1100}), 1200, "large"), 8, "small"));
  const octet::testing::TemporaryDirectory folder;
  const Graph in_memory = quantize(b.graph, WeightOnly{}).model;
  const Graph in_file = quantize(b.graph, WeightOnly{}, {.scratch = folder.path().string()}).model;
  EXPECT_EQ(print_graph(in_file), print_graph(in_memory));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  EXPECT_THROW(quantize(b.graph, WeightOnly{}, {.scratch = folder.file("missing")}), Error);
}

TEST(WeightOnly, TablesOfEmbeddings) {
  Builder b(6);
  const ValueId ids = b.graph.add_input("ids", DType::i64, {3, 5});
  const ValueId table = b.constant("table", {300, 16});
  b.output(b.matmul(b.node("Gather", {table, ids}, "rows"), 4, "y"));
  const QuantizeResult result = quantize(b.graph, WeightOnly{});
  EXPECT_EQ(result.model.initializer(result.model.find("table_scale"))->elements(), 300);
  EXPECT_EQ(result.model.find("table") == kNoValue || result.model.initializer(result.model.find("table")) == nullptr,
            true);
}

}  // namespace
}  // namespace octet::quant
