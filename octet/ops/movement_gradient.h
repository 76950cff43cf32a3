// Gradients of operators that move elements: see movement_gradient.cpp.
#pragma once

#include <optional>
#include <vector>

#include "octet/ops/gradient_context.h"

namespace octet::ops {

/// The elements start, start + step, ... (count of them) of a dimension.
struct SliceCut {
  std::int64_t start = 0, step = 1, count = 0;
};
/// One cut for each dimension of `shape`, as Slice-13 reads its inputs; throws bad_input for what Slice refuses.
std::vector<SliceCut> slice_cuts(const Shape& shape, std::vector<std::int64_t> starts, std::vector<std::int64_t> ends,
                                 std::optional<std::vector<std::int64_t>> axes,
                                 std::optional<std::vector<std::int64_t>> steps);

/// The gradient of input 0 of any operator that moves, repeats or drops its elements (and puts zeros between).
void gradient_of_movement(GradientContext& ctx);
/// The same where `node` is what moves the places: the node itself without the constants that it puts between.
void gradient_by_movement_of(GradientContext& ctx, const Node& node);

}  // namespace octet::ops
