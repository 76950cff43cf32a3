// GraphProto to Graph: names become values, attributes and tensors are read, functions are put in place.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "octet/formats/onnx/external_data.h"
#include "octet/formats/onnx/functions.h"
#include "octet/formats/onnx/onnx.pb.h"
#include "octet/graph/graph.h"

namespace octet::formats {

/// What all graphs of one model share while they are read.
struct ReadContext {
  ExternalData external;
  FunctionTable functions;
  TakenNames taken;
  std::map<std::string, int> opsets;
  std::int64_t ir_version = 0;
  /// The first thing that Octet cannot hold (an element type, a kind of attribute). It is thrown only when
  /// every operator is known: unknown operators are the better answer, and they are listed all at once.
  std::optional<Error> unsupported = {};
  std::int64_t inlined_nodes = 0;  ///< so far, from functions
};

class GraphReader {
 public:
  GraphReader(ReadContext& context, Graph& graph, const GraphReader* outer)
      : context_(context), graph_(graph), outer_(outer) {}

  /// Takes `proto` apart; what is left in it afterwards was not understood. The nodes come out sorted.
  void read(::onnx::GraphProto& proto, Frame& frame);

 private:
  ValueId use(const std::string& name);
  ValueId define(const std::string& name, const std::string& by);
  bool visible(const std::string& name) const;

  void read_inputs(::onnx::GraphProto& proto, Frame& frame);
  void read_initializers(::onnx::GraphProto& proto, Frame& frame);
  void read_outputs(::onnx::GraphProto& proto, Frame& frame);
  void read_value_infos(::onnx::GraphProto& proto);
  void check_interface(const Value& value, const char* what);

  void read_node(::onnx::NodeProto& proto, Frame& frame);
  void inline_call(const ::onnx::NodeProto& call, const ::onnx::FunctionProto& function, Frame& frame);
  void read_attributes(::onnx::NodeProto& proto, Node& node, Frame& frame);
  /// Nothing: a kind that Octet does not hold (context_.unsupported says which).
  std::optional<AttributeValue> read_attribute(::onnx::AttributeProto& proto, Frame& frame);
  /// An undefined tensor when it is of a type that Octet does not store.
  Tensor read_constant(::onnx::TensorProto& proto, const std::string& name);
  void defer(const Error& error);

  ReadContext& context_;
  Graph& graph_;
  const GraphReader* outer_;
  std::vector<bool> defined_;
};

}  // namespace octet::formats
