// Images in channels-last order. The runtime's image operators are turned to it, and every operator
// downstream that can work in that order does; Transposes stand where the orders meet. What is still
// read in the old order comes from a Transpose of the new one; those that nobody reads die.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "octet/runtime/passes/layout.h"
#include "octet/runtime/passes/passes.h"

namespace octet::runtime {
namespace {

class ChannelsLast {
 public:
  explicit ChannelsLast(Graph& graph) : graph_(graph) {}

  int run() {
    std::vector<Node> old = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (Node& node : old) {
      const RuntimeOp* op = find_runtime_op(node);
      if (op != nullptr && is_image_node(node, *op)) {
        turn_image(std::move(node), *op);
      } else if (!turn_agnostic(node)) {
        graph_.nodes.push_back(std::move(node));
      }
    }
    return count_;
  }

 private:
  int rank(ValueId id) const {
    const auto& shape = graph_.value(id).type.shape;
    return shape ? static_cast<int>(shape->size()) : -1;
  }

  // An image operator in the old order, with images of known rank.
  bool is_image_node(const Node& node, const RuntimeOp& op) const {
    if (op.images.empty() || node.attributes.integer("channels_last", 1) != 0) return false;
    for (int i = 0; i < op.image_outputs && i < static_cast<int>(node.outputs.size()); ++i) {
      const ValueId id = node.outputs[static_cast<std::size_t>(i)];
      if (id != kNoValue && rank(id) < 3) return false;
    }
    return std::all_of(op.images.begin(), op.images.end(), [&](int slot) {
      const auto i = static_cast<std::size_t>(slot);
      return i >= node.inputs.size() || node.inputs[i] == kNoValue || rank(node.inputs[i]) >= 3;
    });
  }

  // The value that holds `id` in channels-last order, made when there is none yet.
  ValueId last(ValueId id) {
    if (const auto it = last_.find(id); it != last_.end()) return it->second;
    const ValueId twin = new_twin(id);
    emit_transpose(id, twin, to_last(rank(id)));
    return twin;
  }

  ValueId new_twin(ValueId id) {
    TypeInfo type = graph_.value(id).type;
    type.shape = permuted(*type.shape, to_last(rank(id)));
    const ValueId twin = graph_.add_value(graph_.fresh_name(graph_.value(id).name + "_nhwc"), type);
    last_[id] = twin;
    return twin;
  }

  void emit_transpose(ValueId from, ValueId to, const std::vector<std::int64_t>& perm) {
    Node node;
    node.op_type = "Transpose";
    node.inputs = {from};
    node.outputs = {to};
    node.attributes.set("perm", perm);
    graph_.nodes.push_back(std::move(node));
  }

  // The node computes channels-last twins of its first `images` outputs; the old order follows by Transposes.
  void emit_turned(Node node, std::size_t images) {
    images = std::min(images, node.outputs.size());
    const std::vector<ValueId> outputs(node.outputs.begin(),
                                       node.outputs.begin() + static_cast<std::ptrdiff_t>(images));
    for (std::size_t i = 0; i < images; ++i) {
      if (node.outputs[i] != kNoValue) node.outputs[i] = new_twin(node.outputs[i]);
    }
    graph_.nodes.push_back(std::move(node));
    for (const ValueId id : outputs) {
      if (id != kNoValue) emit_transpose(last_.at(id), id, to_first(rank(id)));
    }
    ++count_;
  }

  void turn_image(Node node, const RuntimeOp& op) {
    for (const int slot : op.images) {
      const auto i = static_cast<std::size_t>(slot);
      if (i < node.inputs.size() && node.inputs[i] != kNoValue) node.inputs[i] = last(node.inputs[i]);
    }
    node.attributes.set("channels_last", std::int64_t{1});
    emit_turned(std::move(node), static_cast<std::size_t>(op.image_outputs));
  }

  bool turn_agnostic(const Node& node) {
    const bool fed =
        std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return last_.contains(id); });
    if (!fed || !subgraphs(node).empty()) return false;
    std::optional<Turned> turned = turn(graph_, node);
    if (!turned) return false;
    const std::size_t images =
        turned->image_outputs < 0 ? node.outputs.size() : static_cast<std::size_t>(turned->image_outputs);
    for (std::size_t i = 0; i < images; ++i) {
      if (node.outputs[i] != kNoValue && rank(node.outputs[i]) < 3) return false;
    }
    for (const int slot : turned->images) {
      ValueId& id = turned->node.inputs[static_cast<std::size_t>(slot)];
      id = last(id);
    }
    emit_turned(std::move(turned->node), images);
    return true;
  }

  Graph& graph_;
  std::unordered_map<ValueId, ValueId> last_;
  int count_ = 0;
};

}  // namespace

int channels_last(Graph& graph) { return ChannelsLast(graph).run(); }

}  // namespace octet::runtime
