// For tests only: small ModelProtos, right ones and wrong ones.
//
//   ModelBuilder m;
//   m.input("x", {2, 3}).output("y", {2, 3}).node("Relu", {"x"}, {"y"});
//   Graph g = m.parse();
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "octet/formats/onnx/onnx.h"
#include "octet/formats/onnx/onnx.pb.h"

namespace octet::formats::testing {

inline std::span<const std::uint8_t> as_bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline Graph parse(const std::string& bytes, const std::string& directory = {}) {
  return parse_onnx(as_bytes(bytes), "model.onnx", directory);
}

inline void set_type(::onnx::ValueInfoProto& info, const std::string& name, const std::vector<std::int64_t>& dims) {
  info.set_name(name);
  auto& tensor = *info.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(1);
  tensor.mutable_shape();
  for (const std::int64_t dim : dims) tensor.mutable_shape()->add_dim()->set_dim_value(dim);
}

/// A float tensor with `values` in float_data.
inline void set_floats(::onnx::TensorProto& tensor, const std::string& name, const std::vector<std::int64_t>& dims,
                       const std::vector<float>& values) {
  tensor.set_name(name);
  tensor.set_data_type(1);
  for (const std::int64_t dim : dims) tensor.add_dims(dim);
  for (const float value : values) tensor.add_float_data(value);
}

class ModelBuilder {
 public:
  explicit ModelBuilder(std::int64_t opset = 17, std::int64_t ir_version = 8) {
    proto.set_ir_version(ir_version);
    proto.add_opset_import()->set_version(opset);
    graph().set_name("test");
  }

  ::onnx::GraphProto& graph() { return *proto.mutable_graph(); }

  ModelBuilder& input(const std::string& name, const std::vector<std::int64_t>& dims) {
    set_type(*graph().add_input(), name, dims);
    return *this;
  }
  ModelBuilder& output(const std::string& name, const std::vector<std::int64_t>& dims) {
    set_type(*graph().add_output(), name, dims);
    return *this;
  }
  ModelBuilder& floats(const std::string& name, const std::vector<std::int64_t>& dims,
                       const std::vector<float>& values) {
    set_floats(*graph().add_initializer(), name, dims, values);
    return *this;
  }
  ModelBuilder& node(const std::string& op, const std::vector<std::string>& inputs,
                     const std::vector<std::string>& outputs, const std::string& name = {}) {
    add(*graph().add_node(), op, inputs, outputs, name);
    return *this;
  }
  static ::onnx::NodeProto& add(::onnx::NodeProto& node, const std::string& op, const std::vector<std::string>& inputs,
                                const std::vector<std::string>& outputs, const std::string& name = {}) {
    node.set_op_type(op);
    if (!name.empty()) node.set_name(name);
    for (const auto& i : inputs) node.add_input(i);
    for (const auto& o : outputs) node.add_output(o);
    return node;
  }
  ::onnx::NodeProto& last_node() { return *graph().mutable_node(graph().node_size() - 1); }
  ::onnx::TensorProto& last_initializer() { return *graph().mutable_initializer(graph().initializer_size() - 1); }
  ::onnx::AttributeProto& attribute(const std::string& name, ::onnx::AttributeProto::AttributeType type) {
    auto& out = *last_node().add_attribute();
    out.set_name(name);
    out.set_type(type);
    return out;
  }

  std::string bytes() const { return proto.SerializeAsString(); }
  Graph parse(const std::string& directory = {}) const { return testing::parse(bytes(), directory); }

  ::onnx::ModelProto proto;
};

/// x -> Relu -> y, of shape 2x3.
inline ModelBuilder relu_model() {
  ModelBuilder m;
  m.input("x", {2, 3}).output("y", {2, 3}).node("Relu", {"x"}, {"y"}, "relu");
  return m;
}

/// The facts of the octet::Error that `f` throws; kind internal and message "nothing was thrown" if it does not.
inline ErrorInfo error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.info();
  }
  ErrorInfo none;
  none.message = "nothing was thrown";
  return none;
}

}  // namespace octet::formats::testing
