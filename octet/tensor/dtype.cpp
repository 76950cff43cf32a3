#include "octet/tensor/dtype.h"

#include "octet/base/checked.h"

namespace octet {

std::size_t size_of(DType dtype) {
  std::size_t size = 0;
  dispatch(dtype, [&]<class T>() { size = sizeof(T); });
  return size;
}

bool is_four_bits(DType dtype) { return dtype == DType::u4 || dtype == DType::i4; }

bool is_stored(DType dtype) { return size_of(dtype) != 0 || is_four_bits(dtype); }

std::int64_t bytes_of(DType dtype, std::int64_t elements) {
  if (is_four_bits(dtype)) return elements / 2 + elements % 2;
  return checked_mul(elements, static_cast<std::int64_t>(size_of(dtype)));
}

const char* to_string(DType dtype) {
  switch (dtype) {
    case DType::undefined:
      return "undefined";
    case DType::f32:
      return "float32";
    case DType::u8:
      return "uint8";
    case DType::i8:
      return "int8";
    case DType::u16:
      return "uint16";
    case DType::i16:
      return "int16";
    case DType::i32:
      return "int32";
    case DType::i64:
      return "int64";
    case DType::string:
      return "string";
    case DType::boolean:
      return "bool";
    case DType::f16:
      return "float16";
    case DType::f64:
      return "float64";
    case DType::u32:
      return "uint32";
    case DType::u64:
      return "uint64";
    case DType::bf16:
      return "bfloat16";
    case DType::u4:
      return "uint4";
    case DType::i4:
      return "int4";
  }
  return "unknown";
}

bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::f16 || dtype == DType::bf16;
}

bool is_integer(DType dtype) { return is_stored(dtype) && !is_float(dtype) && dtype != DType::boolean; }

}  // namespace octet
