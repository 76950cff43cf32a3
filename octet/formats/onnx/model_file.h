// Bytes to ModelProto, with the words for everything that is not one.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "octet/formats/onnx/onnx.pb.h"

namespace octet::formats {

/// Reads a model's file without a second copy of it. Throws io when it cannot be read, bad_input when it is
/// empty, over 2 GiB, not ONNX (saying what it looks like), damaged (with the byte) or nested too deep.
::onnx::ModelProto read_model_file(const std::string& path);
::onnx::ModelProto read_model_bytes(std::span<const std::uint8_t> bytes);

}  // namespace octet::formats
