#include "octet/tensor/shape.h"

#include <algorithm>

#include "octet/base/checked.h"

namespace octet {

Shape::Shape(std::span<const std::int64_t> dims) {
  for (const std::int64_t dim : dims) push_back(dim);
}

void Shape::push_back(std::int64_t dim) {
  if (rank_ == kMaxRank) {
    throw Error(ErrorKind::unsupported, "a tensor has more dimensions than Octet handles")
        .expected("at most " + std::to_string(kMaxRank));
  }
  if (dim < 0) {
    throw Error(ErrorKind::bad_input, "a dimension is negative").value(std::to_string(dim));
  }
  dims_[static_cast<std::size_t>(rank_++)] = dim;
}

std::int64_t Shape::elements(int first, int last) const {
  std::int64_t product = 1;
  for (int i = first; i < last; ++i) product = checked_mul(product, (*this)[i]);
  return product;
}

std::int64_t Shape::elements() const {
  // A zero anywhere makes it empty, whatever the other dimensions multiply to.
  if (std::find(begin(), end(), 0) != end()) return 0;
  return elements(0, rank_);
}

bool Shape::operator==(const Shape& other) const {
  return rank_ == other.rank_ && std::equal(begin(), end(), other.begin());
}

std::string to_string(const Shape& shape) {
  if (shape.rank() == 0) return "scalar";
  std::string text;
  for (const std::int64_t dim : shape) text += (text.empty() ? "" : "x") + std::to_string(dim);
  return text;
}

int normalize_axis(std::int64_t axis, int rank, const char* what) {
  if (axis < -rank || axis >= rank) {
    throw Error(ErrorKind::bad_input, std::string(what) + " is out of range")
        .value(std::to_string(axis))
        .expected("between " + std::to_string(-rank) + " and " + std::to_string(rank - 1));
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Shape broadcast(const Shape& a, const Shape& b) {
  Shape out;
  const int rank = std::max(a.rank(), b.rank());
  for (int i = 0; i < rank; ++i) {
    const int ia = i - (rank - a.rank()), ib = i - (rank - b.rank());
    const std::int64_t da = ia < 0 ? 1 : a[ia], db = ib < 0 ? 1 : b[ib];
    if (da != db && da != 1 && db != 1) {
      throw Error(ErrorKind::bad_input, "shapes do not broadcast")
          .value(to_string(a) + " and " + to_string(b))
          .expected("equal dimensions, or 1, counted from the right");
    }
    out.push_back(da == 1 ? db : da);
  }
  return out;
}

}  // namespace octet
