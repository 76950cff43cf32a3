// The options of `octet train`, from words and from a TOML file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/octet/options.h"
#include "octet/train/trainer.h"

namespace CLI {
class App;
}

namespace octet::app {

struct TrainOptions {
  ModelOptions model;
  OutputOptions out;
  formats::DatasetOptions data_options, eval_options;
  std::string data, eval, output, config, save_config, log, html;
  std::string loss = "cross_entropy", metric, output_name;
  std::vector<float> class_weights;
  double label_smoothing = 0, huber_delta = 1;
  std::string optimizer = "adamw";
  double lr = 1e-3, momentum = 0.9, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0;
  bool nesterov = false;
  int optimizer_bits = 32;
  std::int64_t epochs = 3, batch = 32, accumulate = 1, memory_mb = 2048;
  std::uint64_t seed = 0;
  int threads = 0;
  bool in_order = false;
  std::string schedule = "constant";
  train::Schedule schedule_form;
  double clip_norm = 0, clip_value = 0, ema = 0;
  bool flip = false;
  std::int64_t crop = 0;
  std::vector<std::string> freeze, shapes;
  bool freeze_batch_norm = false, recompute = false;
  double distill = 0, temperature = 4;
  std::string teacher;
  std::string qat, weights_in, lora_output;
  int weight_bits = 8, activation_bits = 8;
  bool learned_scale = false, power_of_two = false, master = false;
  double observe_until = 1, freeze_batch_norm_from = 1;
  std::int64_t block = 64, lora = 0;
  double lora_alpha = 16;
  std::vector<std::string> lora_layers;
  std::string checkpoint;
  std::int64_t checkpoint_every = 0;
  bool resume = false, log_steps = false, force = false;
};

void add_train_options(CLI::App& app, TrainOptions& options);
/// Options that --config gives and the words do not; writes --save-config. Throws io, or usage naming the key.
void read_config(CLI::App& app, TrainOptions& options);
/// Throws usage when what must be said is not.
void require_train_options(const TrainOptions& options);

/// The step at that share of the training on that many samples.
std::int64_t step_at(const TrainOptions& options, double share, std::int64_t samples);

train::Loss loss_of(const TrainOptions& options);
train::OptimizerOptions optimizer_of(const TrainOptions& options);
/// The metric that --metric names, or the one that goes with the loss.
std::string metric_of(const TrainOptions& options);
/// Everything of it that the trainer itself takes.
train::TrainerOptions trainer_options_of(const TrainOptions& options);

}  // namespace octet::app
