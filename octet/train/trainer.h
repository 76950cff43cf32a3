// Trainer: runs training steps over data, epoch by epoch, and can be stopped and resumed anywhere.
//
//   train::Trainer trainer(model, train::Adam{.lr = 1e-3}, {.epochs = 3, .batch = 128, .seed = 42});
//   train::TrainResult result = trainer.fit(samples);
//   Graph trained = trainer.trained();
//
// The parameters are the model's own tensors: they change in place. The same seed gives the same bits with any number
// of threads. Everything random is a function of seed, epoch, sample and step, so that a position in the data is all
// that has to be remembered of it.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "octet/train/augment.h"
#include "octet/train/checkpoint.h"
#include "octet/train/eight_bit.h"
#include "octet/train/optimizer.h"
#include "octet/train/schedule.h"
#include "octet/train/step.h"

namespace octet::train {

/// A batch's mean loss and what became of the step.
struct StepReport {
  std::int64_t step = 0, steps = 0;  ///< this one, counted from 1, and how many there will be
  std::int64_t epoch = 0, epochs = 0;
  std::int64_t samples = 0;
  double loss = 0, rate = 0, gradient_norm = 0, seconds = 0;
  bool skipped = false;  ///< with weights in eight bits: a gradient was not finite at this loss scale
};

struct EpochReport {
  std::int64_t epoch = 0;  ///< from 1
  std::int64_t steps = 0, samples = 0;
  double train_loss = 0;       ///< mean over the epoch's samples
  std::optional<double> eval;  ///< what TrainerOptions::evaluate gave
  double rate = 0;             ///< of its last step
};

/// Weights that live in eight bits while they are trained (eight_bit.h).
struct StoredWeights {
  std::int64_t block = 64;               ///< elements that share a scale; 0: a row
  bool master = false;                   ///< keep float32 weights beside
  std::vector<std::string> frozen = {};  ///< weights that are stored and not trained: the base of adapters
};

struct TrainerOptions {
  Loss loss = CrossEntropy{};
  std::string output = {};  ///< the output that the loss looks at; empty: the first
  std::optional<Teacher> teacher = {};
  std::int64_t epochs = 1, batch = 32;
  /// Batches whose gradients are averaged into one step (each counts by its samples).
  std::int64_t accumulate = 1;
  bool shuffle = true;
  Schedule schedule = {};
  double clip_norm = 0, clip_value = 0;  ///< 0: gradients are not clipped
  /// Decay of an exponential moving average of the parameters, a += (1 - ema)(p - a) after each step, that is evaluated
  /// and given out in their place; 0: none.  Source: Polyak and Juditsky 1992.
  double ema = 0;
  std::uint64_t seed = 0;
  int threads = 0;
  Augment augment = {};
  bool recompute = false;
  /// From this step on batch norms use, and keep, their running statistics (freeze_batch_norms); -1: never.
  std::int64_t freeze_batch_norm_from = -1;
  /// Not together with a teacher, accumulation, clipping, an average or recomputation.
  std::optional<StoredWeights> stored = {};

  std::filesystem::path checkpoints = {};  ///< a folder; empty: none are written
  std::int64_t checkpoint_every = 0;       ///< steps; 0: at the end of each epoch
  bool resume = false;                     ///< go on from the newest checkpoint, if there is one
  /// What else steers the training (how the model was prepared); goes into the checkpoints' hash.
  std::string configuration = {};

  /// How the trained network is given out; by default inference_form.
  std::function<Graph(const Trainable&)> finish = {};
  /// A number for the network as it is after each epoch.
  std::function<double(const Graph&)> evaluate = {};
  /// Further inputs of the step's graph, by step (of how many).
  std::function<ExtraInputs(std::int64_t step, std::int64_t steps)> extra_inputs = {};
  /// After every step; false stops training behind a checkpoint.
  std::function<bool(const StepReport&)> on_step = {};
  std::function<void(const EpochReport&)> on_epoch = {};
  /// Once, when a checkpoint was loaded: the steps done and the epochs before.
  std::function<void(std::int64_t step, const std::vector<EpochReport>&)> on_resume = {};
};

struct TrainResult {
  std::vector<EpochReport> epochs;
  std::int64_t steps = 0;
  bool stopped = false;                             ///< on_step said so
  std::optional<std::filesystem::path> checkpoint;  ///< the last one written
  std::vector<std::string> warnings;
  std::int64_t optimizer_bytes = 0, parameter_count = 0;
  std::int64_t skipped_steps = 0;          ///< by the loss scale
  std::optional<EightBitBytes> eight_bit;  ///< with weights in eight bits: what they take
};

class Trainer {
 public:
  /// Throws usage: an option out of range; a parameter that the loss does not depend on (it would never be trained);
  /// unsupported: an operator that has no gradient.
  Trainer(Trainable model, const OptimizerOptions& optimizer, TrainerOptions options = {});
  /// With an optimizer made elsewhere. Throws usage when it holds tensors that are not this model's parameters: they
  /// would be trained and the model would not.
  Trainer(Trainable model, std::unique_ptr<Optimizer> optimizer, double rate, TrainerOptions options = {});
  ~Trainer();
  Trainer(Trainer&&) noexcept;

  /// Throws gate when the loss or a gradient is not finite, naming the node where that arose and the last checkpoint;
  /// bad_input for a checkpoint of another model or configuration (both hashes are shown).
  TrainResult fit(const Samples& data);
  /// The network as TrainerOptions::finish makes it, with averaged parameters where there is an average.
  Graph trained() const;
  /// The same before it is finished: in training form, with averaged parameters where there is an average.
  Trainable unfinished() const;
  const Trainable& model() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace octet::train
