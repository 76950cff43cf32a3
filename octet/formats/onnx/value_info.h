// Names and types of values: ValueInfoProto to and from Value.
#pragma once

#include "octet/formats/onnx/onnx.pb.h"
#include "octet/graph/graph.h"

namespace octet::formats {

/// Type, shape and doc string into `value`; what is left (denotations, metadata, types that are no tensors)
/// is kept in Value::unknown_fields. Throws bad_input for impossible dimensions, unsupported above rank 8.
void read_value_info(::onnx::ValueInfoProto& proto, Value& value);

::onnx::ValueInfoProto write_value_info(const Value& value);

}  // namespace octet::formats
