#include "octet/ops/strided_copy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "octet/base/random.h"

namespace octet::ops {
namespace {

struct Axis {
  std::int64_t dim, from, to;
};

// The definition, one element at a time.
template <class T>
void copy_plainly(const std::vector<Axis>& axes, std::size_t depth, const T* from, T* to) {
  if (depth == axes.size()) {
    *to = *from;
    return;
  }
  for (std::int64_t i = 0; i < axes[depth].dim; ++i) {
    copy_plainly(axes, depth + 1, from + i * axes[depth].from, to + i * axes[depth].to);
  }
}

// Random axes: `from` in any order, repeated or reversed; `to` dense in row-major order, or with gaps.
struct Case {
  std::vector<Axis> axes;
  std::int64_t from_size = 1, from_first = 0, to_size = 1;

  explicit Case(Random& random) {
    const auto rank = random.integer(0, 5);
    const std::int64_t most = random.integer(0, 3) == 0 ? 70 : 6;
    for (std::int64_t i = 0; i < rank; ++i) axes.push_back({random.integer(i < 2 ? 1 : 0, i < 2 ? most : 5), 0, 0});
    const std::int64_t gap = random.integer(1, 2);
    to_size = gap;
    for (std::size_t i = axes.size(); i-- > 0;) {
      axes[i].to = to_size;
      to_size *= std::max<std::int64_t>(axes[i].dim, 1);
    }
    std::vector<Axis*> order;
    for (Axis& axis : axes) order.push_back(&axis);
    for (std::size_t i = order.size(); i > 1; --i) {
      std::swap(order[i - 1], order[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(i) - 1))]);
    }
    for (Axis* axis : order) {
      const std::int64_t kind = random.integer(0, 5);
      axis->from = kind == 0 ? 0 : kind == 1 ? -from_size : from_size;
      if (kind == 1 && axis->dim > 0) from_first += (axis->dim - 1) * from_size;
      if (kind != 0) from_size *= std::max<std::int64_t>(axis->dim, 1);
    }
  }
};

template <class T>
void expect_plain_result(const Case& made, ThreadPool& threads) {
  std::vector<T> from(static_cast<std::size_t>(made.from_size));
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<T>(i * 7 + 1);
  std::vector<T> expected(static_cast<std::size_t>(made.to_size), T{0}), actual = expected;
  copy_plainly(made.axes, 0, from.data() + made.from_first, expected.data());
  StridedCopy copy;
  for (const Axis& axis : made.axes) copy.add(axis.dim, axis.from, axis.to);
  copy.run(threads, sizeof(T), from.data() + made.from_first, actual.data());
  EXPECT_EQ(actual, expected);
}

TEST(StridedCopy, CopiesAsTheDefinitionSays) {
  Random random(11);
  ThreadPool one(1), two(2);
  for (int i = 0; i < 400; ++i) {
    const Case made(random);
    ThreadPool& threads = i % 2 == 0 ? one : two;
    expect_plain_result<std::uint8_t>(made, threads);
    expect_plain_result<std::uint16_t>(made, threads);
    expect_plain_result<float>(made, threads);
    expect_plain_result<double>(made, threads);
  }
}

TEST(StridedCopy, LargeTransposesAreTiledOnSeveralThreads) {
  ThreadPool threads(3);
  const std::int64_t rows = 517, columns = 389;
  std::vector<float> from(static_cast<std::size_t>(rows * columns)), to(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<float>(i);
  StridedCopy copy;
  copy.add(columns, 1, rows);
  copy.add(rows, columns, 1);
  copy.run(threads, sizeof(float), from.data(), to.data());
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      ASSERT_EQ(to[static_cast<std::size_t>(c * rows + r)], from[static_cast<std::size_t>(r * columns + c)]);
    }
  }
}

TEST(StridedCopy, StridesOfAnEmptyShapeStayPositive) {
  EXPECT_EQ(strides_of({2, 0, 3})[0], 3);
  EXPECT_EQ(strides_of({2, 3, 4})[0], 12);
  EXPECT_EQ(strides_of({2, 3, 4})[2], 1);
}

}  // namespace
}  // namespace octet::ops
