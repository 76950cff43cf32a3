// Products that quantize the same rows as they come (queries, keys and values of attention) let one QuantizeRows do it
// for all; and rows that a function of one number leaves (Gelu) are quantized where it computes them, if nobody else
// reads them; rows of a layer normalization get a QuantizeRows that quantize_normalized takes in.
#include <array>
#include <map>

#include "octet/runtime/passes/normalized_rows.h"
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/qdq.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

using Group = std::vector<int>;

bool takes_rows(const Edit& edit, int i) {
  if (!edit.is(i, "DynamicLinear", kDomain)) return false;
  const Node& node = edit.node(i);
  const auto shape = edit.shape(node.inputs[0]);
  return node.attributes.integer("per_tensor", 0) == 0 && node.inputs.size() <= 5 && shape && shape->rank() > 0 &&
         edit.graph().value(node.inputs[0]).type.dtype == DType::f32;
}

// The operator that computes x for these products only, if QuantizeRows can compute it; -1: none.
int own_function(const Edit& edit, ValueId x, const Group& readers) {
  const int producer = edit.uses().producer(x);
  if (producer < 0 || edit.uses().readers(x).size() != readers.size() || edit.uses().is_output(x)) return -1;
  for (const char* name : {"Gelu", "Silu", "Sigmoid", "Tanh"}) {
    if (edit.is(producer, name) || edit.is(producer, name, "octet")) return producer;
  }
  return -1;
}

// The node that quantizes x, and what it gives.
std::array<ValueId, 3> quantize(Graph& graph, const Edit& edit, ValueId x, int function) {
  const TypeInfo type = graph.value(x).type;
  SymbolicShape rows = *type.shape;
  rows.pop_back();
  Node node;
  node.op_type = "QuantizeRows";
  node.domain = kDomain;
  node.inputs = {x};
  const std::string name = graph.value(x).name;
  const std::array<ValueId, 3> out = {graph.add_value(graph.fresh_name(name + "_rows"), {DType::u8, type.shape}),
                                      graph.add_value(graph.fresh_name(name + "_scales"), {DType::f32, rows}),
                                      graph.add_value(graph.fresh_name(name + "_zero_points"), {DType::i32, rows})};
  if (function >= 0) {
    const Node& f = edit.node(function);
    node.inputs = {f.inputs[0]};
    node.name = f.name;
    node.attributes.set("function", f.op_type);
    if (f.attributes.has("approximate")) node.attributes.set("approximate", f.attributes.text("approximate", "none"));
  }
  node.outputs.assign(out.begin(), out.end());
  graph.nodes.push_back(std::move(node));
  return out;
}

}  // namespace

int quantize_rows_once(Graph& graph) {
  std::map<ValueId, Group> groups;
  const Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (takes_rows(edit, i)) groups[edit.node(i).inputs[0]].push_back(i);
  }
  int count = 0;
  for (const auto& [x, readers] : groups) {
    const int function = own_function(edit, x, readers);
    const int producer = edit.uses().producer(x);
    const bool normalized = producer >= 0 && normalizes_rows(edit, producer);
    if (readers.size() < 2 && function < 0 && !normalized) continue;
    const std::array<ValueId, 3> rows = quantize(graph, edit, x, function);
    for (const int reader : readers) {
      std::vector<ValueId>& inputs = graph.nodes[static_cast<std::size_t>(reader)].inputs;
      inputs.resize(5, kNoValue);
      inputs[0] = rows[0];
      inputs.insert(inputs.end(), {rows[1], rows[2]});
    }
    ++count;
  }
  return count;
}

}  // namespace octet::runtime
