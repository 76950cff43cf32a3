// Training with weights stored in eight bits: a step decompresses a layer's weights to float16 right before each use,
// forward and backward, and the update requantizes them.
//
//   EightBitTraining training(model, AdamW{.lr = 1e-3, .bits = 8}, {.loss = CrossEntropy{}});
//   for (...) training.step(batch);
//   Graph trained = training.trained();
//
// Activations that layers read and write, and all gradients, are stored in float16; arithmetic is float32; the loss is
// scaled (loss_scale.h). Without masters the update rounds stochastically (eight_bit_weights.h); with masters the
// float32 weights are kept beside, and what a step computes with is their nearest eight-bit form.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "octet/autograd/trainable.h"
#include "octet/runtime/session.h"
#include "octet/train/half_storage.h"
#include "octet/train/loss_scale.h"
#include "octet/train/losses.h"
#include "octet/train/optimizer.h"
#include "octet/train/samples.h"

namespace octet::train {

struct EightBitOptions {
  Loss loss = CrossEntropy{};
  std::string output = {};   ///< the output that the loss looks at; empty: the first
  std::int64_t block = 128;  ///< elements that share a scale: 64, 128, ...; 0: a row (first dimension)
  bool master = false;       ///< keep float32 weights, and requantize from them
  std::uint64_t seed = 0;    ///< of stochastic rounding
  int threads = 0;
};

struct EightBitStep {
  double loss = 0;
  bool skipped = false;   ///< a gradient was not finite
  double loss_scale = 0;  ///< after the step
};

/// Memory that training holds from step to step.
struct EightBitBytes {
  std::int64_t parameters = 0;         ///< how many there are in all
  std::int64_t stored_parameters = 0;  ///< of them in eight bits
  std::int64_t weights = 0;            ///< bytes of all parameters: int8 values, scales, masters, float32 of the rest
  std::int64_t optimizer = 0;          ///< bytes of its states
  double per_parameter() const {
    return static_cast<double>(weights + optimizer) / static_cast<double>(std::max<std::int64_t>(1, parameters));
  }
};

class EightBitTraining {
 public:
  /// Layers' weights among the model's parameters are stored; other parameters stay float32, and so do frozen weights
  /// unless `frozen` names them: those are stored and not trained (the base of adapters).
  /// Throws usage when no weight would be stored (saying why), or a parameter does not reach the loss.
  EightBitTraining(const Trainable& model, const OptimizerOptions& optimizer, EightBitOptions options = {},
                   const std::vector<std::string>& frozen = {});
  ~EightBitTraining();
  EightBitTraining(EightBitTraining&&) noexcept;

  /// One step with the optimizer's rate, or `rate` where it is not negative.
  EightBitStep step(const Batch& batch, double rate = -1);
  /// The network for inference: stored weights as float32 (masters where there are), other parameters and statistics as
  /// they are now.
  Graph trained() const;

  EightBitBytes bytes() const;
  /// Decompressed weights alive at once in the order of steps that runs, of the last step's shapes.
  DecompressedBytes decompressed() const;
  const LossScale& loss_scale() const;
  /// Everything that continues the training, by name, sharing memory: a checkpoint writes it, and restores by copying
  /// into it and calling restored().
  std::vector<std::pair<std::string, Tensor>> state();
  void restored();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace octet::train
