// Graph to a model file, and its data file when it is large.
#include <limits>

#include "octet/base/atomic_file.h"
#include "octet/base/mapped_file.h"
#include "octet/formats/onnx/external_data.h"
#include "octet/formats/onnx/graph_writer.h"
#include "octet/formats/onnx/onnx.h"

namespace octet::formats {
namespace {

constexpr unsigned kModelGraph = 7;
constexpr std::uint64_t kMaxBytes = std::numeric_limits<std::int32_t>::max();  // of one protobuf message

// Everything of the model but its graph.
std::string write_model_fields(const Graph& graph) {
  ::onnx::ModelProto model;
  model.ParseFromString(graph.info.unknown_fields);
  const ModelInfo& info = graph.info;
  model.set_ir_version(info.ir_version);
  if (!info.producer_name.empty()) model.set_producer_name(info.producer_name);
  if (!info.producer_version.empty()) model.set_producer_version(info.producer_version);
  if (!info.domain.empty()) model.set_domain(info.domain);
  if (!info.doc.empty()) model.set_doc_string(info.doc);
  if (info.model_version != 0) model.set_model_version(info.model_version);
  for (const auto& [domain, version] : graph.opsets) {
    auto& import = *model.add_opset_import();
    if (!domain.empty()) import.set_domain(domain);
    import.set_version(version);
  }
  for (const auto& [key, value] : info.metadata) {
    auto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  return model.SerializeAsString();
}

std::vector<Piece> write_model(const Graph& graph, ExternalLayout& external) {
  std::vector<Piece> pieces = write_graph(graph, external);
  std::uint64_t size = 0;
  for (const Piece& piece : pieces) size += piece.size();
  Piece head{write_model_fields(graph)};
  append_field_head(head.head, kModelGraph, size);
  if (size + head.size() > kMaxBytes) {
    throw Error(ErrorKind::limit, "the model does not fit one ONNX file")
        .value(std::to_string(size + head.size()) + " bytes")
        .expected("at most 2 GiB")
        .hint("save it with external data");
  }
  pieces.insert(pieces.begin(), std::move(head));
  return pieces;
}

std::int64_t tensor_bytes(const Graph& graph) {
  std::int64_t bytes = 0;
  for (const auto& [id, tensor] : graph.initializers()) bytes += static_cast<std::int64_t>(tensor.bytes());
  for (const Node& node : graph.nodes) {
    for (const auto& [name, value] : node.attributes) {
      if (const Tensor* tensor = std::get_if<Tensor>(&value)) bytes += static_cast<std::int64_t>(tensor->bytes());
      if (const GraphPtr* body = std::get_if<GraphPtr>(&value)) bytes += tensor_bytes(**body);
    }
  }
  return bytes;
}

// What lies in a mapped file is not kept in memory after it was written.
void write_tensor(AtomicFile& file, const Tensor& tensor) {
  file.write(tensor.raw(), tensor.bytes());
  release_pages(tensor.raw(), tensor.bytes());
}

void write_pieces(AtomicFile& file, const std::vector<Piece>& pieces) {
  for (const Piece& piece : pieces) {
    file.write(piece.head.data(), piece.head.size());
    if (piece.data.defined()) write_tensor(file, piece.data);
  }
}

void save_with_data(const Graph& graph, AtomicFile& model, bool overwrite) {
  const std::string location = model.target().filename().string() + ".data";
  check_external_location(location);
  ExternalLayout external(location);
  const std::vector<Piece> pieces = write_model(graph, external);
  AtomicFile data(model.target().parent_path() / location, overwrite);
  for (const auto& [offset, tensor] : external.placed()) {
    data.pad_to(offset);
    write_tensor(data, tensor);
  }
  write_pieces(model, pieces);
  // Both are on the disk before the first takes its name: what can still fail is only a rename.
  data.prepare();
  model.prepare();
  data.commit();
  model.commit();
}

}  // namespace

std::string serialize_onnx(const Graph& graph) {
  ExternalLayout none("");
  std::string out;
  for (const Piece& piece : write_model(graph, none)) {
    out += piece.head;
    if (piece.data.defined()) out.append(static_cast<const char*>(piece.data.raw()), piece.data.bytes());
  }
  return out;
}

void save_onnx(const Graph& graph, const std::string& path, const SaveOptions& options) {
  try {
    AtomicFile model(path, options.overwrite);
    if (tensor_bytes(graph) > options.external_above) return save_with_data(graph, model, options.overwrite);
    ExternalLayout none("");
    write_pieces(model, write_model(graph, none));
    model.commit();
  } catch (Error& e) {
    if (e.info().file.empty()) e.file(path);
    throw;
  }
}

}  // namespace octet::formats
