// The part of GraphReader that reads attributes.
#include "octet/formats/onnx/graph_reader.h"
#include "octet/formats/onnx/tensor_proto.h"

namespace octet::formats {
namespace {

using Proto = ::onnx::AttributeProto;

struct Field {
  Proto::AttributeType type;
  const char* name;
  bool (*present)(const Proto&);
};

constexpr Field kFields[] = {
    {Proto::FLOAT, "float", [](const Proto& p) { return p.has_f(); }},
    {Proto::INT, "int", [](const Proto& p) { return p.has_i(); }},
    {Proto::STRING, "string", [](const Proto& p) { return p.has_s(); }},
    {Proto::TENSOR, "tensor", [](const Proto& p) { return p.has_t(); }},
    {Proto::GRAPH, "graph", [](const Proto& p) { return p.has_g(); }},
    {Proto::FLOATS, "floats", [](const Proto& p) { return p.floats_size() > 0; }},
    {Proto::INTS, "ints", [](const Proto& p) { return p.ints_size() > 0; }},
    {Proto::STRINGS, "strings", [](const Proto& p) { return p.strings_size() > 0; }},
    {Proto::TENSORS, "tensors", [](const Proto& p) { return p.tensors_size() > 0; }},
    {Proto::GRAPHS, "graphs", [](const Proto& p) { return p.graphs_size() > 0; }},
    {Proto::SPARSE_TENSOR, "sparse tensor", [](const Proto& p) { return p.has_sparse_tensor(); }},
    {Proto::SPARSE_TENSORS, "sparse tensors", [](const Proto& p) { return p.sparse_tensors_size() > 0; }},
    {Proto::TYPE_PROTO, "type", [](const Proto& p) { return p.has_tp(); }},
    {Proto::TYPE_PROTOS, "types", [](const Proto& p) { return p.type_protos_size() > 0; }},
};

// The one field in use. The earliest files do not say which: then it is the one that holds something.
const Field& field_of(const Proto& proto) {
  const Field* found = nullptr;
  for (const Field& field : kFields) {
    if (proto.type() == field.type) found = &field;
    if (proto.type() == Proto::UNDEFINED && field.present(proto)) found = &field;
  }
  if (found == nullptr) throw Error(ErrorKind::bad_input, "attribute '" + proto.name() + "' has no value");
  for (const Field& field : kFields) {
    if (&field == found || !field.present(proto)) continue;
    throw Error(ErrorKind::bad_input, "attribute '" + proto.name() + "' holds a value of another type than it says")
        .value(field.name)
        .expected(found->name);
  }
  // A number or text that is left out is 0 or empty (writers of proto3 leave those out); a message cannot be.
  const bool message = found->type == Proto::TENSOR || found->type == Proto::GRAPH;
  if (message && !found->present(proto)) {
    throw Error(ErrorKind::bad_input, "attribute '" + proto.name() + "' has no value").expected(found->name);
  }
  return *found;
}

// What remains after the value was taken: a doc string, a tensor's own name, unknown fields. Only such attributes are
// kept aside.
void keep_rest(Proto& proto) {
  const std::string name = proto.name();
  proto.clear_name();
  proto.clear_type();
  proto.clear_ref_attr_name();
  for (auto clear : {&Proto::clear_f, &Proto::clear_i, &Proto::clear_s, &Proto::clear_g, &Proto::clear_floats,
                     &Proto::clear_ints, &Proto::clear_strings}) {
    (proto.*clear)();
  }
  if (proto.t().ByteSizeLong() == 0) proto.clear_t();
  if (proto.ByteSizeLong() != 0) proto.set_name(name);
}

template <class T, class List>
std::vector<T> to_vector(const List& list) {
  return {list.begin(), list.end()};
}

}  // namespace

std::optional<AttributeValue> GraphReader::read_attribute(::onnx::AttributeProto& proto, Frame& frame) {
  const Field& field = field_of(proto);
  switch (field.type) {
    case Proto::FLOAT:
      return proto.f();
    case Proto::INT:
      return std::int64_t{proto.i()};
    case Proto::STRING:
      return proto.s();
    case Proto::FLOATS:
      return to_vector<float>(proto.floats());
    case Proto::INTS:
      return to_vector<std::int64_t>(proto.ints());
    case Proto::STRINGS:
      return to_vector<std::string>(proto.strings());
    case Proto::TENSOR: {
      Tensor tensor = read_constant(*proto.mutable_t(), proto.t().name());
      if (!tensor.defined()) return std::nullopt;
      return tensor;
    }
    case Proto::GRAPH: {
      auto body = std::make_shared<Graph>();
      GraphReader(context_, *body, this).read(*proto.mutable_g(), frame);
      return body;
    }
    default:
      defer(Error(ErrorKind::unsupported, "attribute '" + proto.name() + "' is of a kind that Octet does not hold")
                .value(field.name));
      return std::nullopt;
  }
}

void GraphReader::read_attributes(::onnx::NodeProto& proto, Node& node, Frame& frame) {
  google::protobuf::RepeatedPtrField<Proto> kept;
  for (Proto& attribute : *proto.mutable_attribute()) {
    if (attribute.name().empty()) throw Error(ErrorKind::bad_input, "an attribute has no name");
    if (node.attributes.has(attribute.name())) {
      throw Error(ErrorKind::bad_input, "attribute '" + attribute.name() + "' is given twice");
    }
    const std::string name = attribute.name();
    const Frame* origin = &frame;
    const Proto* meant = resolve_attribute(attribute, origin);
    if (meant == nullptr) continue;  // the call does not give it: the operator's default holds
    Proto copy;
    if (meant != &attribute) copy = *meant;
    Proto& source = meant == &attribute ? attribute : copy;
    if (auto value = read_attribute(source, const_cast<Frame&>(*origin))) node.attributes.set(name, std::move(*value));
    if (meant != &attribute) continue;
    keep_rest(attribute);
    if (attribute.ByteSizeLong() != 0) kept.Add(std::move(attribute));
  }
  proto.mutable_attribute()->Swap(&kept);
}

}  // namespace octet::formats
