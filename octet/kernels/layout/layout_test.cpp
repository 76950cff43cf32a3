#include "octet/kernels/layout/layout.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace octet::kernels {
namespace {

template <class Element, class Transpose>
void check(const TransposeShape& s, Transpose transpose) {
  std::vector<Element> in(static_cast<std::size_t>(s.batch * s.rows * s.columns)), out(in.size());
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<Element>(i * 2654435761u >> 7);
  ThreadPool pool(2);
  transpose(s, in.data(), out.data(), pool);
  for (std::int64_t b = 0; b < s.batch; ++b) {
    for (std::int64_t r = 0; r < s.rows; ++r) {
      for (std::int64_t c = 0; c < s.columns; ++c) {
        const std::int64_t matrix = b * s.rows * s.columns;
        ASSERT_EQ(out[matrix + c * s.rows + r], in[matrix + r * s.columns + c]) << b << ' ' << r << ' ' << c;
      }
    }
  }
}

TEST(Layout, TransposesEveryShape) {
  for (const TransposeShape& s : std::vector<TransposeShape>{{1, 1, 1},
                                                             {1, 3, 224 * 5},
                                                             {3, 2, 40},
                                                             {2, 4, 20000},
                                                             {2, 64, 49},
                                                             {3, 33, 31},
                                                             {1, 32, 32},
                                                             {1, 100, 1},
                                                             {2, 1, 77},
                                                             {4, 16, 40},
                                                             {2, 65, 130}}) {
    check<std::uint8_t>(s, transpose_bytes);
    check<std::uint32_t>(s, transpose_words);
  }
}

TEST(Layout, AnEmptyTensorIsLeftAlone) {
  ThreadPool pool(1);
  const std::uint32_t in = 1;
  std::uint32_t out = 7;
  transpose_bytes({0, 3, 4}, &in, &out, pool);
  transpose_words({2, 0, 4}, &in, &out, pool);
  transpose_words({2, 4, 0}, &in, &out, pool);
  transpose_words({0, 0, 0}, nullptr, nullptr, pool);
  EXPECT_EQ(out, 7U);
}

}  // namespace
}  // namespace octet::kernels
