#include "octet/tensor/dtype.h"

namespace octet {

std::size_t size_of(DType dtype) {
  std::size_t size = 0;
  dispatch(dtype, [&]<class T>() { size = sizeof(T); });
  return size;
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
  }
  return "unknown";
}

bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::f16 || dtype == DType::bf16;
}

bool is_integer(DType dtype) { return size_of(dtype) != 0 && !is_float(dtype) && dtype != DType::boolean; }

}  // namespace octet
