// octet train: a float network in, the same network fine-tuned out.
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <nlohmann/json.hpp>

#include "apps/octet/command.h"
#include "apps/octet/feeding.h"
#include "apps/octet/terminal.h"
#include "apps/octet/train_log.h"
#include "apps/octet/train_method.h"
#include "apps/octet/train_options.h"
#include "octet/base/atomic_file.h"
#include "octet/formats/images/preprocess.h"
#include "octet/formats/npz/npz.h"
#include "octet/formats/onnx/onnx.h"
#include "octet/quant/qat/qat.h"
#include "octet/report/inspect.h"
#include "octet/report/json_forms.h"
#include "octet/report/metrics.h"
#include "octet/report/text.h"
#include "octet/report/train_report.h"
#include "octet/train/free_batch.h"
#include "octet/train/lora.h"

namespace octet::app {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::int64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

train::Samples load_samples(const std::string& path, const formats::DatasetOptions& options, const TrainOptions& o,
                            const Graph& graph, const char* what, Progress& progress) {
  formats::DatasetOptions from = options;
  if (from.preprocess.empty()) from.preprocess = o.data_options.preprocess;
  if (from.samples > 0 && from.seed == 0) from.seed = o.seed + 1;  // a part of the data is taken from all over it
  train::SamplesOptions how;
  how.memory = o.memory_mb << 20;
  how.progress = [&](std::int64_t done, std::int64_t total) { progress.update(what, done, total); };
  return train::Samples(formats::open_dataset(path, graph, o.model.path, from), how);
}

// The metric over the data, of a network in the form that it is given out in.
double measure(const Graph& graph, const train::Samples& data, const TrainOptions& o) {
  const auto metric = report::make_metric(metric_of(o));
  const Session session(clone(graph), {.threads = o.threads});
  const auto& names = session.output_names();
  const auto at = o.output_name.empty() ? names.begin() : std::find(names.begin(), names.end(), o.output_name);
  std::vector<std::int64_t> indices;
  for (std::int64_t begin = 0; begin < data.size(); begin += o.batch) {
    indices.clear();
    for (std::int64_t i = begin; i < std::min(begin + o.batch, data.size()); ++i) indices.push_back(i);
    for (const train::Batch& batch : data.gather(indices))
      metric->add(session.run(batch.inputs).at(static_cast<std::size_t>(at - names.begin())), batch.target);
  }
  return metric->value();
}

// The network as it will be trained: for any number of samples at once, on tensors of its own (a file's may be mapped).
struct Prepared {
  Graph original;
  Trainable model;
  std::vector<std::string> notes;
  bool freed = false;
};

Prepared prepare(const TrainOptions& o) {
  Prepared out;
  Graph graph = load_model(o.model.path);
  if (report::is_quantized(graph)) {
    throw Error(ErrorKind::usage, "the network is quantized already").file(o.model.path).hint("give the float network");
  }
  if (o.batch > 1) {
    const std::string why = train::free_batch(graph);
    if (!why.empty())
      out.notes.push_back("the network takes one sample at a time: each step runs " + std::to_string(o.batch) +
                          " times; " + why);
    out.freed = why.empty();
  }
  out.original = clone(graph);
  TrainableOptions options;
  options.freeze = o.freeze;
  options.batch_norm = !o.freeze_batch_norm;
  options.seed = o.seed;
  const Shapes shapes = parse_shapes({o.threads, o.batch, o.shapes}, graph);
  options.dims = shapes.dims;
  options.shapes = shapes.inputs;
  out.model = make_trainable(graph, options);
  out.notes.insert(out.notes.end(), out.model.notes.begin(), out.model.notes.end());
  std::vector<std::string> own = out.model.parameters;
  for (const Trainable::State& state : out.model.states) own.push_back(state.name);
  for (const std::string& name : own) {
    const ValueId id = out.model.graph.find(name);
    out.model.graph.set_initializer(id, out.model.graph.initializer(id)->clone());
  }
  return out;
}

std::string epoch_text(const train::StepReport& step) {
  return fmt::format("epoch {}/{} loss {:.4f} rate {:.3g}", step.epoch, step.epochs, step.loss, step.rate);
}

void keep_preprocess(const TrainOptions& o, Graph& model, std::vector<std::string>& warnings) {
  const std::string json = formats::find_preprocess(model, o.model.path, o.data_options.preprocess, &warnings);
  if (json.empty()) return;
  formats::parse_preprocess(json, o.data_options.preprocess);
  model.info.set_metadata(formats::kPreprocessMetadata, json);
}

bool channels_last(const TrainOptions& o, const Graph& graph) {
  const std::string json = formats::find_preprocess(graph, o.model.path, o.data_options.preprocess);
  return !json.empty() && formats::parse_preprocess(json, o.data_options.preprocess).nhwc;
}

std::vector<std::pair<std::string, std::string>> settings_of(const TrainOptions& o) {
  return {{"data", o.data},
          {"loss", o.loss},
          {"optimizer", o.optimizer},
          {"learning rate", fmt::format("{:g}", o.lr)},
          {"schedule", o.schedule},
          {"batch", std::to_string(o.batch * o.accumulate)},
          {"seed", std::to_string(o.seed)}};
}

int run(CLI::App& app, TrainOptions& o) {
  read_config(app, o);
  require_train_options(o);
  check_output(o.output, o.model.path, o.force || o.resume);
  const double began = now();
  Progress progress;
  Prepared prepared = prepare(o);
  const train::Samples data = load_samples(o.data, o.data_options, o, prepared.original, "reading data", progress);
  std::optional<train::Samples> eval;
  if (!o.eval.empty())
    eval.emplace(load_samples(o.eval, o.eval_options, o, prepared.original, "reading data to measure on", progress));

  train::TrainerOptions options = trainer_options_of(o);
  if (o.freeze_batch_norm_from < 1) options.freeze_batch_norm_from = step_at(o, o.freeze_batch_norm_from, data.size());
  options.augment.channels_last = options.augment.any() && channels_last(o, prepared.original);
  if (o.distill > 0) {
    Graph teacher = o.teacher.empty() ? clone(prepared.original) : load_model(o.teacher);
    if (!o.teacher.empty() && prepared.freed) train::free_batch(teacher);
    options.teacher = train::Teacher{std::move(teacher), o.temperature, o.distill};
  }
  report::TrainReport report{o.model.path, o.output, metric_of(o), method_name(o), {}, settings_of(o), {}, 0, 0};
  TrainLog log(o.log, report.metric, o.log_steps, o.resume);
  if (eval) options.evaluate = [&](const Graph& graph) { return measure(graph, *eval, o); };
  options.on_resume = [&](std::int64_t step, const std::vector<train::EpochReport>& epochs) {
    log.resumed(step, epochs);
  };
  options.on_epoch = [&](const train::EpochReport& epoch) { log.epoch(epoch); };
  options.on_step = [&](const train::StepReport& step) {
    log.step(step);
    report.steps.push_back(step);
    progress.update("training", step.step, step.steps, epoch_text(step));
    return signal_that_came() == 0;
  };
  const Trainable model = apply_method(o, prepared.model, data, options, prepared.notes);
  train::Trainer trainer(model, optimizer_of(o), std::move(options));
  wait_for_work();
  report.result = trainer.fit(data);
  progress.clear();

  std::vector<std::string>& warnings = report.result.warnings;
  warnings.insert(warnings.begin(), prepared.notes.begin(), prepared.notes.end());
  for (const std::string& warning : data.warnings()) warnings.push_back(warning);
  if (report.result.stopped) {
    if (report.result.checkpoint)
      talk("stopped; --resume goes on from " + report::safe(report.result.checkpoint->string()));
    warn(warnings);
    throw Interrupted{signal_that_came()};
  }
  if (!o.lora_output.empty()) formats::save_npz(o.lora_output, train::lora_tensors(trainer.unfinished().graph));
  if (!o.qat.empty()) {
    for (const std::string& warning : convert(trainer.unfinished()).warnings) warnings.push_back(warning);
  }
  Graph trained = trainer.trained();
  if (prepared.freed) train::fix_batch(trained);
  keep_preprocess(o, trained, warnings);
  formats::save_onnx(trained, o.output, {.overwrite = o.force || o.resume});
  report.seconds = now() - began;
  report.peak_memory_bytes = peak_memory();
  if (!o.html.empty()) write_file_atomically(o.html, report::to_html(report));
  warn(warnings);
  print(o.out.json ? report::dump(report::to_json(report)) + "\n" : report::to_text(report, output_width()));
  const std::string output = shell_word(o.output), measured = shell_word(o.eval.empty() ? o.data : o.eval);
  suggest("octet eval " + output + " --data " + measured + " --against " + shell_word(o.model.path));
  return 0;
}

}  // namespace

std::function<int()> add_train(CLI::App& app) {
  auto options = std::make_shared<TrainOptions>();
  add_train_options(app, *options);
  return [options, &app] { return run(app, *options); };
}

}  // namespace octet::app
