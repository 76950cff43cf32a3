// An elementwise function of one quantized tensor whose result is quantized is a table of 256 bytes,
// however many operators spell it out (x * sigmoid(x), Gelu, HardSwish, ...).
#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "octet/ops/op.h"
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/table.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

constexpr std::size_t kMostNodes = 16;

bool is_elementwise(const Node& node) {
  static constexpr std::array<std::string_view, 36> kNames = {
      "Abs",     "Add",   "Ceil", "Celu",        "Clip",      "Cos",        "Div",  "Elu",   "Erf",
      "Exp",     "Floor", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu",  "Log",  "Max",   "Min",
      "Mish",    "Mul",   "Neg",  "PRelu",       "Pow",       "Reciprocal", "Relu", "Round", "Selu",
      "Sigmoid", "Silu",  "Sin",  "Softplus",    "Softsign",  "Sqrt",       "Sub",  "Tanh",  "ThresholdedRelu"};
  return (node.domain.empty() || node.domain == "octet") && node.outputs.size() == 1 &&
         std::binary_search(kNames.begin(), kNames.end(), node.op_type);
}

// The operators between one dequantized tensor and a value; quantizing and dequantizing in between is one of them.
class Cone {
 public:
  Cone(const Edit& edit, ValueId top, const Dequantized& source) : edit_(edit), source_(source) {
    whole_ = visit(top) && !nodes_.empty();
  }

  bool whole() const { return whole_; }

  // What the operators make of every level of the source.
  Tensor evaluate(ValueId top) const {
    ThreadPool one(1);
    std::map<ValueId, Tensor> held = leaves_;
    for (const int index : nodes_) {
      const Node& node = edit_.node(index);
      std::vector<Tensor> inputs;
      for (const ValueId id : node.inputs) inputs.push_back(id == kNoValue ? Tensor() : held.at(id));
      const Graph& graph = edit_.graph();
      held[node.outputs[0]] = ops::evaluate(ops::require(graph, node), node, graph.opset(node.domain), inputs, one)[0];
    }
    return held.at(top);
  }

 private:
  bool visit(ValueId id) {
    if (id == kNoValue || leaves_.contains(id)) return true;
    if (const Tensor* constant = edit_.constant(id)) {
      leaves_[id] = constant->reshaped({});
      return constant->elements() == 1;
    }
    const auto x = dequantized(edit_, id);
    if (!x || x->bytes != source_.bytes || !(x->params == source_.params)) return visit_node(id);
    leaves_[id] = dequantized_levels(x->params);
    return true;
  }

  bool visit_node(ValueId id) {
    const int index = edit_.uses().producer(id);
    if (index < 0) return false;
    if (std::find(nodes_.begin(), nodes_.end(), index) != nodes_.end()) return true;
    const Node& node = edit_.node(index);
    if (!edit_.is(index, node.op_type, node.domain) || ++visited_ > kMostNodes) return false;
    if (!is_elementwise(node) && !tensor_params(edit_, index)) return false;
    for (const ValueId input : node.inputs) {
      const Tensor* constant = edit_.constant(input);
      if (constant != nullptr && constant->elements() != 1) return false;
      if (constant == nullptr && input != kNoValue && edit_.rank(input) != edit_.rank(id) && !is_number(input))
        return false;
    }
    if (!std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId input) { return visit(input); })) return false;
    nodes_.push_back(index);
    return true;
  }

  // As a quantized constant is.
  bool is_number(ValueId id) const {
    const auto shape = edit_.shape(id);
    return shape && shape->elements() == 1;
  }

  const Edit& edit_;
  Dequantized source_;
  std::map<ValueId, Tensor> leaves_;
  std::vector<int> nodes_;  // in the order of evaluation
  std::size_t visited_ = 0;
  bool whole_ = false;
};

// Quantized tensors that a value is computed from by elementwise operators, the farthest last.
void find_sources(const Edit& edit, ValueId id, std::vector<Dequantized>& sources, std::size_t& visited) {
  const int index = id == kNoValue ? -1 : edit.uses().producer(id);
  if (index < 0 || ++visited > kMostNodes) return;
  if (const auto x = dequantized(edit, id)) {
    const auto same = [&](const Dequantized& s) { return s.bytes == x->bytes && s.params == x->params; };
    if (std::none_of(sources.begin(), sources.end(), same)) sources.push_back(*x);
  }
  const Node& node = edit.node(index);
  if (!edit.is(index, node.op_type, node.domain) || (!is_elementwise(node) && !tensor_params(edit, index))) return;
  for (const ValueId input : node.inputs) find_sources(edit, input, sources, visited);
}

bool fuse_cone(Edit& edit, int quantize, const TensorParams& params) {
  const ValueId top = edit.node(quantize).inputs[0], out = edit.node(quantize).outputs[0];
  std::vector<Dequantized> sources;
  std::size_t visited = 0;
  find_sources(edit, top, sources, visited);
  // The farthest source makes the longest chain one table.
  for (auto source = sources.rbegin(); source != sources.rend(); ++source) {
    const Cone cone(edit, top, *source);
    if (!cone.whole()) continue;
    const Tensor levels = cone.evaluate(top);
    if (levels.dtype() != DType::f32 || levels.elements() != 256) continue;
    Graph& graph = edit.graph();
    const ValueId table = add_constant(graph, graph.value(out).name + "_table", quantized_levels(levels, params));
    edit.produce(out, "Lookup", {source->bytes, table}, {}, graph.label(edit.node(quantize)), kDomain);
    return true;
  }
  return false;
}

}  // namespace

int fuse_lookup(Graph& graph) {
  Edit edit(graph);
  for (int i = edit.node_count() - 1; i >= 0; --i) {
    const auto params = edit.is(i, "QuantizeLinear") ? tensor_params(edit, i) : std::nullopt;
    if (params && params->dtype == DType::u8) fuse_cone(edit, i, *params);
  }
  return edit.finish();
}

}  // namespace octet::runtime
