#include "octet/quant/qat/view.h"

#include <algorithm>
#include <numeric>

namespace octet::quant {
namespace {

using Kind = QuantRule::Kind;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// The batch norm behind node `layer`, if it can be folded.
bool find_batch_norm(const Graph& graph, const Uses& uses, int layer, FoldedBatchNorm& out) {
  const Node& node = graph.nodes[at(layer)];
  const OpDef* op = find_op(graph, node);
  if (op == nullptr || op->quant.kind != Kind::weighted || node.op_type == "MatMul" || node.outputs.size() != 1)
    return false;
  const ValueId weight =
      op->quant.weight < static_cast<int>(node.inputs.size()) ? node.inputs[at(op->quant.weight)] : kNoValue;
  if (weight == kNoValue || graph.initializer(weight) == nullptr || !uses.single(node.outputs[0])) return false;
  const int reader = uses.readers(node.outputs[0])[0];
  const Node& norm = graph.nodes[at(reader)];
  const bool is_norm = (norm.op_type == "BatchNormalization" && norm.domain.empty()) ||
                       (norm.op_type == "BatchNormTraining" && norm.domain == "octet");
  if (!is_norm || norm.inputs[0] != node.outputs[0]) return false;
  const std::int64_t channels = graph.initializer(weight)->dim(weight_channel_axis(graph, node));
  for (int i = 1; i < 5; ++i) {
    const Tensor* constant = graph.initializer(norm.inputs[at(i)]);
    if (constant == nullptr || constant->dtype() != DType::f32 || constant->elements() != channels) return false;
  }
  if (node.op_type == "Gemm" && (node.attributes.real("alpha", 1) != 1 || node.attributes.real("beta", 1) != 1))
    return false;
  out = {layer,
         reader,
         norm.inputs[1],
         norm.inputs[2],
         norm.inputs[3],
         norm.inputs[4],
         norm.attributes.real("epsilon", 1e-5F)};
  return true;
}

class ModulePlacer {
 public:
  ModulePlacer(const Graph& graph, const std::vector<Layer>& layers) : graph_(graph), uses_(graph) {
    out_.int8.assign(graph.nodes.size(), false);
    out_.fused_into.assign(graph.nodes.size(), -1);
    parent_.resize(graph.value_count());
    std::iota(parent_.begin(), parent_.end(), 0);
    for (const Layer& layer : layers) {
      out_.int8[at(layer.node)] = true;
      inputs_.push_back(layer.input);
    }
  }

  Placement run() {
    std::vector<bool> quantized(graph_.value_count(), false), derived(graph_.value_count(), false);
    for (const ValueId id : inputs_) {
      if (uses_.producer(id) < 0) quantized[at(id)] = true;
    }
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) visit(static_cast<int>(i), quantized, derived);
    for (const ValueId id : inputs_) quantized[at(id)] = true;
    std::map<int, int> numbers;
    for (ValueId id = 0; id < static_cast<ValueId>(quantized.size()); ++id) {
      if (!quantized[at(id)]) continue;
      const auto [it, fresh] = numbers.emplace(root(id), static_cast<int>(out_.sources.size()));
      if (fresh) out_.sources.emplace_back();
      out_.group[id] = it->second;
      if (!derived[at(id)]) out_.sources[at(it->second)].push_back(id);
    }
    return std::move(out_);
  }

 private:
  int root(ValueId id) {
    int& parent = parent_[at(id)];
    if (parent != id) parent = root(parent);
    return parent;
  }

  void visit(int index, std::vector<bool>& quantized, std::vector<bool>& derived) {
    const Node& node = graph_.nodes[at(index)];
    const OpDef* op = find_op(graph_, node);
    if (op == nullptr || node.outputs.empty()) return;
    const Kind kind = op->quant.kind;
    if (out_.int8[at(index)]) {
      quantized[at(node.outputs[0])] = true;
      return;
    }
    if (kind == Kind::none || kind == Kind::weighted || graph_.value(node.outputs[0]).type.dtype != DType::f32) return;
    const bool moves = kind == Kind::pass_through || kind == Kind::shared;
    const std::size_t count = kind == Kind::pass_through || kind == Kind::lookup ? 1 : node.inputs.size();
    for (std::size_t i = 0; i < count; ++i) {
      const ValueId id = node.inputs[i];
      if (id == kNoValue || graph_.value(id).type.dtype != DType::f32) continue;
      if (!quantized[at(id)] && graph_.initializer(id) == nullptr) return;
    }
    out_.int8[at(index)] = true;
    for (const ValueId out : node.outputs) {
      if (out == kNoValue) continue;
      quantized[at(out)] = true;
      for (std::size_t i = 0; moves && i < count; ++i) {
        if (node.inputs[i] == kNoValue || graph_.value(node.inputs[i]).type.dtype != DType::f32) continue;
        parent_[at(root(out))] = root(node.inputs[i]);
        derived[at(out)] = true;
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      const ValueId id = node.inputs[i];
      if (id != kNoValue && graph_.initializer(id) != nullptr && graph_.value(id).type.dtype == DType::f32) {
        quantized[at(id)] = true;
      }
    }
  }

  const Graph& graph_;
  Uses uses_;
  Placement out_;
  std::vector<ValueId> inputs_;
  std::vector<int> parent_;
};

}  // namespace

View inference_view(const Graph& graph) {
  View view;
  view.graph = clone(graph);
  const Uses uses(graph);
  std::vector<bool> dead(graph.nodes.size(), false);
  for (int i = 0; i < static_cast<int>(graph.nodes.size()); ++i) {
    Node& node = view.graph.nodes[at(i)];
    if (node.op_type == "Dropout" && !node.inputs.empty()) {
      node.op_type = "Identity";
      node.domain.clear();
      node.attributes = {};
      node.inputs.resize(1);
      node.outputs.resize(1);
      continue;
    }
    FoldedBatchNorm norm;
    if (dead[at(i)] || !find_batch_norm(graph, uses, i, norm)) continue;
    node.outputs[0] = graph.nodes[at(norm.batch_norm)].outputs[0];
    node.inputs.resize(3, kNoValue);
    node.inputs[2] = norm.beta;  // what it has as a bias then has this shape
    dead[at(norm.batch_norm)] = true;
    view.folded.emplace(i, norm);
  }
  for (int i = 0; i < static_cast<int>(dead.size()); ++i) {
    if (!dead[at(i)]) view.original.push_back(i);
  }
  erase_nodes(view.graph, dead);
  return view;
}

Placement place_modules(const Graph& graph, const std::vector<Layer>& layers) {
  return ModulePlacer(graph, layers).run();
}

}  // namespace octet::quant
