// TensorProto to and from Tensor.
#pragma once

#include "octet/formats/onnx/external_data.h"
#include "octet/formats/onnx/onnx.pb.h"
#include "octet/tensor/tensor.h"

namespace octet::formats {

/// The tensor that a message holds. Large raw data is taken over, not copied; external data stays in the
/// mapped file. What was understood is cleared from the message, so that what is left in it is what has to be
/// kept aside. Throws bad_input when data and dims do not agree, unsupported for other element types.
Tensor read_tensor(::onnx::TensorProto& proto, ExternalData& external);

/// dims and data_type only.
void write_tensor_header(const Tensor& tensor, ::onnx::TensorProto& proto);

/// The name of an ONNX element type, those that Octet does not store included ("int4", "float8e5m2").
std::string element_type_name(int data_type);

}  // namespace octet::formats
