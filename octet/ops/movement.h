// What operators that move or index elements share: axes, sizes known at inference, checked indices.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "octet/ops/elementwise.h"
#include "octet/ops/op.h"

namespace octet::ops {

/// Axes in [-rank, rank) as [0, rank); throws bad_input outside and when an axis is named twice.
std::vector<int> unique_axes(std::span<const std::int64_t> axes, int rank);

/// Product of the dimensions in [first, last), as far as it can be said: a number, a symbol, or unknown.
Dim product(const SymbolicShape& shape, std::size_t first, std::size_t last);
/// a + b, as far as it can be said.
Dim sum(const Dim& a, const Dim& b);
/// What is known of a dimension from two sources that must agree; throws bad_input when two numbers differ.
Dim merge(const Dim& a, const Dim& b);

/// Known integers read as dimensions: unknown ones stay unknown. Throws bad_input for a constant below zero.
SymbolicShape dims_from(const InferContext& ctx, int slot);
/// A constant integer input, or the attribute of an older form; nothing where it is not known yet.
std::optional<std::vector<std::int64_t>> constant_integers(const InferContext& ctx, int slot);
/// Throws unsupported above Shape::kMaxRank.
void check_rank(std::size_t rank);
/// Sets an output to this type with a shape of unknown dimensions.
void set_output_rank(InferContext& ctx, int output, DType dtype, std::size_t rank);

/// An integer tensor's values read as a shape; throws bad_input for a negative one.
Shape shape_from(const EvalContext& ctx, const Tensor& values);
/// index in [-size, size) as [0, size); throws bad_input naming node, index and range.
std::int64_t checked_index(const EvalContext& ctx, std::int64_t index, std::int64_t size);

/// Samples: an int64 vector as a tensor, and values 0, 1, 2, ... of any type.
Tensor int64_tensor(std::initializer_list<std::int64_t> values);
Tensor iota_tensor(DType dtype, const Shape& shape);

}  // namespace octet::ops
