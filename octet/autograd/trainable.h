// The training form of a network, and the way back.
//
//   Trainable model = make_trainable(load_onnx("resnet20.onnx"));
//   ... differentiate(model, "loss"), update the initializers named by model.parameters and model.states ...
//   Graph trained = inference_form(model);
//
// Copies of a Tensor share their data: the graph, its training form and an optimizer hold the same numbers.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "octet/graph/graph.h"

namespace octet {

/// The int64 scalar input from which a graph's random numbers (dropout) are drawn: the number of the step.
inline constexpr const char* kStepInput = "octet.step";

/// A graph that can be trained: which initializers are parameters, and which are state that each step renews.
struct Trainable {
  /// Initializer `name` takes the value that `updated` has after a step.
  struct State {
    std::string name, updated;
  };
  Graph graph;                          ///< its initializers share their data with the model they came from
  std::vector<std::string> parameters;  ///< names of float initializers
  std::vector<State> states;            ///< statistics of batch norms, observers
  std::vector<std::string> notes;       ///< what was left as it was, and why
};

struct TrainableOptions {
  /// Parameters whose names match one of these are constants; * stands for any characters.
  std::vector<std::string> freeze = {};
  bool batch_norm = true;  ///< batch norms normalize by the batch and renew their statistics; false: they stay frozen
  bool dropout = true;     ///< dropout drops; false: it stays as for inference
  std::uint64_t seed = 0;  ///< of dropout
  /// Numbers for symbolic dimensions and whole input shapes: what follows from them is folded, so that branches and
  /// shape arithmetic go away.
  std::vector<std::pair<std::string, std::int64_t>> dims = {};
  std::vector<std::pair<std::string, Shape>> shapes = {};
};

/// An imported network made ready to train: constants folded (parameters apart), branches with a known condition
/// inlined, batch norms and dropout in training form, and every weight and bias a parameter. Those are the float
/// constants with more than one element (or of one channel) that Conv, ConvTranspose, Gemm, MatMul, a recurrent
/// layer, a normalization, PRelu, an embedding (Gather) or the arithmetic on activations reads; means and scales
/// applied to the network's input itself are preprocessing and stay constants.
/// Throws bad_input when nothing is left to train.
Trainable make_trainable(const Graph& graph, const TrainableOptions& options = {});

/// The network as it is run: batch norms and dropout as for inference, parameters and statistics as they are now.
Graph inference_form(const Trainable& model);

}  // namespace octet
