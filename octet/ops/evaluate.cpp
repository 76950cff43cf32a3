// Looking operators up, and the plain evaluation of a node and of a whole graph.
#include <algorithm>
#include <set>
#include <unordered_map>

#include "octet/ops/attribute_types.h"
#include "octet/ops/op.h"

namespace octet::ops {
namespace {

std::string operator_name(const Node& node) { return (node.domain.empty() ? "" : node.domain + ".") + node.op_type; }

void collect_missing(const Graph& graph, std::set<std::string>& missing) {
  for (const Node& node : graph.nodes) {
    if (find(node.op_type, node.domain, graph.opset(node.domain)) == nullptr) {
      missing.insert(operator_name(node) + " (opset " + std::to_string(graph.opset(node.domain)) + ")");
    }
    for (const GraphPtr& body : subgraphs(node)) collect_missing(*body, missing);
  }
}

}  // namespace

const OpDef& require(const Graph& graph, const Node& node) {
  const OpDef* op = find(node.op_type, node.domain, graph.opset(node.domain));
  if (op != nullptr) return *op;
  throw Error(ErrorKind::unsupported, "operator " + operator_name(node) + " is not supported at opset " +
                                          std::to_string(graph.opset(node.domain)))
      .node(graph.label(node));
}

void require_all(const Graph& graph) {
  std::set<std::string> missing;
  collect_missing(graph, missing);
  if (missing.empty()) return;
  std::string list;
  for (const std::string& name : missing) list += (list.empty() ? "" : ", ") + name;
  throw Error(ErrorKind::unsupported, "operators that Octet does not have: " + list)
      .hint("export with fewer custom operators, or open an issue naming them");
}

void check_four_bits(const OpDef& op, DType dtype) {
  if (op.four_bits || !is_four_bits(dtype)) return;
  throw Error(ErrorKind::unsupported, op.name + " takes no tensors of " + to_string(dtype))
      .hint("DequantizeLinear makes them float");
}

void check_four_bits(const OpDef& op, std::span<const Tensor> tensors) {
  for (const Tensor& tensor : tensors) check_four_bits(op, tensor.dtype());
}

void check_form(const Graph& graph, const Node& node, const OpDef& op) {
  const auto fail = [&](const std::string& message) {
    return Error(ErrorKind::bad_input, node.op_type + ": " + message).node(graph.label(node));
  };
  const auto range = [](Arity a) {
    return std::to_string(a.min) + (a.max == a.min       ? ""
                                    : a.max >= kVariadic ? " or more"
                                                         : " to " + std::to_string(a.max));
  };
  const auto inputs = static_cast<int>(node.inputs.size()), outputs = static_cast<int>(node.outputs.size());
  if (inputs < op.inputs.min || inputs > op.inputs.max) {
    throw fail("wrong number of inputs").value(std::to_string(inputs)).expected(range(op.inputs));
  }
  if (outputs < op.outputs.min || outputs > op.outputs.max) {
    throw fail("wrong number of outputs").value(std::to_string(outputs)).expected(range(op.outputs));
  }
  for (int i = 0; i < op.inputs.min; ++i) {
    if (node.inputs[static_cast<std::size_t>(i)] == kNoValue)
      throw fail("required input " + std::to_string(i) + " is left out");
  }
  for (const auto& [name, value] : node.attributes) {
    if (std::find(op.attributes.begin(), op.attributes.end(), name) == op.attributes.end()) {
      throw fail("unknown attribute '" + name + "'");
    }
    const auto type = node.domain.empty() ? attribute_type(node.op_type, name) : std::nullopt;
    if (type && static_cast<std::size_t>(*type) != value.index()) {
      throw fail("attribute '" + name + "' has another type than the operator takes")
          .value(to_string(static_cast<AttributeType>(value.index())))
          .expected(to_string(*type));
    }
  }
}

std::vector<Tensor> evaluate(const OpDef& op, const Node& node, int opset, const std::vector<Tensor>& inputs,
                             ThreadPool& threads) {
  std::vector<Tensor> outputs(node.outputs.size());
  EvalContext ctx(node, opset, inputs, outputs, threads);
  op.eval(ctx);
  return outputs;
}

std::vector<Tensor> evaluate_graph(const Graph& graph, const std::vector<Tensor>& inputs, ThreadPool& threads,
                                   const std::function<Tensor(const std::string&)>& outer) {
  std::unordered_map<ValueId, Tensor> held;
  for (std::size_t i = 0; i < inputs.size() && i < graph.inputs.size(); ++i) held[graph.inputs[i]] = inputs[i];
  const auto look_up = [&](ValueId id) -> Tensor {
    if (id == kNoValue) return {};
    if (const auto it = held.find(id); it != held.end()) return it->second;
    if (const Tensor* constant = graph.initializer(id)) return *constant;
    Tensor captured = outer ? outer(graph.value(id).name) : Tensor();
    if (captured.defined()) return captured;
    throw Error(ErrorKind::bad_input, "no value was given for a tensor").tensor(graph.value(id).name);
  };
  const auto by_name = [&](const std::string& name) -> Tensor {
    const ValueId id = graph.find(name);
    if (id != kNoValue) return look_up(id);
    return outer ? outer(name) : Tensor();
  };
  for (const Node& node : graph.nodes) {
    const OpDef& op = require(graph, node);
    std::vector<Tensor> in, out(node.outputs.size());
    for (const ValueId id : node.inputs) in.push_back(look_up(id));
    EvalContext ctx(node, graph.opset(node.domain), in, out, threads);
    ctx.run_subgraph = [&](const Graph& body, const std::vector<Tensor>& body_inputs) {
      return evaluate_graph(body, body_inputs, threads, by_name);
    };
    try {
      check_four_bits(op, in);
      op.eval(ctx);
      check_four_bits(op, out);
    } catch (Error& e) {
      if (e.info().node.empty()) e.node(graph.label(node));
      throw;
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (node.outputs[i] != kNoValue) held[node.outputs[i]] = out[i];
    }
  }
  std::vector<Tensor> results;
  for (const ValueId id : graph.outputs) results.push_back(look_up(id));
  return results;
}

}  // namespace octet::ops
