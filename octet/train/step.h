// One training step as a pure function: batch, parameters and states in; loss, gradients and renewed states out.
//
//   TrainingStep step(model, {.loss = train::MeanSquaredError{}});
//   StepOutput out = step.run(batch, 0);       // out.loss, out.gradients (one a parameter)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "octet/autograd/autograd.h"
#include "octet/runtime/session.h"
#include "octet/train/losses.h"
#include "octet/train/samples.h"

namespace octet::train {

/// Another network whose answers are learned from, beside (or in place of) the expected ones.
struct Teacher {
  Graph graph;  ///< in the form for inference, with the same inputs
  double temperature = 4;
  double weight = 0.5;  ///< of its part of the loss; 1: no expected answers are needed
};

struct StepOptions {
  Loss loss = CrossEntropy{};
  std::string output = {};  ///< the output that the loss looks at; empty: the first
  std::optional<Teacher> teacher = {};
  bool recompute = false;  ///< keep fewer activations and compute them again
  int threads = 0;
};

struct StepOutput {
  double loss = 0;
  std::vector<Tensor> gradients;  ///< undefined for a parameter that the loss does not depend on
  std::vector<Tensor> states;     ///< the next value of each state
};

/// Further inputs of the step's graph, beside batch, parameters and states (switches of observers).
using ExtraInputs = NamedTensors;

class TrainingStep {
 public:
  /// Throws usage (no such output, no inputs), unsupported (an operator without gradient: all are named).
  TrainingStep(const Trainable& model, StepOptions options);
  ~TrainingStep();

  /// Parameters and states are those of the model at this moment. Throws usage for a batch without expected answers,
  /// bad_input for answers that do not fit.
  StepOutput run(const Batch& batch, std::int64_t step, const ExtraInputs& extra = {}) const;
  /// Where the first number that is not finite arises in such a step: a node's name, "the input NAME" or "the parameter
  /// NAME"; empty if all are finite.
  std::string first_nonfinite(const Batch& batch, std::int64_t step, const ExtraInputs& extra = {}) const;
  /// Parameters that the loss does not depend on.
  const std::vector<std::string>& unreached() const;
  /// Bytes that recomputation needs at most, and would without it; 0 where not known.
  std::int64_t peak_bytes() const;
  std::int64_t peak_bytes_kept() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Mean loss over the data of a network as it is (in the form for inference, or quantized), `batch` samples at a time.
double mean_loss(const Graph& network, const Loss& loss, const Samples& data, std::int64_t batch = 1024,
                 int threads = 0, const std::string& output = {});

/// The tensor of an initializer, sharing its data. Throws internal if there is none.
Tensor tensor_of(const Graph& graph, const std::string& name);

}  // namespace octet::train
