// Copying between strided views: the one loop behind Transpose, Slice, Expand, Concat, Pad, Tile, ...
//
//   StridedCopy copy;                       // y = transpose(x), x: [rows, columns]
//   copy.add(columns, 1, rows);
//   copy.add(rows, columns, 1);
//   copy.run(threads, size_of(x.dtype()), x.raw(), y.raw());
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "octet/base/threads.h"
#include "octet/tensor/shape.h"

namespace octet::ops {

/// Row-major strides of a shape, in elements.
std::array<std::int64_t, Shape::kMaxRank> strides_of(const Shape& shape);

class StridedCopy {
 public:
  static constexpr int kMaxAxes = 2 * Shape::kMaxRank;

  /// One more axis, outermost first. Strides are in elements; `from` may be 0 (repeats) or negative
  /// (walks back); `to` is positive. Neighbours that stay contiguous on both sides are merged.
  void add(std::int64_t dim, std::int64_t from, std::int64_t to);

  /// to[sum i_k * to_k] = from[sum i_k * from_k] for all indices; elements of `item` bytes.
  /// The two areas must not overlap.
  void run(ThreadPool& threads, std::size_t item, const void* from, void* to) const;

 private:
  struct Axis {
    std::int64_t dim = 1, from = 0, to = 0;
  };
  struct Walker;
  template <std::size_t kItem>
  struct Loops;

  void append(const Axis& axis);
  bool widen(std::size_t& item);

  std::array<Axis, kMaxAxes> axes_{};
  int rank_ = 0;
  bool empty_ = false;
};

}  // namespace octet::ops
