#include "octet/formats/onnx/graph_writer.h"

#include "octet/formats/onnx/tensor_proto.h"
#include "octet/formats/onnx/value_info.h"

namespace octet::formats {
namespace {

using Attribute = ::onnx::AttributeProto;

// Field numbers of the specification, for what is written without building a message.
constexpr unsigned kGraphNode = 1, kGraphName = 2, kGraphInitializer = 5, kGraphDoc = 10, kGraphInput = 11,
                   kGraphOutput = 12, kGraphValueInfo = 13, kTensorRawData = 9;

// Smaller tensors stay in the model: other tools look at them (shapes, axes) without the data file.
constexpr std::size_t kMinExternalBytes = 1024;

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void append_message(std::string& out, unsigned field, const google::protobuf::MessageLite& message) {
  append_field_head(out, field, message.ByteSizeLong());
  message.AppendToString(&out);
}

void append_text(std::string& out, unsigned field, const std::string& text) {
  if (text.empty()) return;
  append_field_head(out, field, text.size());
  out += text;
}

void write_attribute_tensor(const Tensor& tensor, ExternalLayout& external, ::onnx::TensorProto& proto) {
  write_tensor_header(tensor, proto);
  if (!external.place(tensor, proto)) proto.set_raw_data(tensor.raw(), tensor.bytes());
}

void write_body(const Graph& body, ExternalLayout& external, ::onnx::GraphProto& proto) {
  std::string bytes;
  for (const Piece& piece : write_graph(body, external)) {
    bytes += piece.head;
    if (piece.data.defined()) bytes.append(static_cast<const char*>(piece.data.raw()), piece.data.bytes());
  }
  proto.ParseFromString(bytes);
}

struct AttributeWriter {
  Attribute& proto;
  ExternalLayout& external;

  void operator()(std::int64_t v) const { proto.set_type(Attribute::INT), proto.set_i(v); }
  void operator()(float v) const { proto.set_type(Attribute::FLOAT), proto.set_f(v); }
  void operator()(const std::string& v) const { proto.set_type(Attribute::STRING), proto.set_s(v); }
  void operator()(const Tensor& v) const {
    proto.set_type(Attribute::TENSOR);
    write_attribute_tensor(v, external, *proto.mutable_t());
  }
  void operator()(const GraphPtr& v) const {
    proto.set_type(Attribute::GRAPH);
    write_body(*v, external, *proto.mutable_g());
  }
  void operator()(const std::vector<std::int64_t>& v) const {
    proto.set_type(Attribute::INTS);
    proto.mutable_ints()->Add(v.begin(), v.end());
  }
  void operator()(const std::vector<float>& v) const {
    proto.set_type(Attribute::FLOATS);
    proto.mutable_floats()->Add(v.begin(), v.end());
  }
  void operator()(const std::vector<std::string>& v) const {
    proto.set_type(Attribute::STRINGS);
    for (const std::string& item : v) proto.add_strings(item);
  }
};

// The attributes of a node; what a file said beyond their values was kept under their names.
void write_attributes(const Node& node, ExternalLayout& external, ::onnx::NodeProto& proto) {
  google::protobuf::RepeatedPtrField<Attribute> kept;
  kept.Swap(proto.mutable_attribute());
  for (const auto& [name, value] : node.attributes) {
    Attribute& attribute = *proto.add_attribute();
    for (const Attribute& candidate : kept) {
      if (candidate.name() == name) attribute = candidate;
    }
    attribute.set_name(name);
    if (!std::holds_alternative<Tensor>(value)) attribute.clear_t();
    std::visit(AttributeWriter{attribute, external}, value);
  }
}

::onnx::NodeProto write_node(const Graph& graph, const Node& node, ExternalLayout& external) {
  ::onnx::NodeProto proto;
  proto.ParseFromString(node.unknown_fields);
  const auto name_of = [&](ValueId id) { return id == kNoValue ? std::string() : graph.value(id).name; };
  for (const ValueId id : node.inputs) proto.add_input(name_of(id));
  for (const ValueId id : node.outputs) proto.add_output(name_of(id));
  if (!node.name.empty()) proto.set_name(node.name);
  proto.set_op_type(node.op_type);
  if (!node.domain.empty()) proto.set_domain(node.domain);
  if (!node.doc.empty()) proto.set_doc_string(node.doc);
  write_attributes(node, external, proto);
  return proto;
}

// Inputs, outputs, and the types of what lies between them.
void append_values(const Graph& graph, std::string& out) {
  std::vector<bool> listed(graph.value_count(), false);
  const auto append = [&](unsigned field, ValueId id) {
    append_message(out, field, write_value_info(graph.value(id)));
    listed[static_cast<std::size_t>(id)] = true;
  };
  for (const ValueId id : graph.inputs) append(kGraphInput, id);
  if (graph.info.ir_version < 4) {  // then every constant has to be among the inputs
    for (const auto& [id, tensor] : graph.initializers()) {
      if (!listed[static_cast<std::size_t>(id)]) append(kGraphInput, id);
    }
  }
  for (const ValueId id : graph.outputs) append(kGraphOutput, id);
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.outputs) {
      if (id == kNoValue || listed[static_cast<std::size_t>(id)]) continue;
      const Value& value = graph.value(id);
      if (value.type.dtype != DType::undefined || !value.doc.empty() || !value.unknown_fields.empty())
        append(kGraphValueInfo, id);
    }
  }
}

Piece write_initializer(const Value& value, const Tensor& tensor, bool with_doc, ExternalLayout& external) {
  ::onnx::TensorProto proto;
  proto.ParseFromString(value.tensor_unknown_fields);
  proto.set_name(value.name);
  if (with_doc && !value.doc.empty()) proto.set_doc_string(value.doc);
  write_tensor_header(tensor, proto);
  if (external.place(tensor, proto)) {
    Piece piece;
    append_message(piece.head, kGraphInitializer, proto);
    return piece;
  }
  std::string fields = proto.SerializeAsString();
  append_field_head(fields, kTensorRawData, tensor.bytes());
  Piece piece;
  append_field_head(piece.head, kGraphInitializer, fields.size() + tensor.bytes());
  piece.head += fields;
  piece.data = tensor;
  return piece;
}

}  // namespace

void append_field_head(std::string& out, unsigned field, std::uint64_t size) {
  append_varint(out, (field << 3) | 2u);
  append_varint(out, size);
}

bool ExternalLayout::place(const Tensor& tensor, ::onnx::TensorProto& proto) {
  if (location_.empty() || tensor.bytes() < kMinExternalBytes) return false;
  const auto [it, fresh] = known_.try_emplace({tensor.identity(), tensor.bytes()});
  if (fresh) {
    // Whole pages for what is worth mapping by itself; otherwise cache lines.
    const std::uint64_t alignment = tensor.bytes() >= 65536 ? 4096 : 64;
    it->second = (end_ + alignment - 1) / alignment * alignment;
    end_ = it->second + tensor.bytes();
    placed_.emplace_back(it->second, tensor);
  }
  const auto add = [&](const char* key, const std::string& value) {
    auto& entry = *proto.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  };
  proto.set_data_location(::onnx::TensorProto::EXTERNAL);
  add("location", location_);
  add("offset", std::to_string(it->second));
  add("length", std::to_string(tensor.bytes()));
  return true;
}

std::vector<Piece> write_graph(const Graph& graph, ExternalLayout& external) {
  std::vector<Piece> pieces(1);
  std::string& out = pieces[0].head;
  for (const Node& node : graph.nodes) append_message(out, kGraphNode, write_node(graph, node, external));
  append_text(out, kGraphName, graph.name);
  append_text(out, kGraphDoc, graph.doc);
  append_values(graph, out);
  out += graph.info.graph_unknown_fields;
  std::vector<bool> is_input(graph.value_count(), false);
  for (const ValueId id : graph.inputs) is_input[static_cast<std::size_t>(id)] = true;
  for (const auto& [id, tensor] : graph.initializers()) {
    pieces.push_back(write_initializer(graph.value(id), tensor, !is_input[static_cast<std::size_t>(id)], external));
  }
  return pieces;
}

}  // namespace octet::formats
