// Where and why bytes are not a protobuf message: the parser itself only says that they are not.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace octet::formats {

struct WireFault {
  std::uint64_t offset = 0;
  std::string reason;
};

/// Walks an ONNX model's bytes down to the first place where the wire format is broken; nothing if it is
/// whole as far as this walk looks (it follows the messages that nest: graphs, nodes, tensors, types).
std::optional<WireFault> find_wire_fault(std::span<const std::uint8_t> model);

/// What bytes that are not an ONNX model look like ("a zip archive", "an HTML page", ...); empty: no idea.
std::string guess_content(std::span<const std::uint8_t> head);

}  // namespace octet::formats
