// Walking a tensor along some of its axes: as [outer][reduced][inner].
#pragma once

#include <vector>

#include "octet/graph/graph.h"

namespace octet::ops {

/// A shape seen around one axis: elements before it, along it, after it.
struct AxisSplit {
  std::int64_t outer = 1, size = 1, inner = 1;
};
AxisSplit split_at(const Shape& shape, int axis);

/// Sorted distinct axes in [0, rank); throws bad_input for one out of range or given twice.
std::vector<int> normalize_axes(const std::vector<std::int64_t>& axes, int rank);

/// The same data arranged so that the axes to reduce are neighbours (copied only where they are not).
struct Arranged {
  Tensor data;
  AxisSplit split;
};
Arranged arrange(const Tensor& x, const std::vector<int>& axes);

/// x's shape with those axes of size 1, or dropped.
Shape reduced_shape(const Shape& shape, const std::vector<int>& axes, bool keep);
/// The same rule for a partly known shape.
SymbolicShape reduced_shape(const SymbolicShape& shape, const std::vector<int>& axes, bool keep);

}  // namespace octet::ops
