#include "octet/kernels/weight_only/weight_only.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace octet::kernels {
namespace {

// Against sums in double, on every instruction set that runs here; the same bits for any number of threads.
TEST(WeightOnly, IsTheProduct) {
  std::mt19937 random(11);
  const auto number = [&random] { return static_cast<float>(random() & 0xffff) / 32768.0f - 1; };
  ThreadPool one(1), two(2);
  for (const GemmShape& shape :
       {GemmShape{.m = 1, .n = 1, .k = 1, .b_k_stride = 1}, GemmShape{.m = 1, .n = 200, .k = 333, .b_k_stride = 200},
        GemmShape{.m = 7, .n = 130, .k = 64, .b_k_stride = 1, .b_n_stride = 64},
        GemmShape{.m = 8, .n = 64, .k = 1000, .b_k_stride = 64},
        GemmShape{.m = 5, .n = 31, .k = 3, .b_k_stride = 31}}) {
    const GemmShape& s = shape;
    std::vector<float> x(static_cast<std::size_t>(s.m * s.k)), scale(static_cast<std::size_t>(s.n)), bias(scale.size()),
        residual(static_cast<std::size_t>(s.m * s.n));
    for (auto* v : {&x, &scale, &bias, &residual}) std::generate(v->begin(), v->end(), number);
    std::vector<std::int8_t> w(static_cast<std::size_t>(s.k * s.n));
    for (auto& v : w) v = static_cast<std::int8_t>(random() % 256);
    std::vector<char> packed(static_cast<std::size_t>(packed_bytes_weight_only(s)));
    pack_weight_only(s, w.data(), packed.data());
    for (const WeightOnlyKernel* kernel : weight_only_table()) {
      if (!isa_allowed(kernel->isa)) continue;
      std::vector<float> out(residual.size()), again(residual.size());
      Epilogue e;
      e.bias_f32 = bias.data(), e.residual = residual.data(), e.residual_stride = e.out_stride = s.n;
      e.activation = Activation::relu;
      e.out = out.data();
      weight_only(*kernel, s, x.data(), packed.data(), scale.data(), e, one);
      e.out = again.data();
      weight_only(*kernel, s, x.data(), packed.data(), scale.data(), e, two);
      EXPECT_EQ(out, again) << kernel->name;
      for (std::int64_t m = 0; m < s.m; ++m) {
        for (std::int64_t n = 0; n < s.n; ++n) {
          double sum = 0, size = 1;
          for (std::int64_t k = 0; k < s.k; ++k) {
            const double part = static_cast<double>(x[static_cast<std::size_t>(m * s.k + k)]) *
                                w[static_cast<std::size_t>(k * s.b_k_stride + n * s.b_n_stride)];
            sum += part;
            size += std::abs(part);
          }
          const auto at = static_cast<std::size_t>(m * s.n + n), c = static_cast<std::size_t>(n);
          const double expected =
              sum * static_cast<double>(scale[c]) + static_cast<double>(bias[c]) + static_cast<double>(residual[at]);
          ASSERT_NEAR(static_cast<double>(out[at]), std::max(0.0, expected), 1e-6 * size) << kernel->name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace octet::kernels
