#include "octet/ops/quant_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "octet/ops/op.h"

namespace octet {
namespace {

using ::testing::HasSubstr;

// The error that `f` throws; fails the test when there is none.
template <class F>
ErrorInfo error_of(const F& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.info();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

// x -> QuantizeLinear -> y, x of 2x3x4.
Graph quantizing(const Tensor& scale, const Tensor& zero_point) {
  Graph g;
  g.opsets[""] = 13;
  const ValueId x = g.add_input("x", DType::f32, {2, 3, 4});
  const ValueId s = g.add_initializer("conv1.scale", scale), z = g.add_initializer("conv1.zero", zero_point);
  g.outputs.push_back(g.add_node("QuantizeLinear", {x, s, z}, {}, "quantize1"));
  return g;
}

TEST(QuantChecks, BadScalesAreRefusedByNameAndValue) {
  const float limit = std::numeric_limits<float>::infinity();
  const std::pair<float, const char*> bad[] = {
      {0.0f, "0"}, {-0.5f, "-0.5"}, {std::nanf(""), "nan"}, {limit, "inf"}, {1e-40f, "e-41"}};
  for (const auto& [scale, shown] : bad) {
    const Graph g = quantizing(Tensor::scalar(scale), Tensor::scalar<std::uint8_t>(3));
    const ErrorInfo e = error_of([&] { ops::check_quantization(g); });
    EXPECT_EQ(e.kind, ErrorKind::bad_input);
    EXPECT_EQ(e.node, "quantize1");
    EXPECT_EQ(e.tensor, "conv1.scale");
    EXPECT_THAT(e.value, HasSubstr(shown));
    ThreadPool threads(1);
    const Tensor x = Tensor::zeros(DType::f32, {2, 3, 4});
    EXPECT_EQ(error_of([&] { ops::evaluate_graph(g, {x}, threads); }).kind, ErrorKind::bad_input);
  }
}

TEST(QuantChecks, TheIndexOfABadChannelIsShown) {
  const Graph g = quantizing(Tensor::from<float>({3}, {1, 0, 1}), Tensor::zeros(DType::u8, {3}));
  EXPECT_THAT(error_of([&] { ops::check_quantization(g); }).value, HasSubstr("index 1"));
}

TEST(QuantChecks, ZeroPointsOfAnotherTypeAreRefused) {
  Graph g = quantizing(Tensor::scalar(1.0f), Tensor::scalar(3.0f));
  EXPECT_EQ(error_of([&] { ops::check_quantization(g); }).tensor, "conv1.zero");

  Graph d;
  d.opsets[""] = 13;
  const ValueId x = d.add_input("x", DType::u8, {2});
  const ValueId s = d.add_initializer("s", Tensor::scalar(1.0f)),
                z = d.add_initializer("z", Tensor::scalar<std::int32_t>(300));
  d.outputs.push_back(d.add_node("DequantizeLinear", {x, s, z}));
  const ErrorInfo e = error_of([&] { ops::check_quantization(d); });
  EXPECT_EQ(e.tensor, "z");
  EXPECT_EQ(e.value, "int32");
  EXPECT_EQ(e.expected, "uint8");
}

TEST(QuantChecks, Int32TensorsHaveZeroPointZero) {
  const Tensor scale = Tensor::scalar(1.0f);
  EXPECT_NO_THROW(ops::check_zero_point(Tensor::scalar<std::int32_t>(0), scale, DType::i32, "z"));
  EXPECT_EQ(error_of([&] { ops::check_zero_point(Tensor::scalar<std::int32_t>(5), scale, DType::i32, "z"); }).value,
            "5");
}

TEST(QuantChecks, PerChannelLengthsMustBeTheAxis) {
  const Graph g = quantizing(Tensor::from<float>({2}, {1, 1}), Tensor::zeros(DType::u8, {2}));
  const ErrorInfo e = error_of([&] { ops::check_quantization(g); });
  EXPECT_EQ(e.tensor, "conv1.scale");
  EXPECT_EQ(e.value, "2");
  EXPECT_THAT(e.expected, HasSubstr("3"));
  const Graph other = quantizing(Tensor::from<float>({3}, {1, 1, 1}), Tensor::zeros(DType::u8, {2}));
  EXPECT_EQ(error_of([&] { ops::check_quantization(other); }).tensor, "conv1.zero");
}

TEST(QuantChecks, AGoodGraphPasses) {
  EXPECT_NO_THROW(
      ops::check_quantization(quantizing(Tensor::from<float>({3}, {1, 2, 3}), Tensor::zeros(DType::i8, {3}))));
  EXPECT_NO_THROW(ops::check_quantization(quantizing(Tensor::scalar(0.5f), Tensor::scalar<std::uint8_t>(128))));
}

TEST(QuantChecks, NaNIsNotQuantized) {
  const Graph g = quantizing(Tensor::scalar(1.0f), Tensor::scalar<std::uint8_t>(0));
  Tensor x = Tensor::zeros(DType::f32, {2, 3, 4});
  x.data<float>()[5] = std::nanf("");
  ThreadPool threads(1);
  EXPECT_THAT(error_of([&] { ops::evaluate_graph(g, {x}, threads); }).value, HasSubstr("5"));
  x.data<float>()[5] = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(ops::evaluate_graph(g, {x}, threads)[0].data<std::uint8_t>()[5], 0);
}

}  // namespace
}  // namespace octet
