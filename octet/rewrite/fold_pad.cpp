// Pad with the constant 0 before Conv becomes the convolution's own padding.
#include <algorithm>

#include "octet/rewrite/edit.h"
#include "octet/rewrite/table.h"

namespace octet::rewrite {
namespace {

using Pads = std::vector<std::int64_t>;

// The pads of a constant-mode Pad of zeros, begins then ends, one a dimension; empty otherwise.
Pads zero_pads(const Edit& edit, const Node& pad, int rank) {
  if (pad.attributes.text("mode", "constant") != "constant") return {};
  if (pad.attributes.real("value", 0) != 0) return {};
  const bool has_value = pad.inputs.size() > 2 && pad.inputs[2] != kNoValue;
  if (has_value && edit.scalar(pad.inputs[2]) != 0.0) return {};
  if (pad.inputs.size() > 3 && pad.inputs[3] != kNoValue) return {};
  Pads pads = pad.attributes.integers("pads");
  if (pad.inputs.size() > 1 && edit.constant(pad.inputs[1]) != nullptr) pads = edit.constant(pad.inputs[1])->to_int64();
  return pads.size() == 2 * static_cast<std::size_t>(rank) ? pads : Pads{};
}

int apply(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "Conv") || edit.node(i).attributes.text("auto_pad", "NOTSET") != "NOTSET") continue;
    Node& conv = edit.node(i);
    const int producer = edit.producer(conv.inputs[0], "Pad");
    const Tensor* weight = edit.constant(conv.inputs[1]);
    if (producer < 0 || weight == nullptr || !edit.uses().single(conv.inputs[0])) continue;
    const int rank = weight->rank();
    const Pads outer = zero_pads(edit, edit.node(producer), rank);
    // Batch and channel stay as they are, nothing is cut off.
    const bool folds = !outer.empty() && outer[0] == 0 && outer[1] == 0 && outer[static_cast<std::size_t>(rank)] == 0 &&
                       outer[static_cast<std::size_t>(rank) + 1] == 0 &&
                       *std::min_element(outer.begin(), outer.end()) >= 0;
    if (!folds) continue;
    const auto spatial = static_cast<std::size_t>(rank - 2);
    Pads own = conv.attributes.integers("pads", Pads(2 * spatial, 0));
    for (std::size_t d = 0; d < spatial; ++d) {
      own[d] += outer[d + 2];
      own[d + spatial] += outer[static_cast<std::size_t>(rank) + d + 2];
    }
    conv.attributes.set("pads", own);
    conv.inputs[0] = edit.node(producer).inputs[0];
    edit.remove(producer);
    edit.count();
  }
  return edit.finish();
}

std::vector<Graph> samples() {
  Graph g;
  g.opsets[""] = 13;
  const ValueId x = g.add_input("x", DType::f32, {1, 1, 5, 5});
  const ValueId pads = g.add_initializer("pads", Tensor::from<std::int64_t>({8}, {0, 0, 0, 1, 0, 0, 2, 1}));
  const ValueId w = g.add_initializer("w", Tensor::from<float>({1, 1, 2, 2}, {1, 2, 3, 4}));
  g.outputs = {g.add_node("Conv", {g.add_node("Pad", {x, pads}), w})};
  return {g};
}

}  // namespace

Rewrite fold_pad() { return {"fold_pad", "merges zero padding into the convolution after it", apply, samples}; }

}  // namespace octet::rewrite
