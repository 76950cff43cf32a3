#include "octet/formats/onnx/graph_reader.h"

#include <set>

#include "octet/formats/onnx/tensor_proto.h"
#include "octet/formats/onnx/value_info.h"

namespace octet::formats {
namespace {

// Functions may call each other so that a small file means any number of nodes.
constexpr std::int64_t kMaxInlinedNodes = std::int64_t{1} << 18;

std::size_t at(ValueId id) { return static_cast<std::size_t>(id); }

}  // namespace

ValueId GraphReader::use(const std::string& name) {
  if (name.empty()) return kNoValue;
  const ValueId known = graph_.find(name);
  return known != kNoValue ? known : graph_.add_value(name);
}

ValueId GraphReader::define(const std::string& name, const std::string& by) {
  if (name.empty()) throw Error(ErrorKind::bad_input, by + " has no name");
  const ValueId id = use(name);
  if (defined_.size() <= at(id)) defined_.resize(std::max(graph_.value_count(), 2 * defined_.size()), false);
  if (defined_[at(id)]) {
    throw Error(ErrorKind::bad_input, "two values have the same name").tensor(name).value("the second is " + by);
  }
  if (outer_ != nullptr && outer_->visible(name)) {
    throw Error(ErrorKind::unsupported, "a subgraph gives a value the name of one outside it")
        .tensor(name)
        .value(by)
        .hint("rename one of the two");
  }
  defined_[at(id)] = true;
  return id;
}

bool GraphReader::visible(const std::string& name) const {
  for (const GraphReader* reader = this; reader != nullptr; reader = reader->outer_) {
    const ValueId id = reader->graph_.find(name);
    if (id != kNoValue && at(id) < reader->defined_.size() && reader->defined_[at(id)]) return true;
  }
  return false;
}

void GraphReader::defer(const Error& error) {
  if (!context_.unsupported) context_.unsupported = error;
}

void GraphReader::check_interface(const Value& value, const char* what) {
  if (outer_ != nullptr || (value.unknown_fields.empty() && is_stored(value.type.dtype))) return;
  ::onnx::ValueInfoProto kept;
  kept.ParseFromString(value.unknown_fields);
  const bool not_tensor =
      kept.type().value_case() != ::onnx::TypeProto::VALUE_NOT_SET && !kept.type().has_tensor_type();
  const int code =
      value.type.dtype == DType::undefined ? kept.type().tensor_type().elem_type() : static_cast<int>(value.type.dtype);
  if (!not_tensor && (code == 0 || is_stored(value.type.dtype))) return;
  const std::string type =
      not_tensor ? "sequences, maps and other types that are no tensors" : "tensors of type " + element_type_name(code);
  defer(Error(ErrorKind::unsupported, std::string(what) + ": " + type + " are not supported").tensor(value.name));
}

void GraphReader::read_inputs(::onnx::GraphProto& proto, Frame& frame) {
  // Before IR 4 every constant had to be listed among the inputs; that made none of them variable.
  std::set<std::string> constants;
  if (context_.ir_version < 4) {
    for (const auto& tensor : proto.initializer()) constants.insert(tensor.name());
  }
  for (auto& input : *proto.mutable_input()) {
    const bool constant = constants.contains(input.name());
    const std::string name = resolve_name(frame, input.name(), context_.taken);
    const ValueId id = constant ? use(name) : define(name, "an input of the graph");
    try {
      read_value_info(input, graph_.value(id));
    } catch (Error& e) {
      throw e.tensor(name);
    }
    if (constant) continue;
    graph_.inputs.push_back(id);
    check_interface(graph_.value(id), "an input of the graph");
  }
  proto.clear_input();
}

Tensor GraphReader::read_constant(::onnx::TensorProto& proto, const std::string& name) {
  try {
    return read_tensor(proto, context_.external);
  } catch (Error& e) {
    if (!name.empty()) e.tensor(name);
    if (e.info().kind != ErrorKind::unsupported) throw;
    defer(e);
    return {};
  }
}

void GraphReader::read_initializers(::onnx::GraphProto& proto, Frame& frame) {
  const std::set<ValueId> inputs(graph_.inputs.begin(), graph_.inputs.end());
  for (auto& tensor : *proto.mutable_initializer()) {
    const std::string name = resolve_name(frame, tensor.name(), context_.taken);
    const ValueId known = graph_.find(name);
    // A constant that is an input as well is that input's default; a second constant is a mistake.
    const bool of_input = inputs.contains(known);
    if (of_input && graph_.initializer(known) != nullptr) {
      throw Error(ErrorKind::bad_input, "two initializers have the same name").tensor(name);
    }
    const ValueId id = of_input ? known : define(name, "an initializer");
    const TypeInfo declared = graph_.value(id).type;
    Tensor data = read_constant(tensor, name);
    if (!data.defined()) continue;
    graph_.set_initializer(id, std::move(data));
    if (of_input) graph_.value(id).type = declared;
    if (graph_.value(id).doc.empty()) graph_.value(id).doc = tensor.doc_string();
    tensor.clear_name();
    tensor.clear_doc_string();
    graph_.value(id).tensor_unknown_fields = tensor.SerializeAsString();
  }
  proto.clear_initializer();
  if (proto.sparse_initializer_size() > 0) {
    defer(Error(ErrorKind::unsupported, "sparse initializers are not supported")
              .tensor(proto.sparse_initializer(0).values().name()));
  }
}

void GraphReader::read_outputs(::onnx::GraphProto& proto, Frame& frame) {
  for (auto& output : *proto.mutable_output()) {
    const std::string name = resolve_name(frame, output.name(), context_.taken);
    if (name.empty()) throw Error(ErrorKind::bad_input, "an output of the graph has no name");
    const ValueId id = use(name);
    graph_.outputs.push_back(id);
    // An input or constant that is also an output keeps what is known of it already.
    if (graph_.value(id).type.dtype != DType::undefined) continue;
    try {
      read_value_info(output, graph_.value(id));
    } catch (Error& e) {
      throw e.tensor(name);
    }
    check_interface(graph_.value(id), "an output of the graph");
  }
  proto.clear_output();
}

void GraphReader::read_value_infos(::onnx::GraphProto& proto) {
  google::protobuf::RepeatedPtrField<::onnx::ValueInfoProto> unknown;
  for (auto& info : *proto.mutable_value_info()) {
    const ValueId id = graph_.find(info.name());
    if (id == kNoValue) {
      unknown.Add(std::move(info));  // speaks of no value of this graph: kept aside
      continue;
    }
    if (graph_.value(id).type.dtype != DType::undefined) continue;  // the graph's own inputs and outputs come first
    const std::string name = info.name();
    try {
      read_value_info(info, graph_.value(id));
    } catch (Error& e) {
      throw e.tensor(name);
    }
  }
  proto.mutable_value_info()->Swap(&unknown);
}

void GraphReader::inline_call(const ::onnx::NodeProto& call, const ::onnx::FunctionProto& function, Frame& frame) {
  for (const auto& import : function.opset_import()) {
    const std::string domain = import.domain() == "ai.onnx" ? "" : import.domain();
    const auto it = context_.opsets.find(domain);
    if (it == context_.opsets.end()) {
      context_.opsets[domain] = graph_.opsets[domain] = static_cast<int>(import.version());
    } else if (it->second != import.version()) {
      defer(Error(ErrorKind::unsupported, "function " + function_name(function) + " uses another opset than the model")
                .node(call.name())
                .value(std::to_string(import.version()))
                .expected(std::to_string(it->second)));
    }
  }
  const std::unique_ptr<Frame> inner = enter_function(function, call, frame, context_.taken);
  for (const auto& node : function.node()) {
    ::onnx::NodeProto copy = node;
    read_node(copy, *inner);
  }
  for (int i = 0; i < call.output_size(); ++i) {
    const std::string outside = resolve_name(frame, call.output(i), context_.taken);
    const std::string inside = resolve_name(*inner, function.output(i), context_.taken);
    if (outside.empty() || inside == outside) continue;
    // The function hands an input, or one value twice, straight out.
    Node identity;
    identity.op_type = "Identity";
    identity.name = inner->prefix + "output_" + std::to_string(i);
    identity.inputs = {use(inside)};
    identity.outputs = {define(outside, "node '" + identity.name + "'")};
    graph_.nodes.push_back(std::move(identity));
  }
}

void GraphReader::read_node(::onnx::NodeProto& proto, Frame& frame) {
  if (frame.function != nullptr && ++context_.inlined_nodes > kMaxInlinedNodes) {
    throw Error(ErrorKind::limit, "the model's functions unfold to too many nodes")
        .expected("at most " + std::to_string(kMaxInlinedNodes));
  }
  if (const ::onnx::FunctionProto* function = context_.functions.find(proto))
    return inline_call(proto, *function, frame);
  Node node;
  node.op_type = proto.op_type();
  node.domain = proto.domain() == "ai.onnx" ? "" : proto.domain();
  node.name = frame.function == nullptr || proto.name().empty() ? proto.name() : frame.prefix + proto.name();
  node.doc = proto.doc_string();
  const std::string label = node.name.empty() ? node.op_type + "_" + std::to_string(graph_.nodes.size()) : node.name;
  try {
    if (node.op_type.empty()) throw Error(ErrorKind::bad_input, "a node names no operator");
    for (const auto& name : proto.input()) node.inputs.push_back(use(resolve_name(frame, name, context_.taken)));
    read_attributes(proto, node, frame);
    for (const auto& name : proto.output()) {
      const std::string resolved = resolve_name(frame, name, context_.taken);
      node.outputs.push_back(resolved.empty() ? kNoValue : define(resolved, "an output of node '" + label + "'"));
    }
  } catch (Error& e) {
    if (e.info().node.empty()) e.node(label);
    throw;
  }
  proto.clear_input();
  proto.clear_output();
  proto.clear_name();
  proto.clear_op_type();
  proto.clear_domain();
  proto.clear_doc_string();
  node.unknown_fields = proto.SerializeAsString();
  graph_.nodes.push_back(std::move(node));
}

void GraphReader::read(::onnx::GraphProto& proto, Frame& frame) {
  graph_.name = proto.name();
  graph_.doc = proto.doc_string();
  graph_.opsets = context_.opsets;
  graph_.info.ir_version = context_.ir_version;
  read_inputs(proto, frame);
  read_initializers(proto, frame);
  graph_.nodes.reserve(static_cast<std::size_t>(proto.node_size()));
  for (auto& node : *proto.mutable_node()) {
    read_node(node, frame);
    node.Clear();  // its memory is not needed beside the graph's
  }
  proto.clear_node();
  read_outputs(proto, frame);
  read_value_infos(proto);
  proto.clear_name();
  proto.clear_doc_string();
  graph_.info.graph_unknown_fields = proto.SerializeAsString();
  graph_.opsets = context_.opsets;
  sort_topologically(graph_);
}

}  // namespace octet::formats
