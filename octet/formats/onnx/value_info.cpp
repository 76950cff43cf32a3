#include "octet/formats/onnx/value_info.h"

#include "octet/base/checked.h"

namespace octet::formats {
namespace {

using Dimension = ::onnx::TensorShapeProto::Dimension;

Dim read_dim(const Dimension& proto) {
  if (proto.value_case() == Dimension::kDimParam) return Dim(proto.dim_param());
  if (proto.value_case() != Dimension::kDimValue) return {};
  if (proto.dim_value() == -1) return {};  // several exporters write an unknown dimension so
  if (proto.dim_value() < 0) {
    throw Error(ErrorKind::bad_input, "a declared dimension is negative").value(std::to_string(proto.dim_value()));
  }
  return Dim(proto.dim_value());
}

SymbolicShape read_shape(const ::onnx::TensorShapeProto& proto) {
  if (proto.dim_size() > Shape::kMaxRank) {
    throw Error(ErrorKind::unsupported, "a tensor has more dimensions than Octet handles")
        .value(std::to_string(proto.dim_size()))
        .expected("at most " + std::to_string(Shape::kMaxRank));
  }
  SymbolicShape shape;
  for (const Dimension& dim : proto.dim()) shape.push_back(read_dim(dim));
  return shape;
}

// The bytes of a declared shape must be countable, whoever allocates them later.
void check_size(const TypeInfo& type) {
  const auto shape = type.shape ? static_shape(*type.shape) : std::nullopt;
  if (shape) checked_mul(shape->elements(), 8);
}

DType known_type(int code) {
  const DType dtype = code >= 1 && code < 256 ? static_cast<DType>(code) : DType::undefined;
  return is_stored(dtype) || dtype == DType::string ? dtype : DType::undefined;
}

void read_tensor_type(::onnx::TypeProto& proto, TypeInfo& type) {
  ::onnx::TypeProto::Tensor& tensor = *proto.mutable_tensor_type();
  type.dtype = known_type(tensor.elem_type());
  if (type.dtype == DType::undefined) return;
  tensor.clear_elem_type();
  if (tensor.has_shape()) {
    type.shape = read_shape(tensor.shape());
    check_size(type);
    std::size_t left = 0;
    for (Dimension& dim : *tensor.mutable_shape()->mutable_dim()) {
      dim.clear_value();
      left += dim.ByteSizeLong();
    }
    if (left == 0) tensor.mutable_shape()->clear_dim();
    if (tensor.shape().ByteSizeLong() == 0) tensor.clear_shape();
  }
  if (tensor.ByteSizeLong() == 0) proto.clear_tensor_type();
}

void write_shape(const SymbolicShape& shape, ::onnx::TensorShapeProto& proto) {
  if (proto.dim_size() != static_cast<int>(shape.size())) proto.clear_dim();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const auto index = static_cast<int>(i);
    Dimension& dim = index < proto.dim_size() ? *proto.mutable_dim(index) : *proto.add_dim();
    if (shape[i].known()) {
      dim.set_dim_value(shape[i].value);
    } else if (!shape[i].symbol.empty()) {
      dim.set_dim_param(shape[i].symbol);
    }
  }
}

}  // namespace

void read_value_info(::onnx::ValueInfoProto& proto, Value& value) {
  TypeInfo type;
  if (proto.type().has_tensor_type()) {
    read_tensor_type(*proto.mutable_type(), type);
    if (proto.type().ByteSizeLong() == 0) proto.clear_type();
  }
  value.type = std::move(type);
  value.doc = proto.doc_string();
  proto.clear_name();
  proto.clear_doc_string();
  value.unknown_fields = proto.SerializeAsString();
}

::onnx::ValueInfoProto write_value_info(const Value& value) {
  ::onnx::ValueInfoProto proto;
  proto.ParseFromString(value.unknown_fields);
  proto.set_name(value.name);
  if (!value.doc.empty()) proto.set_doc_string(value.doc);
  if (value.type.dtype == DType::undefined) return proto;
  ::onnx::TypeProto::Tensor& tensor = *proto.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(static_cast<int>(value.type.dtype));
  if (value.type.shape) {
    write_shape(*value.type.shape, *tensor.mutable_shape());
  } else {
    tensor.clear_shape();
  }
  return proto;
}

}  // namespace octet::formats
