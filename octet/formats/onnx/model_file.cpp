#include "octet/formats/onnx/model_file.h"

#include <google/protobuf/io/zero_copy_stream_impl.h>

#include <algorithm>
#include <limits>

#include "octet/base/mapped_file.h"
#include "octet/formats/onnx/wire.h"

namespace octet::formats {
namespace {

constexpr std::uint64_t kMaxBytes = std::numeric_limits<std::int32_t>::max();  // protobuf's own limit

void check_size(std::uint64_t size) {
  if (size == 0) throw Error(ErrorKind::bad_input, "the file is empty").expected("an ONNX model");
  if (size > kMaxBytes) {
    throw Error(ErrorKind::bad_input, "an ONNX file cannot be larger than 2 GiB")
        .value(std::to_string(size) + " bytes")
        .hint("save the model with external data, which may be of any size");
  }
}

[[noreturn]] void refuse(std::span<const std::uint8_t> bytes) {
  const std::string content = guess_content(bytes.first(std::min<std::size_t>(bytes.size(), 512)));
  if (!content.empty()) {
    throw Error(ErrorKind::bad_input, "not an ONNX model").value(content).expected("an ONNX model");
  }
  const auto fault = find_wire_fault(bytes);
  Error error(ErrorKind::bad_input, "the model is truncated or damaged" + (fault ? ": " + fault->reason : ""));
  if (fault) error.offset(fault->offset);
  throw error.hint("copy or export the file again");
}

// Any bytes of the right shape parse as a message without fields; a model has at least a version and a graph.
void check_model(const ::onnx::ModelProto& model, std::span<const std::uint8_t> bytes) {
  if (model.has_graph()) return;
  const std::string content = guess_content(bytes.first(std::min<std::size_t>(bytes.size(), 512)));
  Error error(ErrorKind::bad_input, "the model has no graph");
  if (!content.empty()) error.value(content);
  throw error.expected("an ONNX model");
}

}  // namespace

::onnx::ModelProto read_model_file(const std::string& path) {
  const FileDescriptor file = open_regular_file(path);
  check_size(regular_file_size(file, path));
  ::onnx::ModelProto model;
  google::protobuf::io::FileInputStream stream(file.get());
  const bool parsed = model.ParseFromZeroCopyStream(&stream);
  if (stream.GetErrno() != 0) throw io_error("the file cannot be read", path, stream.GetErrno());
  if (!parsed || !model.has_graph()) {
    const auto bytes = MappedFile::map(file, path);
    if (!parsed) refuse(bytes->bytes());
    check_model(model, bytes->bytes());
  }
  return model;
}

::onnx::ModelProto read_model_bytes(std::span<const std::uint8_t> bytes) {
  check_size(bytes.size());
  ::onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) refuse(bytes);
  check_model(model, bytes);
  return model;
}

}  // namespace octet::formats
