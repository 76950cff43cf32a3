#include "octet/formats/onnx/tensor_proto.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>
#include <optional>

#include "octet/base/checked.h"

namespace octet::formats {
namespace {

static_assert(std::endian::native == std::endian::little, "raw data of ONNX is little-endian");

// Below this, data is copied to an aligned tensor; above, the string it arrived in is kept.
constexpr std::size_t kAdoptBytes = 4096;

Shape read_dims(const ::onnx::TensorProto& proto) {
  Shape shape;
  for (const std::int64_t dim : proto.dims()) shape.push_back(dim);
  return shape;
}

Error mismatch(const Shape& shape, DType dtype, std::int64_t needed, std::int64_t there, const char* unit) {
  return Error(ErrorKind::bad_input, "a tensor's data does not match its dimensions")
      .value(std::to_string(there) + " " + unit)
      .expected(std::to_string(needed) + " " + unit + " (" + to_string(shape) + " " + to_string(dtype) + ")");
}

// Any byte but 0 and 1 would be undefined behaviour as a C++ bool.
void check_booleans(const Tensor& tensor) {
  if (tensor.dtype() != DType::boolean) return;
  const auto* bytes = static_cast<const std::uint8_t*>(tensor.raw());
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    if (bytes[i] > 1) {
      throw Error(ErrorKind::bad_input, "a boolean is neither 0 nor 1 at element " + std::to_string(i))
          .value(std::to_string(bytes[i]));
    }
  }
}

// A view of `data` where its alignment allows, otherwise a copy.
Tensor view_or_copy(DType dtype, const Shape& shape, const void* data, std::shared_ptr<const void> owner) {
  if (shape.elements() != 0 && reinterpret_cast<std::uintptr_t>(data) % std::max<std::size_t>(1, size_of(dtype)) == 0) {
    return Tensor(dtype, shape, const_cast<void*>(data), std::move(owner));
  }
  Tensor out(dtype, shape);
  if (out.bytes() != 0) std::memcpy(out.raw(), data, out.bytes());
  return out;
}

Tensor from_raw(::onnx::TensorProto& proto, DType dtype, const Shape& shape, std::int64_t bytes) {
  const auto there = static_cast<std::int64_t>(proto.raw_data().size());
  if (there != bytes) throw mismatch(shape, dtype, bytes, there, "bytes");
  if (proto.raw_data().size() < kAdoptBytes) {
    Tensor out(dtype, shape);
    if (bytes != 0) std::memcpy(out.raw(), proto.raw_data().data(), out.bytes());
    return out;
  }
  const auto held = std::make_shared<const std::string>(std::move(*proto.mutable_raw_data()));
  return view_or_copy(dtype, shape, held->data(), held);
}

std::int64_t number(const std::string& key, const std::string& text) {
  std::int64_t out = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out < 0) {
    throw Error(ErrorKind::bad_input, "external data: '" + key + "' is not a size")
        .value("'" + text + "'")
        .expected("0 to 2^63-1");
  }
  return out;
}

Tensor from_external(const ::onnx::TensorProto& proto, DType dtype, const Shape& shape, std::int64_t bytes,
                     ExternalData& external) {
  std::string location;
  std::int64_t offset = 0, length = bytes;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") offset = number("offset", entry.value());
    if (entry.key() == "length") length = number("length", entry.value());
  }
  const auto file = external.file(location);
  if (length != bytes) throw mismatch(shape, dtype, bytes, length, "bytes (external data: length)");
  const auto size = static_cast<std::int64_t>(file->size());
  if (checked_add(offset, bytes) > size) {
    throw Error(ErrorKind::bad_input, "external data: the file is too short")
        .value("'" + location + "' of " + std::to_string(size) + " bytes")
        .expected(std::to_string(bytes) + " bytes from offset " + std::to_string(offset))
        .offset(static_cast<std::uint64_t>(offset));
  }
  if (bytes == 0) return Tensor(dtype, shape);
  return view_or_copy(dtype, shape, file->data() + offset, file);
}

template <class T, class Field>
T checked_element(Field value, std::int64_t index) {
  if constexpr (std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>) {
    T out;
    out.bits = checked_element<std::uint16_t>(value, index);
    return out;
  } else if constexpr (std::is_same_v<T, Field>) {
    return value;
  } else {
    if (!std::in_range<std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>>(value) ||
        (std::is_same_v<T, bool> && value > 1)) {
      throw Error(ErrorKind::bad_input,
                  "a tensor's value is out of its type's range at element " + std::to_string(index))
          .value(std::to_string(value));
    }
    return static_cast<T>(value);
  }
}

template <class T, class Field>
Tensor from_typed(const google::protobuf::RepeatedField<Field>& field, const Shape& shape) {
  const std::int64_t elements = shape.elements();
  if (field.size() != elements) throw mismatch(shape, DTypeOf<T>::value, elements, field.size(), "elements");
  Tensor out(DTypeOf<T>::value, shape);
  for (int i = 0; i < field.size(); ++i) out.data<T>()[i] = checked_element<T>(field[i], i);
  return out;
}

// Two numbers in each int32, as in the bytes of raw data; writers differ in whether those of int4 are signed.
Tensor from_nibbles(const google::protobuf::RepeatedField<std::int32_t>& field, DType dtype, const Shape& shape) {
  Tensor out(dtype, shape);
  if (static_cast<std::size_t>(field.size()) != out.bytes())
    throw mismatch(shape, dtype, static_cast<std::int64_t>(out.bytes()), field.size(), "pairs of elements");
  auto* to = static_cast<std::uint8_t*>(out.raw());
  for (int i = 0; i < field.size(); ++i)
    to[i] = field[i] < 0 ? static_cast<std::uint8_t>(checked_element<std::int8_t>(field[i], i))
                         : checked_element<std::uint8_t>(field[i], i);
  return out;
}

Tensor from_fields(const ::onnx::TensorProto& p, DType dtype, const Shape& shape) {
  if (is_four_bits(dtype)) return from_nibbles(p.int32_data(), dtype, shape);
  Tensor out;
  dispatch(dtype, [&]<class T>() {
    if constexpr (std::is_same_v<T, float>) {
      out = from_typed<T>(p.float_data(), shape);
    } else if constexpr (std::is_same_v<T, double>) {
      out = from_typed<T>(p.double_data(), shape);
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
      out = from_typed<T>(p.int64_data(), shape);
    } else if constexpr (std::is_same_v<T, std::uint64_t> || std::is_same_v<T, std::uint32_t>) {
      out = from_typed<T>(p.uint64_data(), shape);
    } else {
      out = from_typed<T>(p.int32_data(), shape);
    }
  });
  return out;
}

int forms_of_data(const ::onnx::TensorProto& p) {
  return (p.has_raw_data() && !p.raw_data().empty()) + !p.float_data().empty() + !p.int32_data().empty() +
         !p.string_data().empty() + !p.int64_data().empty() + !p.double_data().empty() + !p.uint64_data().empty() +
         (p.data_location() == ::onnx::TensorProto::EXTERNAL);
}

DType stored_type(const ::onnx::TensorProto& proto) {
  const int code = proto.data_type();
  if (code == 0) throw Error(ErrorKind::bad_input, "a tensor has no element type");
  const DType dtype = code > 0 && code < 256 ? static_cast<DType>(code) : DType::undefined;
  if (!is_stored(dtype)) {
    throw Error(ErrorKind::unsupported, "tensors of type " + element_type_name(code) + " are not supported");
  }
  return dtype;
}

void clear_understood(::onnx::TensorProto& proto) {
  proto.clear_dims();
  proto.clear_data_type();
  proto.clear_float_data();
  proto.clear_int32_data();
  proto.clear_int64_data();
  proto.clear_raw_data();
  proto.clear_double_data();
  proto.clear_uint64_data();
  proto.clear_external_data();
  proto.clear_data_location();
}

}  // namespace

Tensor read_tensor(::onnx::TensorProto& proto, ExternalData& external) {
  const DType dtype = stored_type(proto);
  const Shape shape = read_dims(proto);
  const std::int64_t bytes = bytes_of(dtype, shape.elements());
  if (proto.has_segment()) throw Error(ErrorKind::unsupported, "tensors cut in segments are not supported");
  if (forms_of_data(proto) > 1) throw Error(ErrorKind::bad_input, "a tensor holds its data in two forms");
  Tensor out;
  if (proto.data_location() == ::onnx::TensorProto::EXTERNAL) {
    out = from_external(proto, dtype, shape, bytes, external);
  } else if (proto.has_raw_data()) {
    out = from_raw(proto, dtype, shape, bytes);
  } else {
    out = from_fields(proto, dtype, shape);
  }
  check_booleans(out);
  clear_understood(proto);
  return out;
}

void write_tensor_header(const Tensor& tensor, ::onnx::TensorProto& proto) {
  for (const std::int64_t dim : tensor.shape()) proto.add_dims(dim);
  proto.set_data_type(static_cast<int>(tensor.dtype()));
}

std::string element_type_name(int data_type) {
  switch (data_type) {
    case 14:
      return "complex64";
    case 15:
      return "complex128";
    case 17:
      return "float8e4m3fn";
    case 18:
      return "float8e4m3fnuz";
    case 19:
      return "float8e5m2";
    case 20:
      return "float8e5m2fnuz";
    case 23:
      return "float4e2m1";
    default:
      break;
  }
  const DType dtype = data_type > 0 && data_type < 256 ? static_cast<DType>(data_type) : DType::undefined;
  const bool known = (dtype > DType::undefined && dtype <= DType::bf16) || is_four_bits(dtype);
  return known ? to_string(dtype) : "number " + std::to_string(data_type);
}

}  // namespace octet::formats
