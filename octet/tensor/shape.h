// The dimensions of a tensor, outermost first; at most 8, kept in place so that running a network
// allocates nothing.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace octet {

class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;  ///< a scalar: rank 0, one element
  Shape(std::initializer_list<std::int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  /// Throws unsupported above kMaxRank, bad_input for a negative dimension.
  explicit Shape(std::span<const std::int64_t> dims);

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return dims_[static_cast<std::size_t>(axis)]; }
  std::int64_t& operator[](int axis) { return dims_[static_cast<std::size_t>(axis)]; }
  std::int64_t back() const { return dims_[static_cast<std::size_t>(rank_ - 1)]; }
  const std::int64_t* begin() const { return dims_.data(); }
  const std::int64_t* end() const { return dims_.data() + rank_; }
  std::span<const std::int64_t> dims() const { return {begin(), end()}; }
  void push_back(std::int64_t dim);

  /// Product of all dimensions (1 for a scalar); throws bad_input above 2^63.
  std::int64_t elements() const;
  /// Product of the dimensions in [first, last).
  std::int64_t elements(int first, int last) const;
  bool operator==(const Shape& other) const;

 private:
  std::array<std::int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

/// "2x3x224x224", "scalar" for rank 0.
std::string to_string(const Shape& shape);

/// axis in [-rank, rank) as [0, rank); throws bad_input, naming `what`, outside.
int normalize_axis(std::int64_t axis, int rank, const char* what = "axis");

/// The shape of a numpy-style broadcast; throws bad_input showing both shapes when they conflict.
Shape broadcast(const Shape& a, const Shape& b);

}  // namespace octet
