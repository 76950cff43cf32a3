// Walking an index tensor beside the data it points into (GatherElements, ScatterElements).
#pragma once

#include <array>

#include "octet/ops/eval_context.h"

namespace octet::ops {

/// Throws bad_input unless the ranks are equal and `indices` is nowhere larger than `data` apart from `axis`.
void check_fits_inside(const EvalContext& ctx, const Shape& indices, const Shape& data, int axis);

/// Steps through all positions of `shape` in row-major order; offset() is where that position lies in a
/// tensor of other strides, its coordinate along `axis` taken as 0.
class IndexWalk {
 public:
  using Strides = std::array<std::int64_t, Shape::kMaxRank>;

  IndexWalk(const Shape& shape, const Strides& strides, int axis, std::int64_t position)
      : shape_(shape), strides_(strides) {
    strides_[static_cast<std::size_t>(axis)] = 0;
    for (int i = shape_.rank() - 1; i >= 0; --i) {
      at_[static_cast<std::size_t>(i)] = position % shape_[i];
      position /= shape_[i];
      offset_ += at_[static_cast<std::size_t>(i)] * strides_[static_cast<std::size_t>(i)];
    }
  }
  std::int64_t offset() const { return offset_; }
  void next() {
    for (int i = shape_.rank() - 1; i >= 0; --i) {
      const auto axis = static_cast<std::size_t>(i);
      offset_ += strides_[axis];
      if (++at_[axis] < shape_[i]) return;
      offset_ -= at_[axis] * strides_[axis];
      at_[axis] = 0;
    }
  }

 private:
  Shape shape_;
  Strides strides_;
  std::array<std::int64_t, Shape::kMaxRank> at_{};
  std::int64_t offset_ = 0;
};

}  // namespace octet::ops
