// Functions that a model defines for itself: the reader puts a function's nodes where it is called.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "octet/formats/onnx/onnx.pb.h"

namespace octet::formats {

/// All functions of a model by domain, name and overload.
class FunctionTable {
 public:
  /// Throws bad_input when two functions have one name.
  explicit FunctionTable(const ::onnx::ModelProto& model);
  bool empty() const { return functions_.empty(); }
  const ::onnx::FunctionProto* find(const ::onnx::NodeProto& call) const;

 private:
  std::map<std::string, const ::onnx::FunctionProto*> functions_;
};

/// "domain.name" (and ":overload") to show.
std::string function_name(const ::onnx::FunctionProto& function);

/// One call being read: what the function's own names and attributes stand for. The outermost frame (no
/// function) leaves names as they are.
struct Frame {
  const ::onnx::FunctionProto* function = nullptr;
  const Frame* caller = nullptr;
  int depth = 0;
  std::string prefix;  ///< of values and nodes that come from the function
  std::unordered_map<std::string, std::string> names = {};
  /// Attributes of the call (defaults included), and the frame whose names they speak.
  std::map<std::string, std::pair<const ::onnx::AttributeProto*, const Frame*>> attributes = {};
};

/// Names that a model uses anywhere, so that those made for inlined values are new.
class TakenNames {
 public:
  /// Every name of the graph and its subgraphs is taken.
  void collect(const ::onnx::GraphProto& graph);
  /// `wanted`, or wanted_1, ...: a name that was not taken and now is.
  std::string take(const std::string& wanted);

 private:
  std::unordered_map<std::string, int> taken_;  // name -> the suffix to try next
};

/// What `name` in the frame's function is called in the graph.
std::string resolve_name(Frame& frame, const std::string& name, TakenNames& taken);

/// The attribute that a node in the frame means: itself, or the call's attribute that it refers to
/// (nullptr when the call does not give it). `origin` becomes the frame whose names it speaks.
const ::onnx::AttributeProto* resolve_attribute(const ::onnx::AttributeProto& attribute, const Frame*& origin);

/// The frame of a call from `caller`. Throws bad_input for recursion (with the chain of functions), more
/// than 100 levels, or more inputs or outputs than the function has.
std::unique_ptr<Frame> enter_function(const ::onnx::FunctionProto& function, const ::onnx::NodeProto& call,
                                      Frame& caller, TakenNames& taken);

}  // namespace octet::formats
