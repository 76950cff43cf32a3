// Convolutions whose results only meet in a Concat of channels write where the Concat would copy them: each
// into its channels of one tensor, which the next takes over.
#include <algorithm>
#include <numeric>

#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/qdq.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

// The convolution that makes `id` for the Concat alone, or -1.
int convolution(const Edit& edit, ValueId id) {
  if (!edit.uses().single(id)) return -1;
  const int i = edit.uses().producer(id);
  if (i < 0 || (!edit.is(i, "QConv", kDomain) && !edit.is(i, "Conv", kDomain))) return -1;
  const Attributes& a = edit.node(i).attributes;
  return a.integer("channels_last", 0) != 0 && !a.has("y_channels") ? i : -1;
}

bool joins_channels(const Edit& edit, int i) {
  if (!edit.is(i, "Concat") || edit.node(i).inputs.size() < 2) return false;
  const ValueId out = edit.node(i).outputs[0];
  const int rank = edit.rank(out);
  if (rank < 3 || !edit.shape(out)) return false;
  const std::int64_t axis = edit.node(i).attributes.integer("axis", 0);
  return axis == rank - 1 || axis == -1;
}

}  // namespace

int concat_in_place(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!joins_channels(edit, i)) continue;
    const Node concat = edit.node(i);
    const TypeInfo type = graph.value(concat.outputs[0]).type;
    struct Part {
      int node;
      std::int64_t at;
    };
    std::vector<Part> parts;
    std::int64_t channels = 0;
    for (const ValueId id : concat.inputs) {
      const auto shape = id == kNoValue ? std::nullopt : edit.shape(id);
      const int node = shape && graph.value(id).type.dtype == type.dtype ? convolution(edit, id) : -1;
      const bool twice = std::any_of(parts.begin(), parts.end(), [&](const Part& part) { return part.node == node; });
      if (node < 0 || twice) break;
      parts.push_back({node, channels});
      channels += shape->back();
    }
    if (parts.size() != concat.inputs.size()) continue;
    std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.node < b.node; });
    ValueId held = kNoValue;
    for (const Part& part : parts) {
      const bool last = part.node == parts.back().node;
      Node& node = edit.node(part.node);
      node.attributes.set("y_channels", channels);
      node.attributes.set("y_at", part.at);
      node.inputs.resize(static_cast<std::size_t>(find_runtime_op(node)->into_slot), kNoValue);
      node.inputs.push_back(held);
      while (node.inputs.back() == kNoValue) node.inputs.pop_back();
      held = last ? concat.outputs[0]
                  : graph.add_value(graph.fresh_name(graph.value(concat.outputs[0]).name + "_part"), type);
      node.outputs[0] = held;
    }
    edit.remove(i);
    edit.count();
  }
  return edit.finish();
}

}  // namespace octet::runtime
