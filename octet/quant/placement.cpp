#include "octet/quant/placement.h"

#include <algorithm>
#include <numeric>

#include "octet/ops/pad.h"

namespace octet::quant {
namespace {

using Kind = QuantRule::Kind;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// The inputs of a node that carry data (shapes, axes and bounds do not).
std::vector<ValueId> data_inputs(const Graph& graph, const Node& node) {
  const OpDef* op = find_op(graph, node);
  if (op == nullptr || node.inputs.empty()) return {};
  const Kind kind = op->quant.kind;
  std::vector<ValueId> out;
  if (kind == Kind::weighted) {
    out.push_back(node.inputs[at(op->quant.activation)]);
  } else if (kind == Kind::pass_through || kind == Kind::lookup) {
    out.push_back(node.inputs[0]);
  } else if (kind != Kind::none) {
    for (const ValueId id : node.inputs) {
      const bool data =
          id != kNoValue && (graph.value(id).type.dtype == DType::f32 || graph.initializer(id) != nullptr);
      if (data && (out.empty() || kind == Kind::shared || out.size() < 2)) out.push_back(id);
    }
  }
  return out;
}

class Placer {
 public:
  Placer(const Graph& graph, const std::vector<Layer>& layers, const std::vector<bool>& frozen, bool every_output)
      : graph_(graph), layers_(layers), every_output_(every_output), uses_(graph), layer_of_(graph.nodes.size(), -1) {
    out_.int8.assign(graph.nodes.size(), false);
    out_.fused_into.assign(graph.nodes.size(), -1);
    for (std::size_t i = 0; i < layers.size(); ++i) layer_of_[at(layers[i].node)] = static_cast<int>(i);
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      out_.int8[i] = layer_of_[i] >= 0 || (capable(graph.nodes[i]) && !(i < frozen.size() && frozen[i]));
    }
  }

  Placement run() {
    for (const Layer& layer : layers_) fuse_epilogue(layer);
    settle();
    if (!every_output_) fuse_residuals();
    group_values();
    return std::move(out_);
  }

 private:
  const Node& node(int i) const { return graph_.nodes[at(i)]; }
  bool is_constant(ValueId id) const { return graph_.initializer(id) != nullptr; }
  bool is_activation(const Node& n) const {
    const OpDef* op = find_op(graph_, n);
    return op != nullptr && op->quant.fuses_into_producer;
  }
  bool clamps(const Node& n) const {
    const OpDef* op = find_op(graph_, n);
    return op->quant.fuses_into_producer && op->quant.kind == Kind::pass_through;
  }

  bool capable(const Node& n) const {
    const OpDef* op = find_op(graph_, n);
    if (op == nullptr || n.outputs.empty() || n.outputs[0] == kNoValue) return false;
    if (op->quant.kind == Kind::none || op->quant.kind == Kind::weighted) return false;
    if (graph_.value(n.outputs[0]).type.dtype != DType::f32) return false;
    return !ops::pads_with_a_number(graph_, n);
  }

  // The only reader of a value, or -1.
  int only_reader(ValueId id) const { return uses_.single(id) ? uses_.readers(id)[0] : -1; }

  // Of a layer without a bias slot: the constant that is added to its output. Then what may follow any sum.
  void fuse_epilogue(const Layer& layer) {
    ValueId end = node(layer.node).outputs[0];
    const int index = layer_of_[at(layer.node)];
    const int adder = layer.bias == kNoValue ? only_reader(end) : -1;
    if (adder >= 0 && node(adder).op_type == "Add" && adds_a_bias(node(adder), end, layer.channels)) {
      end = fuse(adder, index);
    }
    if (!every_output_) fuse_behind(end, index);
  }
  // Of a sum: its activation, and behind that the product with one number and the sum with another.
  void fuse_behind(ValueId end, int layer) {
    const int activation = only_reader(end);
    const bool takes = activation >= 0 && is_activation(node(activation)) && out_.fused_into[at(activation)] < 0;
    if (takes && node(activation).inputs[0] == end) end = fuse(activation, layer);
    for (const char* op : {"Mul", "Add"}) {
      const int reader = only_reader(end);
      if (reader >= 0 && node(reader).op_type == op && joins_a_number(node(reader), end)) end = fuse(reader, layer);
    }
  }
  bool joins_a_number(const Node& n, ValueId end) const {
    const Tensor* number = graph_.initializer(n.inputs[0] == end ? n.inputs[1] : n.inputs[0]);
    return number != nullptr && number->dtype() == DType::f32 && number->elements() == 1 && number->rank() <= 1;
  }
  bool adds_a_bias(const Node& n, ValueId end, std::int64_t channels) const {
    const ValueId other = n.inputs[0] == end ? n.inputs[1] : n.inputs[0];
    const Tensor* bias = graph_.initializer(other);
    if (bias == nullptr || bias->dtype() != DType::f32) return false;
    return bias->elements() == 1 ||
           (bias->elements() == channels && bias->rank() >= 1 && bias->shape().back() == channels);
  }
  ValueId fuse(int n, int layer) {
    out_.fused_into[at(n)] = layer;
    out_.int8[at(n)] = true;
    return node(n).outputs[0];
  }

  // --- which of the others compute in int8: all that have int8 on both sides, found by taking away ---

  bool wanted(ValueId id) const {
    if (every_output_ && uses_.is_output(id)) return true;
    for (const int reader : uses_.readers(id)) {
      if (out_.reads_int8(graph_, reader, id)) return true;
    }
    return false;
  }
  bool feeds_a_layer(ValueId id) const {
    for (const int reader : uses_.readers(id)) {
      if (layer_of_[at(reader)] >= 0 && layers_[at(layer_of_[at(reader)])].input == id) return true;
    }
    return false;
  }
  bool available(ValueId id) const {
    if (is_constant(id)) return true;
    const int producer = uses_.producer(id);
    return (producer >= 0 && out_.int8[at(producer)]) || feeds_a_layer(id);
  }
  bool stays(int i) const {
    const Node& n = node(i);
    bool any_data = false;
    for (const ValueId id : data_inputs(graph_, n)) {
      if (!available(id)) return false;
      any_data = any_data || !is_constant(id);
    }
    return any_data &&
           std::any_of(n.outputs.begin(), n.outputs.end(), [&](ValueId id) { return id != kNoValue && wanted(id); });
  }
  void settle() {
    for (bool changed = true; changed;) {
      changed = false;
      const auto visit = [&](int i) {
        if (!out_.int8[at(i)] || layer_of_[at(i)] >= 0 || out_.fused_into[at(i)] >= 0 || stays(i)) return;
        out_.int8[at(i)] = false;
        changed = true;
      };
      const auto count = static_cast<int>(graph_.nodes.size());
      for (int i = 0; i < count; ++i) visit(i);
      for (int i = count; i-- > 0;) visit(i);
    }
  }

  // An int8 Add of two equal shapes is computed by the later of the layers that feed it, and so is the
  // activation behind it.
  void fuse_residuals() {
    for (int i = 0; i < static_cast<int>(graph_.nodes.size()); ++i) {
      const Node& n = node(i);
      if (n.op_type != "Add" || !out_.int8[at(i)] || out_.fused_into[at(i)] >= 0 || !same_shapes(n)) continue;
      const int first = host(n.inputs[0]), second = host(n.inputs[1]);
      const int layer = std::max(first, second);
      if (layer < 0 || n.inputs[0] == n.inputs[1]) continue;
      fuse_behind(fuse(i, layer), layer);
    }
  }
  bool same_shapes(const Node& n) const {
    const auto &a = graph_.value(n.inputs[0]).type.shape, &b = graph_.value(n.inputs[1]).type.shape;
    return a && b && !is_constant(n.inputs[0]) && !is_constant(n.inputs[1]) && *a == *b;
  }
  // The layer whose sum, before any activation, is this value and goes nowhere else; or -1.
  int host(ValueId id) const {
    const int producer = uses_.producer(id);
    if (producer < 0 || !uses_.single(id)) return -1;
    if (layer_of_[at(producer)] >= 0) return layer_of_[at(producer)];
    const int layer = out_.fused_into[at(producer)];
    const bool biased = layer >= 0 && node(producer).op_type == "Add" && !same_shapes(node(producer)) &&
                        joins(node(producer), node(layers_[at(layer)].node).outputs[0]);
    return biased ? layer : -1;
  }

  static bool joins(const Node& n, ValueId id) { return n.inputs[0] == id || n.inputs[1] == id; }

  // --- which values are quantized, and which of them share parameters ---

  // True when the epilogue of a layer takes the value in float: it is not quantized on that edge.
  bool internal(int reader, ValueId id) const {
    const int layer = out_.fused_into[at(reader)], producer = uses_.producer(id);
    if (layer < 0 || producer < 0) return false;
    return layer_of_[at(producer)] == layer || out_.fused_into[at(producer)] == layer;
  }
  int root(ValueId id) {
    int& parent = parent_[at(id)];
    if (parent != id) parent = root(parent);
    return parent;
  }
  void join(ValueId a, ValueId b) { parent_[at(root(b))] = root(a); }

  void group_values() {
    parent_.resize(graph_.value_count());
    std::iota(parent_.begin(), parent_.end(), 0);
    std::vector<bool> quantized(graph_.value_count(), false), derived(graph_.value_count(), false);
    for (int i = 0; i < static_cast<int>(graph_.nodes.size()); ++i) {
      if (!out_.int8[at(i)]) continue;
      const Node& n = node(i);
      for (const ValueId id : data_inputs(graph_, n)) {
        const bool bias = is_constant(id) && out_.fused_into[at(i)] >= 0;
        if (!bias && !internal(i, id)) quantized[at(id)] = true;
      }
      if (out_.fused_into[at(i)] < 0 && layer_of_[at(i)] < 0) share(n, derived);
      for (const ValueId id : n.outputs) {
        const bool whole = id != kNoValue && (layer_of_[at(i)] >= 0 || uses_.is_output(id)) && !biased(id);
        if (every_output_ && whole) quantized[at(id)] = true;
      }
    }
    std::map<int, int> numbers;
    for (ValueId id = 0; id < static_cast<ValueId>(quantized.size()); ++id) {
      if (!quantized[at(id)]) continue;
      const auto [it, fresh] = numbers.emplace(root(id), static_cast<int>(out_.sources.size()));
      if (fresh) out_.sources.emplace_back();
      out_.group[id] = it->second;
      if (!derived[at(id)]) out_.sources[at(it->second)].push_back(id);
    }
  }
  // The sum of a layer whose bias is an Add of its own: what counts comes behind that.
  bool biased(ValueId id) const {
    const int reader = only_reader(id);
    return reader >= 0 && out_.fused_into[at(reader)] >= 0 && internal(reader, id);
  }
  // A clamp (Relu, Clip) that alone reads its input shares the range of its output: saturation clamps.
  void share(const Node& n, std::vector<bool>& derived) {
    const Kind kind = find_op(graph_, n)->quant.kind;
    if (kind != Kind::pass_through && kind != Kind::shared) return;
    const bool clamp = clamps(n) && !every_output_;
    if (clamp && !uses_.single(n.inputs[0])) return;
    for (const ValueId out : n.outputs) {
      if (out == kNoValue) continue;
      for (const ValueId in : data_inputs(graph_, n)) {
        join(in, out);
        derived[at(clamp ? in : out)] = true;
      }
    }
  }

  const Graph& graph_;
  const std::vector<Layer>& layers_;
  bool every_output_;
  Uses uses_;
  std::vector<int> layer_of_, parent_;
  Placement out_;
};

}  // namespace

bool Placement::reads_int8(const Graph& graph, int reader, ValueId id) const {
  if (!int8[at(reader)]) return false;
  const std::vector<ValueId> data = data_inputs(graph, graph.nodes[at(reader)]);
  return std::find(data.begin(), data.end(), id) != data.end();
}

Placement place(const Graph& graph, const std::vector<Layer>& layers, const std::vector<bool>& frozen,
                bool every_output) {
  return Placer(graph, layers, frozen, every_output).run();
}

}  // namespace octet::quant
