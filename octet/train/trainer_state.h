// What a Trainer remembers; split from trainer.cpp so that saving and resuming can be read by themselves.
#pragma once

#include "octet/train/trainer.h"

namespace octet::train {

struct Trainer::State {
  Trainable model;
  Trainable running;  ///< what is trained now: the model, or the model with frozen batch norms; all is shared
  bool frozen = false;
  std::unique_ptr<Optimizer> optimizer;
  double rate = 0;
  TrainerOptions options;
  std::unique_ptr<TrainingStep> training;
  std::unique_ptr<EightBitTraining> eight_bit;  ///< in place of optimizer and training
  std::unique_ptr<ThreadPool> threads;
  std::vector<Tensor> averages;  ///< one a parameter, where there is an average
  std::string model_hash, config_hash;

  // Where training is.
  std::int64_t step = 0, epoch = 0, position = 0;  ///< steps done, the running epoch, its samples used
  double loss_sum = 0;                             ///< over the running epoch's samples
  std::int64_t loss_samples = 0;
  std::vector<EpochReport> history;
  std::optional<std::filesystem::path> last_checkpoint;
  std::vector<std::string> warnings;
  std::int64_t skipped = 0;

  void check_options() const;
  void check_reached() const;
  void check_shared() const;
  void check_stored() const;
  void find_hashes(const OptimizerOptions* optimizer_options);

  void make_training();

  // trainer_checkpoint.cpp
  void save();
  void resume();
  std::vector<std::pair<std::string, Tensor>> tensors();

  // trainer.cpp
  std::int64_t steps_per_epoch(const Samples& data) const;
  std::int64_t samples_per_step() const { return options.batch * options.accumulate; }
  bool run_epoch(const Samples& data);
  StepReport run_step(const Samples& data, std::span<const std::int64_t> indices);
  void step_in_float(const std::vector<Batch>& batches, const ExtraInputs& extra, StepReport& report);
  void step_in_eight_bits(const std::vector<Batch>& batches, StepReport& report);
  void apply(std::vector<Tensor>& gradients, const std::vector<Tensor>& states, StepReport& report);
  void require_finite(double value, const std::vector<Batch>& batches, const ExtraInputs& extra) const;
  void finish_epoch();
  Trainable unfinished() const;
  Graph trained() const;
};

}  // namespace octet::train
