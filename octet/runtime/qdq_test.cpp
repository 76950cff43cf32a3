// Fused int8 steps against the same graph evaluated operator by operator: the results may differ by one
// step of quantization, at ties of rounding, and seldom.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "octet/runtime/session.h"
#include "octet/runtime/test_graphs.h"

namespace octet::runtime {
namespace {

using testing::Builder;
using ::testing::HasSubstr;
using testing::ints;
using ::testing::Not;
using testing::random_floats;

Attributes axis(std::int64_t value) {
  Attributes a;
  a.set("axis", value);
  return a;
}

// Runs both ways; `step` is the scale of the last quantization. Returns the share of results that differ.
double compare(const Graph& graph, const NamedTensors& inputs, float step, std::string* lowered = nullptr) {
  const Session fast(graph, {.threads = 2}), plain(graph, {.threads = 1, .optimize = false});
  const Tensor a = fast.run(inputs)[0], b = plain.run(inputs)[0];
  EXPECT_EQ(to_string(a.shape()), to_string(b.shape()));
  std::int64_t different = 0;
  bool alive = false;
  for (std::int64_t i = 0; i < a.elements(); ++i) {
    const float x = a.data<float>()[i], y = b.data<float>()[i];
    EXPECT_LE(std::abs(x - y), step * 1.01f) << i;
    different += std::abs(x - y) > 0.5f * step;
    alive = alive || y != b.data<float>()[0];
  }
  EXPECT_TRUE(alive) << "a test on constant results shows nothing";
  if (lowered != nullptr) *lowered = fast.lowered();
  return static_cast<double>(different) / static_cast<double>(std::max<std::int64_t>(1, a.elements()));
}

TEST(Qdq, ConvolutionsOfEveryForm) {
  struct Case {
    std::int64_t in, out, kernel, group;
    Attributes attributes;
    bool is_signed;
  };
  const Case cases[] = {
      {3, 8, 3, 1, ints({{"pads", {1, 1, 1, 1}}}), false},
      {8, 24, 1, 1, {}, true},
      {16, 16, 3, 16, ints({{"pads", {1, 1, 1, 1}}, {"strides", {2, 2}}}), false},
      {16, 16, 5, 16, ints({{"pads", {2, 0, 1, 2}}}), true},
      {12, 20, 3, 4, ints({{"dilations", {2, 2}}}), false},
      {5, 7, 3, 1, ints({{"pads", {0, 1, 2, 0}}, {"strides", {2, 1}}}), true},
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    const Case& c = cases[i];
    Builder b(i + 1);
    const ValueId x = b.input("x", {Dim("N"), c.in, 11, 13});
    const ValueId y =
        b.node("Relu", {b.qconv(b.quantized(x, 1, c.is_signed), c.in, c.out, c.kernel, c.attributes, c.group)});
    b.graph.outputs = {b.quantized(y, 2, c.is_signed)};
    std::string lowered;
    EXPECT_LT(compare(b.graph, {{"x", random_floats(b.random, {2, c.in, 11, 13})}}, 4.0f / 255, &lowered), 1e-3) << i;
    EXPECT_THAT(lowered, HasSubstr("QConv")) << i;
    EXPECT_THAT(lowered, Not(HasSubstr("Relu("))) << i;
  }
}

// Float convolutions, dense and depthwise, between quantized tensors.
TEST(Qdq, FloatConvolutionsStoreBytes) {
  for (const auto& [out, kernel, group] : {std::tuple{24, 3, 1}, {40, 5, 40}, {40, 3, 40}}) {
    for (const char* activation : {"Relu", "HardSwish", ""}) {
      Builder b(60);
      const std::int64_t pad = kernel / 2;
      const ValueId x = b.quantized(b.input("x", {Dim("N"), 40, 11, 13}), 1);
      Attributes attributes = ints({{"pads", {pad, pad, pad, pad}}});
      attributes.set("group", std::int64_t{group});
      ValueId y =
          b.node("Conv", {x, b.floats({out, 40 / group, kernel, kernel}), b.floats({out})}, std::move(attributes));
      if (*activation != 0) y = b.node(activation, {y});
      y = b.node("Add", {b.node("Mul", {y, b.constant(Tensor::from<float>({1}, {0.7f}))}),
                         b.constant(Tensor::from<float>({1}, {0.1f}))});
      b.graph.outputs = {b.quantized(y, 6)};
      std::string lowered;
      EXPECT_LT(compare(b.graph, {{"x", random_floats(b.random, {2, 40, 11, 13})}}, 12.0f / 255, &lowered), 1e-3);
      EXPECT_THAT(lowered, HasSubstr("rt.Conv("));
      const std::size_t first = lowered.find("rt.Quantize(");
      EXPECT_EQ(lowered.find("rt.Quantize(", first + 1), std::string::npos) << lowered;  // but that of x
    }
  }
}

// x * sigmoid(a x), the number a quantized as well.
TEST(Qdq, TablesWithQuantizedConstants) {
  Builder b(61);
  const ValueId x = b.quantized(b.input("x", {Dim("N"), 8, 4, 4}), 4);
  const ValueId a = b.node("DequantizeLinear", {b.constant(Tensor::from<std::uint8_t>({1}, {200})),
                                                b.constant(Tensor::from<float>({}, {0.01f})),
                                                b.constant(Tensor::from<std::uint8_t>({}, {0}))});
  const ValueId gate = b.quantized(b.node("Sigmoid", {b.quantized(b.node("Mul", {x, a}), 8)}), 1);
  b.graph.outputs = {b.quantized(b.node("Mul", {x, gate}), 4)};
  std::string lowered;
  EXPECT_LT(compare(b.graph, {{"x", random_floats(b.random, {2, 8, 4, 4})}}, 8.0f / 255, &lowered), 1e-2);
  EXPECT_THAT(lowered, HasSubstr("Lookup"));
  EXPECT_THAT(lowered, Not(HasSubstr("QMul")));
}

TEST(Qdq, ResidualBlock) {
  for (const bool is_signed : {false, true}) {
    Builder b(20 + is_signed);
    ValueId x = b.quantized(b.input("x", {Dim("N"), 8, 9, 9}), 1, is_signed);
    for (int block = 0; block < 3; ++block) {
      ValueId y = b.node("Relu", {b.qconv(x, 8, 8, 3, ints({{"pads", {1, 1, 1, 1}}}))});
      y = b.qconv(b.quantized(y, 2, is_signed), 8, 8, 3, ints({{"pads", {1, 1, 1, 1}}}));
      x = b.quantized(b.node("Relu", {b.node("Add", {y, x})}), 3, is_signed);
    }
    b.graph.outputs = {x};
    std::string lowered;
    EXPECT_LT(compare(b.graph, {{"x", random_floats(b.random, {3, 8, 9, 9})}}, 6.0f / 255, &lowered), 5e-3);
    EXPECT_THAT(lowered, Not(HasSubstr(" = Add(")));
    EXPECT_THAT(lowered, Not(HasSubstr("DequantizeLinear(QConv")));
  }
}

TEST(Qdq, LinearLayersAndProductsOfActivations) {
  Builder b(30);
  const ValueId x = b.quantized(b.input("x", {Dim("N"), 6, 32}), 1);
  const ValueId left = b.quantized(b.node("Add", {b.floats({32}), b.node("MatMul", {x, b.weights({32, 32}, 1)})}), 3);
  const ValueId right = b.quantized(b.node("MatMul", {x, b.weights({32, 32}, -1)}), 2);
  const ValueId turned = b.node("Transpose", {right}, ints({{"perm", {0, 2, 1}}}));
  const ValueId scores = b.quantized(b.node("MatMul", {left, turned}), 20);
  b.graph.outputs = {scores};
  std::string lowered;
  EXPECT_LT(compare(b.graph, {{"x", random_floats(b.random, {3, 6, 32})}}, 40.0f / 255, &lowered), 2e-2);
  EXPECT_THAT(lowered, HasSubstr("QMatMul"));
  EXPECT_THAT(lowered, HasSubstr("QLinear"));
}

// A fused Gelu is off by so little that only results near a tie differ; of finer steps it is left alone.
TEST(Qdq, GeluBecomesBytesInItsProduct) {
  struct Case {
    std::int64_t rows, columns;
    float range;
    bool fused;
  };
  for (const Case& c :
       {Case{50, 64, 4, true}, Case{7, 37, 2, true}, Case{20, 96, 20, true}, Case{9, 64, 0.1f, false}}) {
    Builder b(32);
    const ValueId x = b.quantized(b.input("x", {Dim("N"), 48}), 1);
    const ValueId sum = b.node("Add", {b.node("MatMul", {x, b.weights({48, c.columns}, 1)}), b.floats({c.columns})});
    const ValueId y = b.graph.add_value("gelu", {});
    Node gelu;
    gelu.op_type = "Gelu";
    gelu.domain = "octet";
    gelu.inputs = {sum};
    gelu.outputs = {y};
    b.graph.nodes.push_back(gelu);
    b.graph.outputs = {b.quantized(y, c.range)};
    std::string lowered;
    const float step = 2 * c.range / 255;
    EXPECT_LT(compare(b.graph, {{"x", random_floats(b.random, {c.rows, 48})}}, step, &lowered), 5e-3);
    EXPECT_EQ(lowered.find("Gelu") == std::string::npos, c.fused) << lowered;
  }
}

TEST(Qdq, GemmWithIntegerBias) {
  Builder b(31);
  const ValueId x = b.quantized(b.input("x", {Dim("N"), 40}), 1);
  Tensor bytes(DType::i8, {24, 40});
  for (std::int64_t i = 0; i < bytes.elements(); ++i)
    bytes.data<std::int8_t>()[i] = static_cast<std::int8_t>(b.random.integer(-127, 127));
  const Tensor scale = random_floats(b.random, {24}, 0.001f, 0.002f);
  Tensor bias(DType::i32, {24}), bias_scale(DType::f32, {24});
  for (int n = 0; n < 24; ++n) {
    bias.data<std::int32_t>()[n] = static_cast<std::int32_t>(b.random.integer(-20000, 20000));
    bias_scale.data<float>()[n] = scale.data<float>()[n] * (2.0f / 255);
  }
  const ValueId w = b.node("DequantizeLinear", {b.constant(bytes), b.constant(scale)}, axis(0));
  const ValueId c = b.node("DequantizeLinear", {b.constant(bias), b.constant(bias_scale)}, axis(0));
  Attributes transposed;
  transposed.set("transB", std::int64_t{1});
  b.graph.outputs = {b.quantized(b.node("Gemm", {x, w, c}, transposed), 2)};
  std::string lowered;
  EXPECT_LT(compare(b.graph, {{"x", random_floats(b.random, {5, 40})}}, 4.0f / 255, &lowered), 1e-2);
  EXPECT_THAT(lowered, HasSubstr("QLinear"));
}

TEST(Qdq, MovementAndTablesStayInBytes) {
  Builder b(40);
  ValueId x = b.quantized(b.input("x", {Dim("N"), 8, 8, 8}), 1);
  x = b.quantized(b.node("MaxPool", {x}, ints({{"kernel_shape", {2, 2}}, {"strides", {2, 2}}})), 1);
  const ValueId y = b.quantized(b.node("Mul", {x, b.node("Sigmoid", {x})}), 1);
  x = b.quantized(b.node("Concat", {x, y}, axis(1)), 1.5f);
  x = b.quantized(b.node("Transpose", {x}, ints({{"perm", {0, 2, 3, 1}}})), 1.5f);
  b.graph.outputs = {b.node("Reshape", {x, b.constant(Tensor::from<std::int64_t>({2}, {0, -1}))})};
  std::string lowered;
  EXPECT_LT(compare(b.graph, {{"x", random_floats(b.random, {2, 8, 8, 8})}}, 3.0f / 255, &lowered), 1e-2);
  EXPECT_THAT(lowered, HasSubstr("Lookup"));
  EXPECT_THAT(lowered, Not(HasSubstr("Sigmoid")));
}

TEST(Qdq, PaddingStaysInBytes) {
  const auto pads = [](Builder& b) { return b.constant(Tensor::from<std::int64_t>({8}, {0, 2, 1, 0, 0, 1, 0, -1})); };
  struct Case {
    const char* mode;
    float number;
    bool bytes;
  };
  for (const Case& c :
       {Case{"constant", 0, true}, {"edge", 0, true}, {"reflect", 0, true}, {"constant", 0.3f, false}}) {
    for (const bool is_signed : {false, true}) {
      Builder b(41);
      const ValueId x = b.quantized(b.input("x", {Dim("N"), 4, 6, 7}), 1, is_signed);
      Attributes mode;
      mode.set("mode", std::string(c.mode));
      std::vector<ValueId> inputs{x, pads(b)};
      if (c.number != 0 || is_signed) inputs.push_back(b.constant(Tensor::scalar(c.number)));
      b.graph.outputs = {b.quantized(b.node("Pad", inputs, mode), 1, is_signed)};
      std::string lowered;
      const double differ = compare(b.graph, {{"x", random_floats(b.random, {2, 4, 6, 7})}}, 2.0f / 255, &lowered);
      EXPECT_EQ(differ, 0) << c.mode;
      EXPECT_EQ(lowered.find("= Pad(DequantizeLinear") == std::string::npos, c.bytes) << c.mode << lowered;
    }
  }
}

}  // namespace
}  // namespace octet::runtime
