#include "octet/tensor/four_bits.h"

namespace octet {
namespace {

template <class T>
void unpack(const std::uint8_t* from, std::int64_t count, T* to) {
  for (std::int64_t i = 0; i < count; ++i) {
    const int bits = from[i / 2] >> (i % 2 * 4) & 15;
    to[i] = static_cast<T>(std::is_signed_v<T> ? (bits ^ 8) - 8 : bits);
  }
}

template <class T>
void pack(const T* from, std::int64_t count, std::uint8_t* to) {
  constexpr int kLow = std::is_signed_v<T> ? -8 : 0, kMost = kLow + 15;
  for (std::int64_t i = 0; i < count; ++i) {
    const T v = from[i];
    if (v < kLow || v > kMost) {
      throw Error(ErrorKind::internal, "a number does not fit four bits").value(std::to_string(+v));
    }
    to[i / 2] = static_cast<std::uint8_t>(i % 2 == 0 ? v & 15 : to[i / 2] | (v & 15) << 4);
  }
}

}  // namespace

Tensor unpack_four_bits(const Tensor& packed) {
  const auto* from = static_cast<const std::uint8_t*>(packed.raw());
  if (packed.dtype() == DType::i4) {
    Tensor out(DType::i8, packed.shape());
    unpack(from, out.elements(), out.data<std::int8_t>());
    return out;
  }
  if (packed.dtype() == DType::u4) {
    Tensor out(DType::u8, packed.shape());
    unpack(from, out.elements(), out.data<std::uint8_t>());
    return out;
  }
  throw Error(ErrorKind::internal, "a tensor is not of four bits").value(to_string(packed.dtype()));
}

Tensor pack_four_bits(const Tensor& bytes) {
  Tensor out(bytes.dtype() == DType::u8 ? DType::u4 : DType::i4, bytes.shape());
  auto* to = static_cast<std::uint8_t*>(out.raw());
  if (bytes.dtype() == DType::u8) {
    pack(bytes.data<std::uint8_t>(), bytes.elements(), to);
  } else {
    pack(bytes.data<std::int8_t>(), bytes.elements(), to);
  }
  return out;
}

}  // namespace octet
