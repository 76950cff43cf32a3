// Conv, ConvTranspose or Gemm followed by BatchNormalization becomes the operator alone:
//   W'[c] = W[c] * g[c] / sqrt(var[c] + eps),  b'[c] = (b[c] - mean[c]) * g[c] / sqrt(var[c] + eps) + beta[c]
// computed in double. Source: Jacob et al. 2018 (arXiv 1712.05877), section 3.2.
#include <cmath>

#include "octet/rewrite/scale_weights.h"
#include "octet/rewrite/table.h"

namespace octet::rewrite {
namespace {

int apply(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "BatchNormalization") || edit.node(i).attributes.integer("training_mode", 0) != 0) continue;
    const Node& norm = edit.node(i);
    const int producer = scalable_producer(edit, norm.inputs[0]);
    if (producer < 0 || norm.outputs.size() != 1) continue;
    std::vector<std::vector<double>> parameters;  // gamma, beta, mean, variance
    for (std::size_t p = 1; p < 5; ++p) {
      const Tensor* tensor = edit.constant(norm.inputs[p]);
      if (tensor != nullptr) parameters.push_back(tensor->to_double());
    }
    const auto channels = static_cast<std::size_t>(output_channels(edit, producer));
    if (parameters.size() != 4 || parameters[0].size() != channels) continue;
    std::vector<double> factor(channels), shift(channels);
    const double epsilon = norm.attributes.real("epsilon", 1e-5f);
    for (std::size_t c = 0; c < channels; ++c) {
      factor[c] = parameters[0][c] / std::sqrt(parameters[3][c] + epsilon);
      shift[c] = parameters[1][c] - parameters[2][c] * factor[c];
    }
    const ValueId output = norm.outputs[0];
    edit.remove(i);
    scale_weights(edit, producer, factor, shift, output);
    edit.count();
  }
  return edit.finish();
}

Tensor ramp(const Shape& shape, float first, float step) {
  Tensor out(DType::f32, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i) {
    out.data<float>()[i] = first + step * static_cast<float>(i % 13);
  }
  return out;
}

Graph sample(const char* op, const Shape& weight, std::int64_t channels, bool bias) {
  Graph g;
  g.opsets[""] = 13;
  const ValueId x = op[0] == 'G' ? g.add_input("x", DType::f32, {5, 4}) : g.add_input("x", DType::f32, {2, 4, 6, 6});
  std::vector<ValueId> in = {x, g.add_initializer("w", ramp(weight, -0.5f, 0.1f))};
  if (bias) in.push_back(g.add_initializer("b", ramp({channels}, 0.3f, -0.1f)));
  const ValueId y = g.add_node(op, in);
  std::vector<ValueId> norm = {y};
  for (const char* name : {"gamma", "beta", "mean", "variance"}) {
    norm.push_back(g.add_initializer(name, ramp({channels}, 0.4f, 0.05f)));
  }
  g.outputs = {g.add_node("BatchNormalization", norm)};
  return g;
}

std::vector<Graph> samples() {
  return {sample("Conv", {3, 4, 3, 3}, 3, false), sample("Conv", {3, 4, 1, 1}, 3, true),
          sample("ConvTranspose", {4, 3, 2, 2}, 3, true), sample("Gemm", {4, 3}, 3, true)};
}

}  // namespace

Rewrite fold_batch_norm() {
  return {"fold_batch_norm", "merges BatchNormalization into the convolution or Gemm before it", apply, samples};
}

}  // namespace octet::rewrite
