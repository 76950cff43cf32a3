// Walks a graph and its subgraphs through the changes of form between two opsets.
#include "octet/formats/onnx/onnx.h"
#include "octet/formats/onnx/raise_rules.h"
#include "octet/ops/op.h"

namespace octet::formats {
namespace {

constexpr int kMaxOpset = 22;

// The first IR version that was released with an opset.
std::int64_t ir_of(int opset) {
  return opset >= 21 ? 10 : opset >= 19 ? 9 : opset >= 15 ? 8 : opset >= 12 ? 7 : opset >= 11 ? 6 : 4;
}

void raise_node(RaiseStep& step, int from) {
  for (const RaiseRule& rule : raise_rules()) {  // ordered by opset
    if (rule.since > from && rule.since <= step.to && step.node.op_type == rule.op) rule.apply(step);
  }
}

class Raiser {
 public:
  Raiser(Graph& graph, int to, const Raiser* outer) : graph_(graph), to_(to), outer_(outer) {}

  void run() {
    const Uses uses(graph_);
    std::vector<Node> nodes;
    nodes.reserve(graph_.nodes.size());
    std::vector<Node> old = std::move(graph_.nodes);
    for (Node& node : old) {
      for (const GraphPtr& body : subgraphs(node)) Raiser(*body, to_, this).run();
      if (node.domain.empty()) {
        raise(uses, node, nodes);
      } else {
        nodes.push_back(std::move(node));
      }
    }
    graph_.nodes = std::move(nodes);
    graph_.opsets[""] = to_;
    graph_.info.ir_version = std::max(graph_.info.ir_version, ir_of(to_));
  }

 private:
  // New names must be new in the enclosing graphs as well, or the value would hide another.
  bool taken(const std::string& name) const {
    for (const Raiser* r = this; r != nullptr; r = r->outer_) {
      if (r->graph_.find(name) != kNoValue) return true;
    }
    return false;
  }

  void raise(const Uses& uses, Node& node, std::vector<Node>& nodes) {
    const std::vector<ValueId> outputs = node.outputs;
    const std::function<bool(int)> is_used = [&](int i) {
      if (static_cast<std::size_t>(i) >= outputs.size() || outputs[static_cast<std::size_t>(i)] == kNoValue)
        return false;
      const ValueId id = outputs[static_cast<std::size_t>(i)];
      return uses.is_output(id) || !uses.readers(id).empty();
    };
    const std::function<bool(const std::string&)> is_taken = [&](const std::string& name) { return taken(name); };
    RaiseStep step{graph_, node, to_, is_used, is_taken};
    raise_node(step, graph_.opset());
    for (Node& n : step.before) nodes.push_back(std::move(n));
    nodes.push_back(std::move(node));
    for (Node& n : step.after) nodes.push_back(std::move(n));
  }

  Graph& graph_;
  int to_;
  const Raiser* outer_;
};

}  // namespace

ValueId RaiseStep::value(const std::string& suffix) {
  const std::string base = graph.value(node.outputs.at(0)).name + "_" + suffix;
  std::string name = base;
  for (int i = 1; is_taken(name); ++i) name = base + "_" + std::to_string(i);
  return graph.add_value(name);
}

ValueId RaiseStep::constant(const std::string& suffix, Tensor tensor) {
  const ValueId id = value(suffix);
  graph.set_initializer(id, std::move(tensor));
  return id;
}

void RaiseStep::set_input(std::size_t slot, ValueId id) {
  if (node.inputs.size() <= slot) node.inputs.resize(slot + 1, kNoValue);
  node.inputs[slot] = id;
}

void RaiseStep::integers_to_input(const std::string& attribute, std::size_t slot) {
  if (!node.attributes.has(attribute)) return;
  const std::vector<std::int64_t> values = node.attributes.integers(attribute);
  const Tensor tensor =
      Tensor::from<std::int64_t>({static_cast<std::int64_t>(values.size())}, std::span<const std::int64_t>(values));
  set_input(slot, constant(attribute, tensor));
  node.attributes.erase(attribute);
}

DType RaiseStep::input_type(std::size_t slot) const {
  const DType dtype = slot < node.inputs.size() && node.inputs[slot] != kNoValue
                          ? graph.value(node.inputs[slot]).type.dtype
                          : DType::undefined;
  if (size_of(dtype) == 0) fail("the type of its input is not known");
  return dtype;
}

void RaiseStep::fail(const std::string& why) const {
  throw Error(ErrorKind::unsupported,
              node.op_type + " has no form in opset " + std::to_string(to) + " that means the same: " + why)
      .node(node.name.empty() ? "producing " + graph.value(node.outputs.at(0)).name : node.name);
}

void raise_opset(Graph& graph, int opset) {
  const int from = graph.opset();
  if (opset < from || opset > kMaxOpset) {
    throw Error(ErrorKind::usage, "the opset can only be raised")
        .value(std::to_string(opset))
        .expected(std::to_string(from) + " to " + std::to_string(kMaxOpset));
  }
  if (opset == from) return;
  Graph raised = clone(graph);  // the graph stays as it was if anything fails
  ops::infer_shapes(raised);
  Raiser(raised, opset, nullptr).run();
  ops::require_all(raised);
  verify(raised);
  ops::infer_shapes(raised);
  graph = std::move(raised);
}

}  // namespace octet::formats
