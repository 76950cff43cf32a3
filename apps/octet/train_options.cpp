#include "apps/octet/train_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <fstream>

#include "octet/base/atomic_file.h"
#include "octet/base/file_descriptor.h"
#include "octet/quant/qat/qconfig.h"
#include "octet/report/metrics.h"

namespace octet::app {
namespace {

CLI::Option* add_words(CLI::App& app, const std::string& name, std::string& value,
                       const std::vector<std::string>& words, const std::string& help) {
  return app.add_option(name, value, help)
      ->check(CLI::IsMember(words))
      ->type_name(fmt::format("{}", fmt::join(words, "|")));
}

void add_data_options(CLI::App& app, TrainOptions& o) {
  app.add_option("--data", o.data, "what to learn from: .npz, folder of .npz files, or folder of pictures")
      ->type_name("DATA");
  app.add_option("--eval", o.eval, "what to measure on after each epoch")->type_name("DATA");
  app.add_option("--samples", o.data_options.samples, "learn from at most this many samples")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  app.add_option("--eval-samples", o.eval_options.samples, "measure on at most this many samples")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  app.add_option("--labels", o.data_options.labels, "expected answers of --data: a CSV with columns file,label")
      ->type_name("CSV");
  app.add_option("--eval-labels", o.eval_options.labels, "the same of --eval")->type_name("CSV");
  app.add_option("--preprocess", o.data_options.preprocess,
                 "how pictures become inputs (default: preprocess.json beside the model)")
      ->type_name("JSON");
  app.add_flag("--flip", o.flip, "mirror pictures at random");
  app.add_option("--crop", o.crop, "move pictures by up to this many pixels at random, zeros coming in")
      ->check(CLI::Range(0, 1024))
      ->type_name("P");
  app.add_flag("--in-order", o.in_order, "do not shuffle");
  app.add_option("--memory", o.memory_mb, "megabytes of data that may be kept in memory (default: 2048)")
      ->check(CLI::NonNegativeNumber)
      ->type_name("MB");
}

void add_loss_options(CLI::App& app, TrainOptions& o) {
  std::vector<std::string> losses = train::loss_names();
  losses.erase(std::remove(losses.begin(), losses.end(), "kl"), losses.end());  // --distill is how to get it
  add_words(app, "--loss", o.loss, losses, "what to make small (default: cross_entropy)");
  app.add_option("--label-smoothing", o.label_smoothing, "for cross_entropy")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("S");
  app.add_option("--class-weights", o.class_weights, "for cross_entropy: a weight a class")
      ->delimiter(',')
      ->type_name("W,...");
  app.add_option("--huber-delta", o.huber_delta, "for huber: where squares become lines")
      ->check(CLI::PositiveNumber)
      ->type_name("D");
  app.add_option("--metric", o.metric,
                 fmt::format("{} (default: goes with the loss)", fmt::join(report::metric_names(), ", ")))
      ->type_name("NAME");
  app.add_option("--output-name", o.output_name, "the output that loss and metric look at (default: the first)")
      ->type_name("NAME");
  app.add_option("--distill", o.distill,
                 "learn from the float original too: its share of the loss (1: no labels are needed)")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("0..1");
  app.add_option("--teacher", o.teacher, "the network to distill from (default: MODEL itself)")->type_name("MODEL");
  app.add_option("--temperature", o.temperature, "of distillation (default: 4)")
      ->check(CLI::PositiveNumber)
      ->type_name("T");
}

void add_optimizer_options(CLI::App& app, TrainOptions& o) {
  add_words(app, "--optimizer", o.optimizer, {"sgd", "adam", "adamw"}, "how to step (default: adamw)");
  app.add_option("--lr", o.lr, "learning rate (default: 0.001)")->check(CLI::PositiveNumber)->type_name("RATE");
  app.add_option("--momentum", o.momentum, "of sgd (default: 0.9)")->type_name("M");
  app.add_flag("--nesterov", o.nesterov, "sgd looks ahead");
  app.add_option("--beta1", o.beta1, "of adam and adamw (default: 0.9)")->type_name("B");
  app.add_option("--beta2", o.beta2, "of adam and adamw (default: 0.999)")->type_name("B");
  app.add_option("--epsilon", o.epsilon, "of adam and adamw (default: 1e-8)")->type_name("E");
  app.add_option("--weight-decay", o.weight_decay, "how fast weights shrink (default: 0)")->type_name("D");
  app.add_option("--optimizer-bits", o.optimizer_bits, "bits of adam's and adamw's states")
      ->check(CLI::IsMember({8, 32}))
      ->type_name("8|32");
  add_words(app, "--schedule", o.schedule, train::schedule_names(), "how the rate changes (default: constant)");
  app.add_option("--schedule-every", o.schedule_form.every, "schedule step: steps between changes")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  app.add_option("--gamma", o.schedule_form.gamma, "schedule step: factor at each change (default: 0.1)")
      ->type_name("G");
  app.add_option("--final-rate", o.schedule_form.final, "schedule cosine: share of the rate that is left")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("0..1");
  app.add_option("--warm-up", o.schedule_form.warm_up, "steps during which the rate grows")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  app.add_option("--clip-norm", o.clip_norm, "shorten gradients to this norm")
      ->check(CLI::PositiveNumber)
      ->type_name("L");
  app.add_option("--clip-value", o.clip_value, "cut gradient elements to this size")
      ->check(CLI::PositiveNumber)
      ->type_name("L");
  app.add_option("--ema", o.ema, "give out a moving average of the weights with this decay")
      ->check(CLI::Range(0.0, 0.999999))
      ->type_name("D");
  app.add_option("--freeze", o.freeze, "leave parameters of these names as they are (* stands for any characters)")
      ->type_name("NAME");
  app.add_flag("--freeze-batch-norm", o.freeze_batch_norm, "batch norms keep their statistics");
}

void add_method_options(CLI::App& app, TrainOptions& o) {
  add_words(app, "--qat", o.qat, qconfig_names(), "train for quantization, and write the network in int8");
  app.add_option("--weight-bits", o.weight_bits, "qat: bits of weights (default: 8)")
      ->check(CLI::Range(2, 8))
      ->type_name("2..8");
  app.add_option("--activation-bits", o.activation_bits, "qat: bits of activations (default: 8)")
      ->check(CLI::Range(2, 8))
      ->type_name("2..8");
  app.add_flag("--learned-scale", o.learned_scale, "qat: scales are learned (LSQ); always so below 8 bits");
  app.add_flag("--power-of-two", o.power_of_two, "qat: scales are powers of two");
  app.add_option("--observe-until", o.observe_until,
                 "qat: share of the steps during which ranges follow the data (default: 1)")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("0..1");
  app.add_option("--freeze-batch-norm-from", o.freeze_batch_norm_from,
                 "share of the steps after which batch norms keep their statistics (default: 1)")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("0..1");
  app.add_option("--weights-in", o.weights_in, "keep weights in this type while training")
      ->check(CLI::IsMember({"int8"}))
      ->type_name("int8");
  app.add_option("--block", o.block, "weights-in: elements that share a scale; 0: a row (default: 64)")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  app.add_flag("--master", o.master, "weights-in: keep float32 weights beside");
  app.add_option("--lora", o.lora, "train adapters of this rank beside frozen weights")
      ->check(CLI::PositiveNumber)
      ->type_name("RANK");
  app.add_option("--lora-alpha", o.lora_alpha, "lora: alpha (default: 16)")->type_name("A");
  app.add_option("--lora-layers", o.lora_layers, "lora: nodes of these names (default: all layers)")->type_name("NAME");
  app.add_option("--lora-output", o.lora_output, "lora: write the adapters into this file too")->type_name("NPZ");
}

void add_loop_options(CLI::App& app, TrainOptions& o) {
  app.add_option("--epochs", o.epochs, "times through the data (default: 3)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  app.add_option("--batch", o.batch, "samples a batch (default: 32)")->check(CLI::PositiveNumber)->type_name("N");
  app.add_option("--accumulate", o.accumulate, "batches a step")->check(CLI::PositiveNumber)->type_name("N");
  app.add_option("--seed", o.seed, "of everything random")->check(CLI::NonNegativeNumber)->type_name("N");
  app.add_option("--threads", o.threads, "threads (default: all that this process may use)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  app.add_option("--shape", o.shapes, "shape of an input, or number for a symbolic dimension (T=64)")
      ->type_name("INPUT=1x3x224x224");
  app.add_flag("--recompute", o.recompute, "keep fewer activations and compute them again: less memory, more time");
  app.add_option("--checkpoint", o.checkpoint, "write checkpoints into this folder")->type_name("DIR");
  app.add_option("--checkpoint-every", o.checkpoint_every, "steps between checkpoints (default: an epoch)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  app.add_flag("--resume", o.resume, "go on from the newest checkpoint");
  app.add_option("--log", o.log, "write a line of JSON an epoch into this file")->type_name("FILE");
  app.add_flag("--log-steps", o.log_steps, "a line a step too");
  app.add_option("--report", o.html, "write a page with the curves")->type_name("HTML");
  app.add_option("--config", o.config, "take options from this TOML file; those given here go first")
      ->type_name("TOML");
  app.add_option("--save-config", o.save_config, "write all options as TOML")->type_name("TOML");
  app.add_flag("--force", o.force, "replace the output if it exists");
}

}  // namespace

void add_train_options(CLI::App& app, TrainOptions& o) {
  app.add_option("MODEL", o.model.path, "the float network (ONNX)")->type_name("");
  app.add_option("-o,--output", o.output, "the trained network to write")->type_name("FILE");
  add_data_options(app, o);
  add_loss_options(app, o);
  add_optimizer_options(app, o);
  add_method_options(app, o);
  add_loop_options(app, o);
  add_json(app, o.out);
}

namespace {

CLI::Option* option_of_key(CLI::App& app, const std::string& key) {
  if (key == "model") return app.get_option_no_throw("MODEL");
  return app.get_option_no_throw("--" + key);
}

// Everything as it is now, whoever said it; what only concerns this one call stays out.
std::string config_text(const CLI::App& app) {
  std::string out;
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->get_positional()       ? "model"
                             : option->get_lnames().empty() ? ""
                                                            : option->get_lnames().front();
    const bool passing = name.empty() || name == "help" || name == "config" || name == "save-config" ||
                         name == "resume" || name == "force" || name == "json" || option->count() == 0;
    if (passing) continue;
    std::vector<std::string> values;
    for (const std::string& text : option->results()) {
      std::string quoted = "\"";
      for (const char c : text) quoted += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
      values.push_back(quoted + "\"");
    }
    const bool flag = option->get_items_expected_max() == 0;
    if (flag) values = {"true"};
    out += values.size() == 1 ? fmt::format("{} = {}\n", name, values[0])
                              : fmt::format("{} = [{}]\n", name, fmt::join(values, ", "));
  }
  return out;
}

}  // namespace

void read_config(CLI::App& app, TrainOptions& options) {
  if (!options.config.empty()) {
    const FileDescriptor readable = open_regular_file(options.config);
    std::ifstream file(options.config);
    std::vector<CLI::ConfigItem> items;
    try {
      items = CLI::ConfigTOML().from_config(file);
      for (const CLI::ConfigItem& item : items) {
        if (item.name == "++" || item.name == "--") continue;  // CLI11's marks of a section's begin and end
        CLI::Option* option = option_of_key(app, item.name);
        if (option == nullptr || !item.parents.empty()) {
          throw Error(ErrorKind::usage, "the settings name an option that there is none of")
              .file(options.config)
              .value(item.fullname());
        }
        if (option->count() > 0) continue;  // given as words
        if (option->get_items_expected_max() == 0) {
          if (item.inputs.size() == 1 && item.inputs[0] == "false") continue;
          option->add_result("true");
        } else {
          option->add_result(item.inputs);
        }
        option->run_callback();
      }
    } catch (const CLI::Error& error) {
      throw Error(ErrorKind::usage, error.what()).file(options.config);
    }
  }
  if (!options.save_config.empty()) write_file_atomically(options.save_config, config_text(app), options.force);
}

void require_train_options(const TrainOptions& o) {
  const auto require = [](const std::string& value, const char* what) {
    if (value.empty())
      throw Error(ErrorKind::usage, std::string(what) + " is needed").hint("octet train --help shows what there is");
  };
  require(o.model.path, "MODEL");
  require(o.data, "--data DATA");
  require(o.output, "-o OUTPUT");
  if (o.resume && o.checkpoint.empty()) throw Error(ErrorKind::usage, "--resume needs --checkpoint DIR");
  if (o.checkpoint_every > 0 && o.checkpoint.empty())
    throw Error(ErrorKind::usage, "--checkpoint-every needs --checkpoint DIR");
  if (o.log_steps && o.log.empty()) throw Error(ErrorKind::usage, "--log-steps needs --log FILE");
  if (!o.qat.empty() && (!o.weights_in.empty() || o.lora > 0))
    throw Error(ErrorKind::usage, "--qat does not go together with --weights-in or --lora");
  const bool form = o.weight_bits != 8 || o.activation_bits != 8 || o.learned_scale || o.power_of_two;
  if ((form || o.observe_until < 1) && o.qat.empty()) {
    throw Error(ErrorKind::usage,
                "--weight-bits, --activation-bits, --learned-scale, --power-of-two and --observe-until need --qat");
  }
  if (o.master && o.weights_in.empty()) throw Error(ErrorKind::usage, "--master needs --weights-in int8");
  if ((!o.lora_layers.empty() || !o.lora_output.empty()) && o.lora == 0)
    throw Error(ErrorKind::usage, "--lora-layers and --lora-output need --lora");
  if (!o.teacher.empty() && o.distill == 0) throw Error(ErrorKind::usage, "--teacher needs --distill");
}

std::int64_t step_at(const TrainOptions& o, double share, std::int64_t samples) {
  const std::int64_t a_step = o.batch * o.accumulate, steps = (samples + a_step - 1) / a_step * o.epochs;
  return std::llround(share * static_cast<double>(steps));
}

train::Loss loss_of(const TrainOptions& o) {
  train::Loss loss = train::make_loss(o.loss);
  if (auto* entropy = std::get_if<train::CrossEntropy>(&loss)) {
    entropy->label_smoothing = o.label_smoothing;
    entropy->class_weights = o.class_weights;
  } else if (o.label_smoothing != 0 || !o.class_weights.empty()) {
    throw Error(ErrorKind::usage, "--label-smoothing and --class-weights go with --loss cross_entropy").value(o.loss);
  }
  if (auto* huber = std::get_if<train::Huber>(&loss)) huber->delta = o.huber_delta;
  return loss;
}

train::OptimizerOptions optimizer_of(const TrainOptions& o) {
  if (o.optimizer == "sgd") {
    if (o.optimizer_bits != 32) throw Error(ErrorKind::usage, "--optimizer-bits goes with adam and adamw");
    return train::Sgd{o.lr, o.momentum, 0, o.weight_decay, o.nesterov};
  }
  if (o.optimizer == "adam")
    return train::Adam{o.lr, o.beta1, o.beta2, o.epsilon, o.weight_decay, false, o.optimizer_bits};
  return train::AdamW{o.lr, o.beta1, o.beta2, o.epsilon, o.weight_decay, false, o.optimizer_bits};
}

std::string metric_of(const TrainOptions& o) {
  if (!o.metric.empty()) return o.metric;
  return o.loss == "cross_entropy" ? "top1" : o.loss == "bce" ? "accuracy" : "mse";
}

train::TrainerOptions trainer_options_of(const TrainOptions& o) {
  train::TrainerOptions out;
  out.loss = loss_of(o);
  out.output = o.output_name;
  out.epochs = o.epochs;
  out.batch = o.batch;
  out.accumulate = o.accumulate;
  out.shuffle = !o.in_order;
  out.schedule = o.schedule_form;
  out.schedule.kind = train::make_schedule_kind(o.schedule);
  out.clip_norm = o.clip_norm;
  out.clip_value = o.clip_value;
  out.ema = o.ema;
  out.seed = o.seed;
  out.threads = o.threads;
  out.augment.flip = o.flip;
  out.augment.crop_padding = o.crop;
  out.recompute = o.recompute;
  out.checkpoints = o.checkpoint;
  out.checkpoint_every = o.checkpoint_every;
  out.resume = o.resume;
  return out;
}

}  // namespace octet::app
