// How operators change their form from one opset to the next.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "octet/graph/graph.h"

namespace octet::formats {

/// One node on its way to a newer opset. A rule changes it in place and may put nodes before and after it.
struct RaiseStep {
  Graph& graph;
  Node& node;
  int to;  ///< the opset that is aimed at
  const std::function<bool(int output)>& is_used;
  const std::function<bool(const std::string&)>& is_taken;
  std::vector<Node> before = {}, after = {};

  /// A new value named after the node's first output.
  ValueId value(const std::string& suffix);
  ValueId constant(const std::string& suffix, Tensor tensor);
  void set_input(std::size_t slot, ValueId id);
  /// The attribute, if given, becomes an i64 list in input `slot`.
  void integers_to_input(const std::string& attribute, std::size_t slot);
  DType input_type(std::size_t slot) const;
  /// Throws unsupported, naming the node.
  [[noreturn]] void fail(const std::string& why) const;
};

struct RaiseRule {
  const char* op;
  int since;  ///< the first opset with the new form
  void (*apply)(RaiseStep&);
};

/// Every change of form from opset 7 to 22. Changes that only admit more types or add an attribute whose
/// default is the old meaning need no rule. Source: the change log of ONNX's operators.
const std::vector<RaiseRule>& raise_rules();

}  // namespace octet::formats
