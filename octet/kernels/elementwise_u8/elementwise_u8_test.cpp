#include "octet/kernels/elementwise_u8/elementwise_u8.h"

#include <gtest/gtest.h>

#include "octet/kernels/igemm/testing.h"

namespace octet::kernels {
namespace {

using testing::Random;

float value(const OperandU8& o, std::int64_t r, std::int64_t c) {
  const std::uint8_t byte = static_cast<const std::uint8_t*>(o.data)[r * o.row_stride + c * o.column_stride];
  return static_cast<float>((o.is_signed ? int{static_cast<std::int8_t>(byte)} : int{byte}) - o.zero_point) * o.scale;
}

std::uint8_t expected(const BinaryU8& w, std::int64_t r, std::int64_t c) {
  const float a = value(w.a, r, c), b = value(w.b, r, c);
  float v = w.op == BinaryOp::add ? a + b : w.op == BinaryOp::sub ? a - b : a * b;
  v = std::clamp(v, w.low, w.high) * w.inv_scale;
  const double qmin = w.is_signed ? -128 : 0;
  return static_cast<std::uint8_t>(
      static_cast<int>(std::clamp(std::nearbyint(double{v}) + w.zero_point, qmin, qmin + 255)));
}

OperandU8 operand(Random& random, const std::vector<std::uint8_t>& data, std::int64_t columns) {
  OperandU8 o{
      .data = data.data(), .row_stride = columns, .scale = random.real(0.01f, 0.1f), .is_signed = random.one_in(2)};
  o.zero_point = static_cast<std::int32_t>(o.is_signed ? random.in(-128, 127) : random.in(0, 255));
  if (random.one_in(4)) o.row_stride = 0;
  if (random.one_in(4)) o.column_stride = 0;
  return o;
}

TEST(ElementwiseU8, EveryKernelEqualsTheDefinition) {
  Random random(41);
  std::size_t weak = 0;
  for (int i = 0; i < 300; ++i) {
    const std::int64_t rows = random.in(1, 6), columns = random.in(1, 90);
    const auto a = random.array<std::uint8_t>(rows * columns, 0, 255),
               b = random.array<std::uint8_t>(rows * columns, 0, 255);
    BinaryU8 w{.rows = rows,
               .columns = columns,
               .op = static_cast<BinaryOp>(random.in(0, 2)),
               .out_stride = columns + 2,
               .inv_scale = random.real(1, 30),
               .is_signed = random.one_in(2)};
    w.a = operand(random, a, columns);
    w.b = operand(random, b, columns);
    w.zero_point = static_cast<std::int32_t>(w.is_signed ? random.in(-128, 127) : random.in(0, 255));
    if (random.one_in(2)) w.low = 0;
    if (random.one_in(3)) w.high = 6;
    std::vector<unsigned char> values;
    for (const ElementwiseU8Kernel* kernel : elementwise_u8_table()) {
      if (!cpu_supports(kernel->isa)) continue;
      std::vector<std::uint8_t> out(static_cast<std::size_t>(rows * w.out_stride), 0x5c);
      w.out = out.data();
      for (std::int64_t r = 0; r < rows; ++r) kernel->binary(w, r);
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t c = 0; c < w.out_stride; ++c) {
          const std::uint8_t want = c < columns ? expected(w, r, c) : 0x5c;
          ASSERT_EQ(out[static_cast<std::size_t>(r * w.out_stride + c)], want) << kernel->name;
          values.push_back(want);
        }
      }
    }
    weak += columns > 16 && testing::variety(values) < 4;
  }
  EXPECT_LT(weak, 60u);
}

TEST(ElementwiseU8, ALongRowIsSharedByThreads) {
  Random random(43);
  ThreadPool pool(2);
  const std::int64_t count = 8192 * 5;
  const auto a = random.array<std::uint8_t>(count, 0, 255), b = random.array<std::uint8_t>(count, 0, 255);
  std::vector<std::uint8_t> out(static_cast<std::size_t>(count));
  BinaryU8 w{.columns = count,
             .a = {.data = a.data(), .scale = 0.02f},
             .b = {.data = b.data(), .scale = 0.03f},
             .out = out.data(),
             .inv_scale = 20};
  binary_u8(w, pool);
  for (std::int64_t i = 0; i < count; ++i) ASSERT_EQ(out[static_cast<std::size_t>(i)], expected(w, 0, i));
}

TEST(ElementwiseU8, TablesRequantizeAndApply) {
  ThreadPool pool(2);
  const Table256 requantize =
      byte_table({.scale = 0.1f, .zero_point = 10}, {.scale = 0.2f, .zero_point = -128, .is_signed = true});
  EXPECT_EQ(static_cast<std::int8_t>(requantize[10]), -128);
  EXPECT_EQ(static_cast<std::int8_t>(requantize[12]), -127);
  EXPECT_EQ(static_cast<std::int8_t>(requantize[0]), -128);
  EXPECT_EQ(static_cast<std::int8_t>(requantize[250]), -8);
  const Table256 relu = byte_table({.scale = 1, .zero_point = -3, .is_signed = true}, {.scale = 1, .zero_point = 5},
                                   [](float v) { return v > 0 ? v : 0.0f; });
  EXPECT_EQ(relu[static_cast<std::uint8_t>(-100)], 5);
  EXPECT_EQ(relu[static_cast<std::uint8_t>(-1)], 7);
  std::vector<std::uint8_t> x(1000);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::uint8_t>(i * 7);
  std::vector<std::uint8_t> y(x.size(), 1), z(50 * 25, 9);
  lookup_u8(relu, x.data(), 1000, y.data(), pool);
  lookup_rows_u8(relu, x.data(), 20, 50, 20, z.data(), 25, pool);
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(y[i], relu[x[i]]);
    ASSERT_EQ(z[i / 20 * 25 + i % 20], relu[x[i]]);
  }
  EXPECT_EQ(z[24], 9);
}

}  // namespace
}  // namespace octet::kernels
