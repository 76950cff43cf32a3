// Tensor: a dense row-major array of one element type. Copies share the data; clone() does not.
//
//   Tensor t = Tensor::from<float>({2, 3}, {1, 2, 3, 4, 5, 6});
//   float* p = t.data<float>();
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "octet/base/error.h"
#include "octet/tensor/dtype.h"
#include "octet/tensor/shape.h"

namespace octet {

class Tensor {
 public:
  Tensor() = default;  ///< no tensor: dtype undefined
  /// Uninitialised, 64-byte aligned. Throws limit when memory runs out.
  Tensor(DType dtype, const Shape& shape);
  /// A view of `bytes` that `owner` keeps alive (an arena, a mapped file).
  Tensor(DType dtype, const Shape& shape, void* bytes, std::shared_ptr<const void> owner);

  static Tensor zeros(DType dtype, const Shape& shape);
  template <class T>
  static Tensor from(const Shape& shape, std::span<const T> values);
  template <class T>
  static Tensor from(const Shape& shape, std::initializer_list<T> values) {
    return from<T>(shape, std::span<const T>(values.begin(), values.size()));
  }
  template <class T>
  static Tensor scalar(T value) {
    return from<T>(Shape{}, {value});
  }

  bool defined() const { return dtype_ != DType::undefined; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  std::int64_t dim(int axis) const { return shape_[axis]; }
  std::int64_t elements() const { return elements_; }
  std::size_t bytes() const { return static_cast<std::size_t>(bytes_of(dtype_, elements_)); }

  void* raw() { return bytes_; }
  const void* raw() const { return bytes_; }
  /// Throws internal when T is not the element type.
  template <class T>
  T* data() {
    check(DTypeOf<T>::value);
    return static_cast<T*>(bytes_);
  }
  template <class T>
  const T* data() const {
    check(DTypeOf<T>::value);
    return static_cast<const T*>(bytes_);
  }
  template <class T>
  std::span<const T> values() const {
    return {data<T>(), static_cast<std::size_t>(elements_)};
  }

  /// The same data under another shape of as many elements.
  Tensor reshaped(const Shape& shape) const;
  Tensor clone() const;
  /// Converted element by element: to float rounds to nearest even, to integer truncates,
  /// to bool is x != 0 (ONNX Cast). Out-of-range float to integer saturates. From u4 and i4, not to them.
  Tensor cast(DType dtype) const;
  /// The same for elements [begin, end), into `out` of as many elements and any type; four bits neither way.
  void cast_into(Tensor& out, std::int64_t begin, std::int64_t end) const;
  /// Any integer, bool or float tensor as int64 values (for shapes, axes, indices).
  std::vector<std::int64_t> to_int64() const;
  /// Any numeric tensor as doubles.
  std::vector<double> to_double() const;
  /// Identity of the data, for caches keyed by weight.
  const void* identity() const { return bytes_; }
  const std::shared_ptr<const void>& owner() const { return owner_; }

 private:
  void check(DType wanted) const;

  DType dtype_ = DType::undefined;
  Shape shape_;
  std::int64_t elements_ = 0;
  void* bytes_ = nullptr;
  std::shared_ptr<const void> owner_;
};

template <class T>
Tensor Tensor::from(const Shape& shape, std::span<const T> values) {
  Tensor out(DTypeOf<T>::value, shape);
  if (static_cast<std::size_t>(out.elements()) != values.size()) {
    throw Error(ErrorKind::internal, "Tensor::from: as many values as elements are needed");
  }
  if (!values.empty()) std::copy(values.begin(), values.end(), out.data<T>());
  return out;
}

}  // namespace octet
