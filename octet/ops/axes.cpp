#include "octet/ops/axes.h"

#include <algorithm>

namespace octet::ops {
namespace {

bool contains(const std::vector<int>& axes, int axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

// Copies x with its dimensions in the given order.
template <class T>
void permute(const Tensor& x, const std::vector<int>& order, Tensor& out) {
  const int rank = x.rank();
  std::int64_t strides[Shape::kMaxRank] = {}, at[Shape::kMaxRank] = {};
  for (int i = 0; i < rank; ++i) strides[i] = x.shape().elements(order[static_cast<std::size_t>(i)] + 1, rank);
  const T* from = x.data<T>();
  T* to = out.data<T>();
  for (std::int64_t n = out.elements(); n > 0; --n) {
    *to++ = *from;
    for (int i = rank - 1; i >= 0; --i) {
      from += strides[i];
      if (++at[i] < out.dim(i)) break;
      from -= strides[i] * out.dim(i);
      at[i] = 0;
    }
  }
}

}  // namespace

AxisSplit split_at(const Shape& shape, int axis) {
  return {shape.elements(0, axis), shape[axis], shape.elements(axis + 1, shape.rank())};
}

std::vector<int> normalize_axes(const std::vector<std::int64_t>& axes, int rank) {
  std::vector<int> out;
  for (const std::int64_t axis : axes) out.push_back(normalize_axis(axis, rank));
  std::sort(out.begin(), out.end());
  if (const auto twice = std::adjacent_find(out.begin(), out.end()); twice != out.end()) {
    throw Error(ErrorKind::bad_input, "an axis is given twice").value(std::to_string(*twice));
  }
  return out;
}

Arranged arrange(const Tensor& x, const std::vector<int>& axes) {
  const Shape& shape = x.shape();
  const int rank = shape.rank();
  if (axes.empty()) return {x, {shape.elements(), 1, 1}};
  const int first = axes.front(), last = axes.back() + 1;
  bool neighbours = true;  // an axis of size 1 in between is harmless
  for (int i = first; i < last; ++i) neighbours = neighbours && (contains(axes, i) || shape[i] == 1);
  if (neighbours) return {x, {shape.elements(0, first), shape.elements(first, last), shape.elements(last, rank)}};
  std::vector<int> order;
  Shape arranged;
  for (const bool reduced : {false, true}) {
    for (int i = 0; i < rank; ++i) {
      if (contains(axes, i) == reduced) order.push_back(i), arranged.push_back(shape[i]);
    }
  }
  Tensor copy(x.dtype(), arranged);
  dispatch(x.dtype(), [&]<class T>() { permute<T>(x, order, copy); });
  const int kept = rank - static_cast<int>(axes.size());
  return {copy, {arranged.elements(0, kept), arranged.elements(kept, rank), 1}};
}

Shape reduced_shape(const Shape& shape, const std::vector<int>& axes, bool keep) {
  Shape out;
  for (int i = 0; i < shape.rank(); ++i) {
    if (!contains(axes, i)) {
      out.push_back(shape[i]);
    } else if (keep) {
      out.push_back(1);
    }
  }
  return out;
}

SymbolicShape reduced_shape(const SymbolicShape& shape, const std::vector<int>& axes, bool keep) {
  SymbolicShape out;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (!contains(axes, static_cast<int>(i))) {
      out.push_back(shape[i]);
    } else if (keep) {
      out.push_back(1);
    }
  }
  return out;
}

}  // namespace octet::ops
