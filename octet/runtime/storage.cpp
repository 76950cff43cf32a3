#include "octet/runtime/storage.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <string_view>

#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Operators whose output is their first input under another shape.
bool only_reshapes(const Node& node) {
  static constexpr std::array<std::string_view, 6> kNames = {"Reshape",   "Flatten",  "Squeeze",
                                                             "Unsqueeze", "Identity", "Dropout"};
  if (node.domain == "octet") return node.op_type == "Barrier";
  return node.domain.empty() && std::find(kNames.begin(), kNames.end(), node.op_type) != kNames.end() &&
         std::count_if(node.outputs.begin(), node.outputs.end(), [](ValueId id) { return id != kNoValue; }) == 1;
}

// Elementwise operators that read element i before they write element i.
bool may_run_in_place(const Node& node) {
  static constexpr std::array<std::string_view, 26> kNames = {
      "Abs",   "Add",  "Ceil",        "Clip",      "Cos",       "Div",  "Elu", "Erf", "Exp",
      "Floor", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Log",  "Max", "Min", "Mul",
      "Neg",   "Relu", "Sigmoid",     "Sin",       "Softplus",  "Sqrt", "Sub", "Tanh"};
  if (const RuntimeOp* op = find_runtime_op(node)) return op->in_place || node.attributes.has("y_channels");
  return node.domain.empty() && std::binary_search(kNames.begin(), kNames.end(), node.op_type);
}

// Inputs from here on may give their storage to the output.
std::size_t first_slot(const Node& node) {
  return node.attributes.has("y_channels") ? static_cast<std::size_t>(find_runtime_op(node)->into_slot) : 0;
}

class Planner {
 public:
  explicit Planner(const Graph& graph) : graph_(graph), uses_(graph), root_(graph.value_count()) {
    std::iota(root_.begin(), root_.end(), 0);
    storage_.places.assign(graph.value_count(), Place::none);
    storage_.offsets.assign(graph.value_count(), -1);
    storage_.last_use.assign(graph.value_count(), -1);
    storage_.is_view.assign(graph.nodes.size(), false);
    storage_.scratch.assign(graph.nodes.size(), -1);
  }

  Storage run(const std::vector<std::int64_t>& scratch_bytes) {
    place_values();
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) share(static_cast<int>(i));
    lay_out(scratch_bytes);
    return std::move(storage_);
  }

 private:
  std::optional<std::int64_t> bytes_of(ValueId id) const {
    const TypeInfo& type = graph_.value(id).type;
    if (!type.shape || size_of(type.dtype) == 0) return std::nullopt;
    const auto shape = static_shape(*type.shape);
    if (!shape) return std::nullopt;
    return shape->elements() * static_cast<std::int64_t>(size_of(type.dtype));
  }

  void place_values() {
    for (const Node& node : graph_.nodes) {
      for (const ValueId id : node.outputs) {
        if (id != kNoValue) storage_.places[at(id)] = bytes_of(id) ? Place::arena : Place::heap;
      }
    }
    for (const ValueId id : graph_.outputs) {
      if (storage_.places[at(id)] == Place::arena) storage_.places[at(id)] = Place::output;
    }
    for (const auto& [id, tensor] : graph_.initializers()) storage_.places[at(id)] = Place::constant;
    for (const ValueId id : graph_.inputs) storage_.places[at(id)] = Place::input;
    for (std::size_t id = 0; id < graph_.value_count(); ++id) {
      const std::vector<int>& readers = uses_.readers(static_cast<ValueId>(id));
      if (!readers.empty()) storage_.last_use[id] = *std::max_element(readers.begin(), readers.end());
    }
  }

  ValueId root(ValueId id) const {
    while (root_[at(id)] != id) id = root_[at(id)];
    return id;
  }

  // Lets the output of node i take the storage of an input where nothing can tell the difference.
  void share(int i) {
    const Node& node = graph_.nodes[at(i)];
    if (only_reshapes(node)) {
      storage_.is_view[at(i)] = storage_.places[at(node.outputs[0])] == Place::arena;
      if (storage_.is_view[at(i)]) join(node.outputs[0], node.inputs[0]);
    } else if (may_run_in_place(node) && node.outputs.size() == 1 &&
               storage_.places[at(node.outputs[0])] == Place::arena) {
      for (std::size_t slot = first_slot(node); slot < node.inputs.size(); ++slot) {
        const ValueId id = node.inputs[slot];
        if (id != kNoValue && dies_here(id, i) && fits(node, id)) {
          join(node.outputs[0], id);
          break;
        }
      }
    }
  }

  void join(ValueId output, ValueId input) {
    if (storage_.places[at(input)] != Place::arena) {
      // A view of something that moves from run to run moves with it.
      storage_.places[at(output)] = Place::heap;
      return;
    }
    const ValueId to = root(input);
    root_[at(output)] = to;
    storage_.last_use[at(to)] = std::max(storage_.last_use[at(to)], storage_.last_use[at(output)]);
  }

  bool dies_here(ValueId id, int step) const {
    return storage_.places[at(id)] == Place::arena && storage_.last_use[at(root(id))] <= step;
  }

  // The same type and shape, and no other input of the node that shares the memory with another shape.
  bool fits(const Node& node, ValueId id) const {
    const TypeInfo &in = graph_.value(id).type, &out = graph_.value(node.outputs[0]).type;
    if (in.dtype != out.dtype || !(*in.shape == *out.shape)) return false;
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId other) {
      return other == kNoValue || root(other) != root(id) || *graph_.value(other).type.shape == *out.shape;
    });
  }

  void lay_out(const std::vector<std::int64_t>& scratch_bytes) {
    std::vector<MemoryBlock> blocks;
    std::vector<int> block_of(graph_.value_count(), -1), scratch_block(graph_.nodes.size(), -1);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const int step = static_cast<int>(i);
      for (const ValueId id : graph_.nodes[i].outputs) {
        if (id == kNoValue || storage_.places[at(id)] != Place::arena || root(id) != id) continue;
        block_of[at(id)] = static_cast<int>(blocks.size());
        blocks.push_back({*bytes_of(id), step, std::max(step, storage_.last_use[at(id)])});
      }
      if (scratch_bytes[i] == 0) continue;
      scratch_block[i] = static_cast<int>(blocks.size());
      blocks.push_back({scratch_bytes[i], step, step});
    }
    const MemoryPlan memory = plan_memory(blocks);
    storage_.arena_bytes = memory.bytes;
    for (std::size_t id = 0; id < graph_.value_count(); ++id) {
      if (storage_.places[id] != Place::arena) continue;
      storage_.offsets[id] = memory.offsets[at(block_of[at(root(static_cast<ValueId>(id)))])];
    }
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (scratch_block[i] >= 0) storage_.scratch[i] = memory.offsets[at(scratch_block[i])];
    }
  }

  const Graph& graph_;
  Uses uses_;
  std::vector<ValueId> root_;
  Storage storage_;
};

}  // namespace

Storage plan_storage(const Graph& graph, const std::vector<std::int64_t>& scratch_bytes) {
  return Planner(graph).run(scratch_bytes);
}

}  // namespace octet::runtime
