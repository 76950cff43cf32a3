#include "octet/quant/params.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "octet/quant/testing.h"

namespace octet::quant {
namespace {

TEST(Params, AgreeWithTorchAndOnnxRuntime) {
  const nlohmann::json& golden = goldens();
  int rows = 0;
  for (const auto& row : golden.at("parameters")) {
    const Range range{row.at("range")[0].get<float>(), row.at("range")[1].get<float>()};
    const DType dtype = row.at("dtype") == "u8" ? DType::u8 : DType::i8;
    for (const Numerics numerics : {Numerics::torch, Numerics::onnx}) {
      const auto& expected = row.at(numerics == Numerics::torch ? "torch" : "onnx");
      const Scheme scheme = activation_scheme(dtype, row.at("symmetric"), row.at("reduce_range"), numerics);
      const Affine affine = choose_affine(range, scheme);
      EXPECT_EQ(affine.scale, expected[0].get<float>()) << row;
      EXPECT_EQ(affine.zero_point, expected[1].get<int>()) << row;
      ++rows;
    }
  }
  EXPECT_GE(rows, 100);
}

TEST(Params, ScaleIsAlwaysNormalAndZeroIsExact) {
  const float huge = std::numeric_limits<float>::max(), tiny = std::numeric_limits<float>::denorm_min();
  for (const Range range : {Range{0, 0}, Range{-huge, huge}, Range{tiny, tiny}, Range{5, 5}, Range{-5, -5}}) {
    for (const DType dtype : {DType::u8, DType::i8}) {
      for (const bool symmetric : {false, true}) {
        for (const Numerics numerics : {Numerics::torch, Numerics::onnx}) {
          const Scheme scheme = activation_scheme(dtype, symmetric, false, numerics);
          const Affine affine = choose_affine(range, scheme);
          EXPECT_TRUE(std::isnormal(affine.scale) && affine.scale > 0) << affine.scale;
          EXPECT_EQ(dequantize_one(quantize_one(0.0F, affine, scheme), affine), 0.0F);
        }
      }
    }
  }
}

// 127.5 steps are a tie that rounds to even; the reciprocal makes 127.499992 of it (numerics: they differ).
TEST(Params, TorchMultipliesWhereOnnxDivides) {
  const Affine affine{1.0F / 3.0F, 0};
  int differ = 0;
  for (int i = 0; i < 1000; ++i) {
    const float x = (static_cast<float>(i) + 0.5F) * affine.scale / 8;
    const auto onnx = quantize_one(x, affine, activation_scheme(DType::u8, false, false, Numerics::onnx));
    const auto torch = quantize_one(x, affine, activation_scheme(DType::u8, false, false, Numerics::torch));
    EXPECT_LE(std::abs(onnx - torch), 1);
    EXPECT_EQ(onnx, static_cast<int>(std::nearbyint(x / affine.scale)));
    EXPECT_EQ(torch, static_cast<int>(std::nearbyint(x * (1.0F / affine.scale))));
    differ += onnx != torch;
  }
  EXPECT_LT(differ, 200);
}

TEST(Params, QuantizeSaturates) {
  const Scheme scheme = activation_scheme(DType::i8, false, false, Numerics::onnx);
  const Affine affine = choose_affine({-1, 3}, scheme);
  EXPECT_EQ(quantize_one(1e30F, affine, scheme), 127);
  EXPECT_EQ(quantize_one(-1e30F, affine, scheme), -128);
}

}  // namespace
}  // namespace octet::quant
