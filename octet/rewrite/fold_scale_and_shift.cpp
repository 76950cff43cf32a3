// Conv, ConvTranspose or Gemm followed by Mul or Add with a constant a channel becomes the operator
// alone: the factor goes into its weights, the shift into its bias. A BatchNormalization that stands
// alone between a Mul or Add and a convolution is reached by fold_batch_norm in the next round.
#include "octet/rewrite/scale_weights.h"
#include "octet/rewrite/table.h"

namespace octet::rewrite {
namespace {

int apply(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    const bool multiply = edit.is(i, "Mul");
    if (!multiply && !edit.is(i, "Add")) continue;
    const Node& node = edit.node(i);
    for (const std::size_t slot : {std::size_t{0}, std::size_t{1}}) {
      const Tensor* constant = edit.constant(node.inputs[1 - slot]);
      const int producer = constant == nullptr ? -1 : scalable_producer(edit, node.inputs[slot]);
      const int rank = edit.rank(node.inputs[slot]);
      if (producer < 0 || rank < 2) continue;
      const std::int64_t channels = output_channels(edit, producer);
      const std::vector<double> numbers = per_channel(*constant, rank, channels);
      if (numbers.empty()) continue;
      const auto size = static_cast<std::size_t>(channels);
      const ValueId output = node.outputs[0];
      edit.remove(i);
      scale_weights(edit, producer, multiply ? numbers : std::vector<double>(size, 1),
                    multiply ? std::vector<double>(size, 0) : numbers, output);
      edit.count();
      break;
    }
  }
  return edit.finish();
}

std::vector<Graph> samples() {
  Graph g;
  g.opsets[""] = 13;
  const ValueId x = g.add_input("x", DType::f32, {1, 2, 4, 4});
  const ValueId w = g.add_initializer("w", Tensor::from<float>({2, 2, 1, 1}, {1, 2, -3, 4}));
  const ValueId factor = g.add_initializer("factor", Tensor::from<float>({2, 1, 1}, {0.5f, 2}));
  const ValueId shift = g.add_initializer("shift", Tensor::from<float>({1, 2, 1, 1}, {1, -1}));
  g.outputs = {g.add_node("Add", {shift, g.add_node("Mul", {g.add_node("Conv", {x, w}), factor})})};
  return {g};
}

}  // namespace

Rewrite fold_scale_and_shift() {
  return {"fold_scale_and_shift", "merges a constant Mul or Add into the convolution or Gemm before it", apply,
          samples};
}

}  // namespace octet::rewrite
