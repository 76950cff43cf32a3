#include "octet/quant/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "octet/quant/testing_graphs.h"

namespace octet::quant {
namespace {

using ::testing::HasSubstr;

const Scheme kScheme = weight_scheme(false, Numerics::onnx);

TEST(Weights, EveryChannelUsesItsRange) {
  Builder b;
  const ValueId id = b.constant("w", {3, 4, 5});
  const Tensor& w = *b.graph.initializer(id);
  for (const int axis : {0, 1, 2, -1}) {
    int zero = 0;
    const auto scales = weight_scales(w, axis, kScheme, &zero);
    EXPECT_EQ(static_cast<std::int64_t>(scales.size()), axis < 0 ? 1 : w.dim(axis));
    EXPECT_EQ(zero, 0);
    const Tensor q = quantize_weight(w, axis, scales, kScheme), back = dequantize_weight(q, axis, scales);
    const Channels channels = channels_of(w.shape(), axis);
    std::vector<int> largest(scales.size(), 0);
    for (std::int64_t i = 0; i < w.elements(); ++i) {
      const auto c = static_cast<std::size_t>(i / channels.inner % channels.count);
      largest[c] = std::max(largest[c], std::abs(static_cast<int>(q.data<std::int8_t>()[i])));
      EXPECT_LE(std::abs(back.data<float>()[i] - w.data<float>()[i]), scales[c] * 0.5001F);
    }
    for (const int x : largest) EXPECT_EQ(x, 127);
  }
}

TEST(Weights, TorchUsesTheWholeRange) {
  const Tensor w = Tensor::from<float>({2}, {-2.492569F, 1.0F});
  int zero = 0;
  const auto scales = weight_scales(w, -1, weight_scheme(false, Numerics::torch), &zero);
  EXPECT_FLOAT_EQ(scales[0], 2.492569F / 127.5F);
  EXPECT_EQ(quantize_weight(w, -1, scales, weight_scheme(false, Numerics::torch)).data<std::int8_t>()[0], -128);
}

TEST(Weights, NonFiniteIsRefusedWithIndexAndCount) {
  Builder b;
  const ValueId id = b.constant("layer.weight", {4, 4});
  b.graph.set_initializer(id, [&] {
    Tensor w = b.graph.initializer(id)->clone();
    w.data<float>()[5] = std::numeric_limits<float>::quiet_NaN();
    w.data<float>()[9] = -std::numeric_limits<float>::infinity();
    return w;
  }());
  std::vector<std::string> warnings;
  WeightWriter writer(b.graph, kScheme, warnings);
  try {
    writer.write(id, 0);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.info().kind, ErrorKind::bad_input);
    EXPECT_EQ(e.info().tensor, "layer.weight");
    EXPECT_THAT(e.info().message, HasSubstr("2 NaN"));
    EXPECT_THAT(e.info().value, HasSubstr("index 5"));
  }
}

TEST(Weights, ZeroChannelsStayZeroWithAWarning) {
  Builder b;
  const ValueId id = b.graph.add_initializer("w", Tensor::from<float>({2, 2}, {0, 0, 1, -1}));
  std::vector<std::string> warnings;
  WeightWriter writer(b.graph, kScheme, warnings);
  const auto written = writer.write(id, 0);
  EXPECT_EQ(written.scales[0], 1.0F);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0], HasSubstr("1 of 2 channels are all zero"));
  EXPECT_EQ(b.graph.initializer(b.graph.find("w_int8"))->data<std::int8_t>()[0], 0);
}

TEST(Weights, TiedWeightsAreStoredOnceWhereTheyAgree) {
  Builder b;
  const ValueId id = b.constant("w", {8, 8});
  const ValueId tied = b.graph.add_initializer("w_again", *b.graph.initializer(id));
  std::vector<std::string> warnings;
  WeightWriter writer(b.graph, kScheme, warnings);
  writer.write(id, 0);
  writer.write(tied, 0);
  writer.write(id, 1);
  int stored = 0;
  for (const auto& [value, tensor] : b.graph.initializers())
    stored += tensor.dtype() == DType::i8 && tensor.elements() == 64;
  EXPECT_EQ(stored, 2);
  EXPECT_EQ(b.graph.nodes.size(), 3U);
}

}  // namespace
}  // namespace octet::quant
