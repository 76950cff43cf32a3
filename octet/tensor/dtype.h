// Element types. The numbers are those of ONNX TensorProto.DataType, so files need no table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "octet/base/half.h"

namespace octet {

enum class DType : std::uint8_t {
  undefined = 0,
  f32 = 1,
  u8 = 2,
  i8 = 3,
  u16 = 4,
  i16 = 5,
  i32 = 6,
  i64 = 7,
  string = 8,
  boolean = 9,
  f16 = 10,
  f64 = 11,
  u32 = 12,
  u64 = 13,
  bf16 = 16,
  u4 = 21,
  i4 = 22,
};

/// Bytes of one element; 0 for types that Octet does not store, and for those of four bits.
std::size_t size_of(DType dtype);
/// u4 and i4: two numbers a byte, the first in its low bits, as ONNX has them (tensor/four_bits.h). Operators take
/// neither, unless their row says so.
bool is_four_bits(DType dtype);
/// Whether a tensor can be of this type.
bool is_stored(DType dtype);
/// Bytes of so many elements. Throws limit beyond 2^63.
std::int64_t bytes_of(DType dtype, std::int64_t elements);
/// "float32", "uint8", ... as ONNX and numpy spell them.
const char* to_string(DType dtype);
bool is_float(DType dtype);    ///< f16, bf16, f32, f64
bool is_integer(DType dtype);  ///< signed and unsigned, not boolean

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> : std::integral_constant<DType, DType::f32> {};
template <>
struct DTypeOf<double> : std::integral_constant<DType, DType::f64> {};
template <>
struct DTypeOf<float16> : std::integral_constant<DType, DType::f16> {};
template <>
struct DTypeOf<bfloat16> : std::integral_constant<DType, DType::bf16> {};
template <>
struct DTypeOf<std::uint8_t> : std::integral_constant<DType, DType::u8> {};
template <>
struct DTypeOf<std::int8_t> : std::integral_constant<DType, DType::i8> {};
template <>
struct DTypeOf<std::uint16_t> : std::integral_constant<DType, DType::u16> {};
template <>
struct DTypeOf<std::int16_t> : std::integral_constant<DType, DType::i16> {};
template <>
struct DTypeOf<std::uint32_t> : std::integral_constant<DType, DType::u32> {};
template <>
struct DTypeOf<std::int32_t> : std::integral_constant<DType, DType::i32> {};
template <>
struct DTypeOf<std::uint64_t> : std::integral_constant<DType, DType::u64> {};
template <>
struct DTypeOf<std::int64_t> : std::integral_constant<DType, DType::i64> {};
template <>
struct DTypeOf<bool> : std::integral_constant<DType, DType::boolean> {};

/// Calls f.operator()<T>() with the C++ type of `dtype`; returns false if the type is not stored.
///   dispatch(t.dtype(), [&]<class T>() { fill(t.data<T>()); });
template <class F>
bool dispatch(DType dtype, F&& f) {
  const auto call = [&f]<class T>() {
    f.template operator()<T>();
    return true;
  };
  switch (dtype) {
    case DType::f32:
      return call.template operator()<float>();
    case DType::f64:
      return call.template operator()<double>();
    case DType::f16:
      return call.template operator()<float16>();
    case DType::bf16:
      return call.template operator()<bfloat16>();
    case DType::u8:
      return call.template operator()<std::uint8_t>();
    case DType::i8:
      return call.template operator()<std::int8_t>();
    case DType::u16:
      return call.template operator()<std::uint16_t>();
    case DType::i16:
      return call.template operator()<std::int16_t>();
    case DType::u32:
      return call.template operator()<std::uint32_t>();
    case DType::i32:
      return call.template operator()<std::int32_t>();
    case DType::u64:
      return call.template operator()<std::uint64_t>();
    case DType::i64:
      return call.template operator()<std::int64_t>();
    case DType::boolean:
      return call.template operator()<bool>();
    default:
      return false;
  }
}

}  // namespace octet
