#include "octet/tensor/tensor.h"

#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "octet/base/checked.h"
#include "octet/tensor/four_bits.h"

namespace octet {
namespace {

constexpr std::size_t kAlignment = 64;

// A tensor larger than the machine's memory is a mistake or an attack. The system might promise it all the
// same (overcommit) and end the process when it is filled.
std::size_t most_bytes() {
  static const std::size_t bytes = [] {
    const long pages = ::sysconf(_SC_PHYS_PAGES), size = ::sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? static_cast<std::size_t>(pages) * static_cast<std::size_t>(size)
                                 : std::size_t{1} << 40;
  }();
  return bytes;
}

template <class T>
double as_double(T value) {
  if constexpr (std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>) {
    return static_cast<double>(static_cast<float>(value));
  } else {
    return static_cast<double>(value);
  }
}

// double -> integer without undefined behaviour: saturates, NaN becomes 0.
template <class To>
To saturate(double value) {
  if (std::isnan(value)) return To{0};
  if (value >= static_cast<double>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
  if (value <= static_cast<double>(std::numeric_limits<To>::lowest())) return std::numeric_limits<To>::lowest();
  return static_cast<To>(value);
}

template <class To, class From>
To convert(From value) {
  constexpr bool from_half = std::is_same_v<From, float16> || std::is_same_v<From, bfloat16>;
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (from_half) {
    return convert<To, float>(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, float16> || std::is_same_v<To, bfloat16>) {
    return To(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, bool>) {
    return value != From{0};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return saturate<To>(static_cast<double>(value));
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace

Tensor::Tensor(DType dtype, const Shape& shape) : dtype_(dtype), shape_(shape), elements_(shape.elements()) {
  if (!is_stored(dtype)) {
    throw Error(ErrorKind::unsupported, "tensors of this type cannot be stored").value(to_string(dtype));
  }
  const auto size = static_cast<std::size_t>(bytes_of(dtype, elements_));
  const std::size_t padded = (std::max<std::size_t>(size, 1) + kAlignment - 1) / kAlignment * kAlignment;
  bytes_ = padded >= size && size <= most_bytes() ? std::aligned_alloc(kAlignment, padded) : nullptr;
  if (bytes_ == nullptr) {
    throw Error(ErrorKind::limit, "memory for a tensor could not be had")
        .value(to_string(shape) + " " + to_string(dtype) + ", " + std::to_string(size) + " bytes");
  }
  owner_ = std::shared_ptr<const void>(bytes_, [](const void* p) { std::free(const_cast<void*>(p)); });
}

Tensor::Tensor(DType dtype, const Shape& shape, void* bytes, std::shared_ptr<const void> owner)
    : dtype_(dtype), shape_(shape), elements_(shape.elements()), bytes_(bytes), owner_(std::move(owner)) {}

Tensor Tensor::zeros(DType dtype, const Shape& shape) {
  Tensor out(dtype, shape);
  if (out.bytes() != 0) std::memset(out.raw(), 0, out.bytes());
  return out;
}

Tensor Tensor::reshaped(const Shape& shape) const {
  if (shape.elements() != elements_) {
    throw Error(ErrorKind::bad_input, "reshape changes the number of elements")
        .value(to_string(shape_))
        .expected(to_string(shape));
  }
  Tensor out = *this;
  out.shape_ = shape;
  return out;
}

Tensor Tensor::clone() const {
  if (!defined()) return {};
  Tensor out(dtype_, shape_);
  if (bytes() != 0) std::memcpy(out.raw(), raw(), bytes());
  return out;
}

Tensor Tensor::cast(DType dtype) const {
  if (dtype == dtype_) return *this;
  if (is_four_bits(dtype_)) return unpack_four_bits(*this).cast(dtype);
  Tensor out(dtype, shape_);
  cast_into(out, 0, elements_);
  return out;
}

void Tensor::cast_into(Tensor& out, std::int64_t begin, std::int64_t end) const {
  if (out.elements_ != elements_) {
    throw Error(ErrorKind::internal, "a cast needs a tensor of as many elements")
        .value(to_string(out.shape_))
        .expected(to_string(shape_));
  }
  if (is_four_bits(dtype_) || is_four_bits(out.dtype_)) {
    throw Error(ErrorKind::unsupported, "tensors of four bits are not cast")
        .value(to_string(dtype_))
        .expected(to_string(out.dtype_));
  }
  dispatch(dtype_, [&]<class From>() {
    dispatch(out.dtype_, [&]<class To>() {
      const From* from = data<From>();
      To* to = out.data<To>();
      for (std::int64_t i = begin; i < end; ++i) to[i] = convert<To, From>(from[i]);
    });
  });
}

std::vector<std::int64_t> Tensor::to_int64() const {
  const Tensor wide = cast(DType::i64);
  return {wide.data<std::int64_t>(), wide.data<std::int64_t>() + elements_};
}

std::vector<double> Tensor::to_double() const {
  if (is_four_bits(dtype_)) return unpack_four_bits(*this).to_double();
  std::vector<double> out(static_cast<std::size_t>(elements_));
  dispatch(dtype_, [&]<class T>() {
    const T* from = data<T>();
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = as_double(from[i]);
  });
  return out;
}

void Tensor::check(DType wanted) const {
  if (dtype_ != wanted) {
    throw Error(ErrorKind::internal, "a tensor is read as another type")
        .value(to_string(dtype_))
        .expected(to_string(wanted));
  }
}

}  // namespace octet
