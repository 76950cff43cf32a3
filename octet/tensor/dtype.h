// Element types. The numbers are those of ONNX TensorProto.DataType, so files need no table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "octet/base/half.h"

namespace octet {

enum class DType : std::uint8_t {
  undefined = 0, f32 = 1, u8 = 2, i8 = 3, u16 = 4, i16 = 5, i32 = 6, i64 = 7, string = 8,
  boolean = 9, f16 = 10, f64 = 11, u32 = 12, u64 = 13, bf16 = 16,
};

/// Bytes of one element; 0 for types that Octet does not store.
std::size_t size_of(DType dtype);
/// "float32", "uint8", ... as ONNX and numpy spell them.
const char* to_string(DType dtype);
bool is_float(DType dtype);    ///< f16, bf16, f32, f64
bool is_integer(DType dtype);  ///< signed and unsigned, not boolean

template <class T> struct DTypeOf;
template <> struct DTypeOf<float> { static constexpr DType value = DType::f32; };
template <> struct DTypeOf<double> { static constexpr DType value = DType::f64; };
template <> struct DTypeOf<float16> { static constexpr DType value = DType::f16; };
template <> struct DTypeOf<bfloat16> { static constexpr DType value = DType::bf16; };
template <> struct DTypeOf<std::uint8_t> { static constexpr DType value = DType::u8; };
template <> struct DTypeOf<std::int8_t> { static constexpr DType value = DType::i8; };
template <> struct DTypeOf<std::uint16_t> { static constexpr DType value = DType::u16; };
template <> struct DTypeOf<std::int16_t> { static constexpr DType value = DType::i16; };
template <> struct DTypeOf<std::uint32_t> { static constexpr DType value = DType::u32; };
template <> struct DTypeOf<std::int32_t> { static constexpr DType value = DType::i32; };
template <> struct DTypeOf<std::uint64_t> { static constexpr DType value = DType::u64; };
template <> struct DTypeOf<std::int64_t> { static constexpr DType value = DType::i64; };
template <> struct DTypeOf<bool> { static constexpr DType value = DType::boolean; };

/// Calls f.operator()<T>() with the C++ type of `dtype`; returns false if the type is not stored.
///   dispatch(t.dtype(), [&]<class T>() { fill(t.data<T>()); });
template <class F>
bool dispatch(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32: f.template operator()<float>(); return true;
    case DType::f64: f.template operator()<double>(); return true;
    case DType::f16: f.template operator()<float16>(); return true;
    case DType::bf16: f.template operator()<bfloat16>(); return true;
    case DType::u8: f.template operator()<std::uint8_t>(); return true;
    case DType::i8: f.template operator()<std::int8_t>(); return true;
    case DType::u16: f.template operator()<std::uint16_t>(); return true;
    case DType::i16: f.template operator()<std::int16_t>(); return true;
    case DType::u32: f.template operator()<std::uint32_t>(); return true;
    case DType::i32: f.template operator()<std::int32_t>(); return true;
    case DType::u64: f.template operator()<std::uint64_t>(); return true;
    case DType::i64: f.template operator()<std::int64_t>(); return true;
    case DType::boolean: f.template operator()<bool>(); return true;
    default: return false;
  }
}

}  // namespace octet
