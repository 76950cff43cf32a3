// Small questions that several patterns ask.
#pragma once

#include "octet/rewrite/edit.h"

namespace octet::rewrite {

/// Axes of a reduction (attribute or constant input) as [0, rank); all of them when none are given;
/// empty when they are not known.
std::vector<std::int64_t> reduced_axes(const Edit& edit, const Node& node, int rank);

/// `id` = x * number or x / (1 / number), either order; gives x, or kNoValue.
ValueId times(const Edit& edit, ValueId id, double number);
/// `id` = x + number, either order; gives x, or kNoValue.
ValueId plus(const Edit& edit, ValueId id, double number);

}  // namespace octet::rewrite
