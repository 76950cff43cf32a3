#include "octet/tensor/four_bits.h"

#include <gtest/gtest.h>

namespace octet {
namespace {

TEST(FourBits, TwoNumbersAByte) {
  const Tensor bytes = Tensor::from<std::int8_t>({5}, {-8, 7, -1, 0, 3});
  const Tensor packed = pack_four_bits(bytes);
  EXPECT_EQ(packed.dtype(), DType::i4);
  EXPECT_EQ(packed.elements(), 5);
  ASSERT_EQ(packed.bytes(), 3u);
  const auto* raw = static_cast<const std::uint8_t*>(packed.raw());
  EXPECT_EQ(std::vector<int>(raw, raw + 3), (std::vector<int>{0x78, 0x0f, 0x03}));
  EXPECT_EQ(packed.to_int64(), (std::vector<std::int64_t>{-8, 7, -1, 0, 3}));
  EXPECT_EQ(packed.to_double(), (std::vector<double>{-8, 7, -1, 0, 3}));
  EXPECT_EQ(unpack_four_bits(packed).to_int64(), packed.to_int64());
  EXPECT_EQ(packed.cast(DType::f32).data<float>()[0], -8.0f);
}

TEST(FourBits, Unsigned) {
  const Tensor packed = pack_four_bits(Tensor::from<std::uint8_t>({2, 2}, {0, 15, 8, 1}));
  EXPECT_EQ(packed.dtype(), DType::u4);
  EXPECT_EQ(packed.to_int64(), (std::vector<std::int64_t>{0, 15, 8, 1}));
  EXPECT_EQ(packed.clone().to_int64(), packed.to_int64());
}

TEST(FourBits, WhatDoesNotFitIsRefused) {
  EXPECT_THROW(pack_four_bits(Tensor::from<std::int8_t>({1}, {8})), Error);
  EXPECT_THROW(pack_four_bits(Tensor::from<std::uint8_t>({1}, {16})), Error);
  EXPECT_THROW(pack_four_bits(Tensor::from<float>({1}, {1})), Error);
  EXPECT_THROW(unpack_four_bits(Tensor::from<std::int8_t>({1}, {1})), Error);
  EXPECT_THROW(Tensor::from<float>({1}, {1}).cast(DType::i4), Error);
}

}  // namespace
}  // namespace octet
