// ModelProto to Graph, and the checks that every model passes before anyone works with it.
#include <limits>

#include "octet/base/mapped_file.h"
#include "octet/formats/onnx/graph_reader.h"
#include "octet/formats/onnx/model_file.h"
#include "octet/formats/onnx/onnx.h"
#include "octet/formats/onnx/tensor_proto.h"
#include "octet/ops/op.h"
#include "octet/ops/quant_checks.h"

namespace octet::formats {
namespace {

constexpr int kMinOpset = 7, kMaxOpset = 22;
constexpr std::int64_t kMinIr = 3, kMaxIr = 10;

Error version_error(const std::string& what, std::int64_t found, std::int64_t low, std::int64_t high) {
  return Error(ErrorKind::unsupported, what + " is not one that Octet reads")
      .value(std::to_string(found))
      .expected(std::to_string(low) + " to " + std::to_string(high))
      .hint("export the model for opset " + std::to_string(kMaxOpset) + " or convert it");
}

void check_ir(std::int64_t version) {
  if (version <= 0) throw Error(ErrorKind::bad_input, "the model states no IR version").value(std::to_string(version));
  if (version < kMinIr || version > kMaxIr) throw version_error("the model's IR version", version, kMinIr, kMaxIr);
}

std::map<std::string, int> read_opsets(const ::onnx::ModelProto& model) {
  std::map<std::string, int> opsets;
  for (const auto& import : model.opset_import()) {
    const std::string domain = import.domain() == "ai.onnx" ? "" : import.domain();
    const std::int64_t version = import.version();
    if (version <= 0 || version > std::numeric_limits<std::int32_t>::max()) {
      throw Error(ErrorKind::bad_input, "an opset's version is not a version").value(std::to_string(version));
    }
    const auto [it, fresh] = opsets.emplace(domain, static_cast<int>(version));
    if (!fresh && it->second != version) {
      throw Error(ErrorKind::bad_input, "the model imports two versions of one operator set")
          .value(std::to_string(it->second) + " and " + std::to_string(version));
    }
  }
  if (opsets.empty()) throw Error(ErrorKind::bad_input, "the model imports no operator set");
  if (const auto it = opsets.find(""); it != opsets.end() && (it->second < kMinOpset || it->second > kMaxOpset)) {
    throw version_error("the model's opset", it->second, kMinOpset, kMaxOpset);
  }
  return opsets;
}

void read_info(::onnx::ModelProto& model, ModelInfo& info) {
  info.ir_version = model.ir_version();
  info.producer_name = model.producer_name();
  info.producer_version = model.producer_version();
  info.domain = model.domain();
  info.doc = model.doc_string();
  info.model_version = model.model_version();
  for (const auto& entry : model.metadata_props()) info.metadata.emplace_back(entry.key(), entry.value());
  model.clear_ir_version();
  model.clear_producer_name();
  model.clear_producer_version();
  model.clear_domain();
  model.clear_doc_string();
  model.clear_model_version();
  model.clear_metadata_props();
  model.clear_opset_import();
  model.clear_graph();
  model.clear_functions();
  info.unknown_fields = model.SerializeAsString();
}

void check_forms(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    ops::check_form(graph, node, ops::require(graph, node));
    for (const GraphPtr& body : subgraphs(node)) check_forms(*body);
  }
}

void check(Graph& graph, const ReadContext& context) {
  if (graph.nodes.empty()) {
    throw Error(ErrorKind::bad_input, "the graph is empty")
        .value("0 nodes")
        .hint("there is nothing to run or quantize");
  }
  if (graph.opset() == 0) {
    for (const Node& node : graph.nodes) {
      if (!node.domain.empty()) continue;
      throw Error(ErrorKind::bad_input, "the model uses ONNX's operators but imports no version of them")
          .node(graph.label(node));
    }
  }
  ops::require_all(graph);
  if (context.unsupported) throw *context.unsupported;
  verify(graph);
  check_forms(graph);
  ops::check_quantization(graph);  // by the names of the file, where its own shapes tell
  ops::infer_shapes(graph);
  ops::check_quantization(graph);  // and where only the inferred ones do
}

Graph read_model(::onnx::ModelProto model, ExternalData external) {
  check_ir(model.ir_version());
  ReadContext context{std::move(external), FunctionTable(model), {}, read_opsets(model), model.ir_version()};
  if (!context.functions.empty()) context.taken.collect(model.graph());
  Graph graph;
  Frame outermost;
  GraphReader(context, graph, nullptr).read(*model.mutable_graph(), outermost);
  read_info(model, graph.info);
  check(graph, context);
  return graph;
}

std::string folder_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// Runs `f`; an error that leaves it names the file.
template <class F>
auto naming_file(const std::string& file, const F& f) {
  try {
    return f();
  } catch (Error& e) {
    if (e.info().file.empty()) e.file(file);
    throw;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::limit, "memory for the model could not be had").file(file);
  }
}

}  // namespace

Graph load_onnx(const std::string& path) {
  return naming_file(path, [&] { return read_model(read_model_file(path), ExternalData(folder_of(path), true)); });
}

Graph parse_onnx(std::span<const std::uint8_t> bytes, const std::string& file, const std::string& directory) {
  return naming_file(file,
                     [&] { return read_model(read_model_bytes(bytes), ExternalData(directory, !directory.empty())); });
}

Tensor load_tensor_proto(const std::string& path, std::string* name) {
  return naming_file(path, [&] {
    const auto file = MappedFile::open(path);
    ::onnx::TensorProto proto;
    const bool small = file->size() <= static_cast<std::size_t>(std::numeric_limits<int>::max());
    if (file->size() == 0 || !small || !proto.ParseFromArray(file->data(), static_cast<int>(file->size()))) {
      throw Error(ErrorKind::bad_input, "not a TensorProto");
    }
    if (name != nullptr) *name = proto.name();
    ExternalData external(folder_of(path), true);
    return read_tensor(proto, external);
  });
}

}  // namespace octet::formats
