// What the weights of a layer are multiplied with, gathered from a run of the float network.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "octet/quant/layers.h"
#include "octet/quant/params.h"
#include "octet/quant/rounding/compensate.h"

namespace octet::quant {

/// How the weight of a Conv, Gemm or MatMul is seen as [groups][rows][k]: a row makes one output channel.
struct WeightRows {
  std::int64_t groups = 1, rows = 1, k = 1;
  bool columns = false;  ///< the weight is stored [k][rows]: an output channel is a column of it
};
/// Nothing for operators and shapes that compensated rounding does not serve.
std::optional<WeightRows> weight_rows(const Graph& graph, const Node& node, const Shape& weight);

/// Second moments of the inputs of layers, a weight that several of them read counted once.
class LayerInputs {
 public:
  LayerInputs(const Graph& graph, const std::vector<Layer>& layers, ThreadPool& threads);

  /// The values to observe, in the order in which add() takes them.
  const std::vector<ValueId>& values() const { return values_; }
  /// One sample: a tensor for each of values(). At most `most` rows of each layer are taken, spread evenly.
  void add(const std::vector<Tensor>& tensors, std::int64_t most);

  /// The weight as int8 of its own shape; nothing where it is not served, or where there is one scale for each
  /// of other channels than the rows.
  std::optional<Tensor> round(ValueId weight, std::span<const float> scales, const Scheme& scheme) const;

 private:
  struct Weight {
    WeightRows form;
    std::vector<SecondMoments> moments;  ///< one a group
  };
  const Graph& graph_;
  ThreadPool& threads_;
  std::vector<Layer> layers_;  ///< those that are served
  std::vector<ValueId> values_;
  std::vector<std::size_t> value_of_layer_;
  std::map<ValueId, Weight> weights_;
};

}  // namespace octet::quant
