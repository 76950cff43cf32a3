#include "octet/formats/onnx/wire.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace octet::formats {
namespace {

constexpr int kMaxNesting = 100;  // as the protobuf parser

enum class Message {
  model,
  graph,
  node,
  attribute,
  tensor,
  function,
  training,
  sparse,
  value_info,
  type,
  element,    // of a sequence or an optional: field 1 is a type
  map_value,  // field 2 is a type
  leaf        // nothing nested that is worth a look
};

struct Nested {
  Message parent;
  std::uint64_t field;
  Message child;
};

// Which field of which message is a message again; a field not named here is not looked into.
constexpr std::array kNested = {
    Nested{Message::model, 7, Message::graph},
    Nested{Message::model, 8, Message::leaf},
    Nested{Message::model, 14, Message::leaf},
    Nested{Message::model, 20, Message::training},
    Nested{Message::model, 25, Message::function},
    Nested{Message::training, 1, Message::graph},
    Nested{Message::training, 2, Message::graph},
    Nested{Message::function, 7, Message::node},
    Nested{Message::function, 9, Message::leaf},
    Nested{Message::function, 11, Message::attribute},
    Nested{Message::function, 12, Message::value_info},
    Nested{Message::graph, 1, Message::node},
    Nested{Message::graph, 5, Message::tensor},
    Nested{Message::graph, 11, Message::value_info},
    Nested{Message::graph, 12, Message::value_info},
    Nested{Message::graph, 13, Message::value_info},
    Nested{Message::graph, 14, Message::leaf},
    Nested{Message::graph, 15, Message::sparse},
    Nested{Message::graph, 16, Message::leaf},
    Nested{Message::node, 5, Message::attribute},
    Nested{Message::node, 9, Message::leaf},
    Nested{Message::attribute, 5, Message::tensor},
    Nested{Message::attribute, 6, Message::graph},
    Nested{Message::attribute, 10, Message::tensor},
    Nested{Message::attribute, 11, Message::graph},
    Nested{Message::attribute, 14, Message::type},
    Nested{Message::attribute, 15, Message::type},
    Nested{Message::attribute, 22, Message::sparse},
    Nested{Message::attribute, 23, Message::sparse},
    Nested{Message::sparse, 1, Message::tensor},
    Nested{Message::sparse, 2, Message::tensor},
    Nested{Message::tensor, 13, Message::leaf},
    Nested{Message::tensor, 16, Message::leaf},
    Nested{Message::value_info, 2, Message::type},
    Nested{Message::value_info, 4, Message::leaf},
    Nested{Message::type, 1, Message::leaf},
    Nested{Message::type, 4, Message::element},
    Nested{Message::type, 5, Message::map_value},
    Nested{Message::type, 8, Message::leaf},
    Nested{Message::type, 9, Message::element},
    Nested{Message::element, 1, Message::type},
    Nested{Message::map_value, 2, Message::type},
};

std::optional<Message> nested_in(Message parent, std::uint64_t field) {
  for (const Nested& n : kNested) {
    if (n.parent == parent && n.field == field) return n.child;
  }
  return std::nullopt;
}

class Walker {
 public:
  explicit Walker(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  // True when [at, end) is sound; otherwise `fault` says where it is not.
  bool message(Message kind, std::uint64_t at, std::uint64_t end, int depth) {
    if (depth > kMaxNesting) return broken(at, "messages nest more than 100 deep");
    while (at < end) {
      const std::uint64_t start = at;
      std::uint64_t tag = 0;
      if (!varint(at, end, tag)) return broken(start, "a field's tag is cut off or too long");
      if (tag >> 3 == 0 || tag > 0xffffffffu) return broken(start, "a field's number is not valid");
      if (!field(kind, tag, start, at, end, depth)) return false;
    }
    return true;
  }

  WireFault fault;

 private:
  bool broken(std::uint64_t offset, std::string reason) {
    fault = {offset, std::move(reason)};
    return false;
  }

  bool varint(std::uint64_t& at, std::uint64_t end, std::uint64_t& value) const {
    value = 0;
    for (unsigned shift = 0; shift < 70 && at < end; shift += 7) {
      const std::uint8_t byte = bytes_[at++];
      if (shift < 64) value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  bool field(Message kind, std::uint64_t tag, std::uint64_t start, std::uint64_t& at, std::uint64_t end, int depth) {
    std::uint64_t length = 0;
    const std::uint64_t type = tag & 7;
    if (type == 0) return varint(at, end, length) || broken(start, "a number is cut off or too long");
    if (type == 1 || type == 5) {
      length = type == 1 ? 8 : 4;
    } else if (type != 2) {
      return broken(start, "a field has a wire type that ONNX does not use");
    } else if (!varint(at, end, length)) {
      return broken(start, "a field's length is cut off or too long");
    }
    if (length > end - at) {
      return broken(start, "a field of " + std::to_string(length) +
                               " bytes runs past its end: " + std::to_string(end - at) + " bytes are there");
    }
    const auto child = type == 2 ? nested_in(kind, tag >> 3) : std::nullopt;
    if (child && !message(*child, at, at + length, depth + 1)) return false;
    at += length;
    return true;
  }

  std::span<const std::uint8_t> bytes_;
};

}  // namespace

std::optional<WireFault> find_wire_fault(std::span<const std::uint8_t> model) {
  Walker walker(model);
  if (walker.message(Message::model, 0, model.size(), 0)) return std::nullopt;
  return walker.fault;
}

std::string guess_content(std::span<const std::uint8_t> head) {
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  const auto starts = [&](std::string_view magic) { return text.substr(0, magic.size()) == magic; };
  if (starts("PK\x03\x04") || starts("PK\x05\x06")) return "a zip archive (a torch checkpoint or an .npz is one, too)";
  if (starts("version https://git-lfs")) return "a git LFS pointer: the model itself was not downloaded (git lfs pull)";
  if (starts("\x80\x02") || starts("\x80\x03") || starts("\x80\x04") || starts("\x80\x05")) return "a Python pickle";
  if (starts("\x93NUMPY")) return "a NumPy array (.npy)";
  if (starts("\x1f\x8b")) return "gzip-compressed data";
  if (starts("GGUF")) return "a GGUF model";
  if (starts("\x89HDF")) return "an HDF5 file (Keras)";
  if (text.size() >= 8 && text.substr(4, 4) == "TFL3") return "a TensorFlow Lite model";
  if (starts("<?xml")) return "an XML file";
  std::string lower(text.substr(0, 256));
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (lower.find("<html") != std::string::npos || lower.find("<!doctype html") != std::string::npos)
    return "an HTML page";
  if (starts("{")) return "JSON text";
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c == '\n' || c == '\r' || c == '\t' || (c >= 0x20 && c < 0x7f);
  });
  return plain ? "plain text" : "";
}

}  // namespace octet::formats
