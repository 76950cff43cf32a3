// octet quantize: a float network in, a standard quantized one out, with a record of every node.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/octet/command.h"
#include "apps/octet/feeding.h"
#include "apps/octet/probe.h"
#include "apps/octet/terminal.h"
#include "octet/formats/images/preprocess.h"
#include "octet/formats/onnx/onnx.h"
#include "octet/quant/dequantize.h"
#include "octet/quant/target.h"
#include "octet/report/inspect.h"
#include "octet/report/json_forms.h"
#include "octet/report/quantize_report.h"
#include "octet/report/text.h"

namespace octet::app {
namespace {

struct Options {
  ModelOptions model;
  DataOptions data;
  RunOptions run;
  OutputOptions out;
  std::string output, weights, per = "row", statistics, save_statistics;
  bool dynamic = false, per_tensor = false, symmetric = false, reduce_range = false, keep_all_int8 = false;
  bool dry_run = false, force = false, requantize = false, skip_nonfinite = false;
  Observer observer = Observer::mse;
  Numerics numerics = Numerics::onnx;
  std::optional<Rounding> rounding;
  Target target = Target::any;
  DType activation = DType::u8;
  double percentile = 99.999, min_coverage = 0;
  std::int64_t group = 128;
  Exclusions exclude;
};

// An option whose value is one of some words.
template <class T>
void add_choice(CLI::App& app, const std::string& name, auto& value, const std::map<std::string, T>& choices,
                const std::string& help) {
  std::vector<std::string> words;
  for (const auto& choice : choices) words.push_back(choice.first);
  app.add_option_function<std::string>(
         name, [&value, choices](const std::string& word) { value = choices.at(word); }, help)
      ->check(CLI::IsMember(words))
      ->type_name(fmt::format("{}", fmt::join(words, "|")));
}

void add_method_options(CLI::App& app, Options& o) {
  add_data(app, o.data, "--calibrate", "static: calibrate on this data (.npz, folder of .npz files or of pictures)",
           false);
  app.add_flag("--dynamic", o.dynamic, "dynamic: quantize activations as they come");
  app.add_option("--weights", o.weights, "weight-only: int8 or int4 weights, the rest float")
      ->check(CLI::IsMember({"int8", "int4"}))
      ->type_name("int8|int4");
  app.add_option("--group", o.group, "int4: weights along an input that share a scale (below 128 a multiple of 8)")
      ->check(CLI::PositiveNumber)
      ->type_name("N")
      ->capture_default_str();
  add_choice<Observer>(app, "--observer", o.observer,
                       {{"mse", Observer::mse},
                        {"min_max", Observer::min_max},
                        {"moving_average", Observer::moving_average},
                        {"percentile", Observer::percentile},
                        {"histogram", Observer::histogram},
                        {"histogram_torch1", Observer::histogram_torch1},
                        {"entropy", Observer::entropy}},
                       "how static calibration finds ranges (default: mse)");
  app.add_option("--percentile", o.percentile, "for --observer percentile")
      ->check(CLI::Range(50.0, 100.0))
      ->type_name("P")
      ->capture_default_str();
  add_choice<Numerics>(app, "--numerics", o.numerics, {{"onnx", Numerics::onnx}, {"torch", Numerics::torch}},
                       "whose parameters and rounding to reproduce (default: onnx)");
  add_choice<Rounding>(app, "--rounding", o.rounding,
                       {{"compensated", Rounding::compensated}, {"nearest", Rounding::nearest}},
                       "static weights: errors made to cancel on the calibration data (default), or each to nearest");
  app.add_flag("--per-tensor", o.per_tensor, "one scale for all of a weight (default: one a channel)");
  app.add_flag("--symmetric", o.symmetric, "activation ranges symmetric around zero");
  app.add_flag("--reduce-range", o.reduce_range, "use 7 bits of the activations");
  add_choice<DType>(app, "--activation", o.activation, {{"u8", DType::u8}, {"s8", DType::i8}},
                    "type of static activations (default: u8)");
  app.add_option(
         "--per", o.per,
         "dynamic: a scale for each row, or for the whole tensor as torch and ONNX Runtime have it (default: row)")
      ->check(CLI::IsMember({"row", "tensor"}))
      ->type_name("row|tensor");
  add_choice<Target>(app, "--target", o.target,
                     {{"ort", Target::ort}, {"openvino", Target::openvino}, {"tensorrt", Target::tensorrt}},
                     "keep to what this runtime takes");
}

void add_choice_options(CLI::App& app, Options& o) {
  app.add_option("--exclude", o.exclude.nodes, "leave these nodes float (* and ? match as in a shell)")
      ->type_name("NAME");
  app.add_option("--exclude-op", o.exclude.operators, "leave these operators float")->type_name("OP");
  app.add_flag("--exclude-first", o.exclude.first, "leave the first weighted layer float");
  app.add_flag("--exclude-last", o.exclude.last, "leave the last weighted layer float");
  app.add_flag("--keep-all-int8,--keep-all", o.keep_all_int8,
               "quantize layers even where calibration finds that it costs accuracy");
  app.add_option("--min-coverage", o.min_coverage, "fail (exit 1) below this share of multiply-accumulates in int8")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("0..1");
  app.add_option("--statistics", o.statistics, "take calibration from this file instead of running it")
      ->type_name("FILE");
  app.add_option("--save-statistics", o.save_statistics, "keep what calibration saw in this file")->type_name("FILE");
  app.add_flag("--skip-nonfinite", o.skip_nonfinite, "warn of NaN and infinite calibration values instead of failing");
  app.add_flag("--requantize", o.requantize, "take a quantized network back to float first");
  app.add_flag("--dry-run", o.dry_run, "only say what would become of every node, with the size and time to expect");
  app.add_flag("--force", o.force, "replace the output if it exists");
}

enum class Method { fixed, dynamic, weight_only };

Method method_of(const Options& o) {
  if (o.dynamic && !o.weights.empty())
    throw Error(ErrorKind::usage, "--dynamic and --weights are two methods: give one");
  const bool calibrated = !o.data.path.empty() || !o.statistics.empty();
  if ((o.dynamic || !o.weights.empty()) && calibrated) {
    throw Error(ErrorKind::usage,
                std::string(o.dynamic ? "--dynamic" : "--weights") + " needs no calibration: leave --calibrate out");
  }
  if (o.dynamic) return Method::dynamic;
  if (!o.weights.empty()) return Method::weight_only;
  if (calibrated || o.dry_run) return Method::fixed;
  throw Error(ErrorKind::usage, "the method is not said")
      .expected("--calibrate DATA, --dynamic or --weights int8|int4");
}

// An option that the method does not know would change nothing, and nobody would notice.
void refuse_foreign_options(const CLI::App& app, const Options& o) {
  static const std::map<std::string, std::vector<Method>> kServes = {
      {"--observer", {Method::fixed}},
      {"--percentile", {Method::fixed}},
      {"--symmetric", {Method::fixed}},
      {"--reduce-range", {Method::fixed}},
      {"--activation", {Method::fixed}},
      {"--keep-all-int8", {Method::fixed, Method::dynamic}},
      {"--statistics", {Method::fixed}},
      {"--rounding", {Method::fixed}},
      {"--save-statistics", {Method::fixed}},
      {"--skip-nonfinite", {Method::fixed}},
      {"--group", {Method::weight_only}},
      {"--per", {Method::dynamic}},
      {"--numerics", {Method::fixed, Method::dynamic}}};
  const Method method = method_of(o);
  for (const auto& [name, methods] : kServes) {
    if (app.count(name) == 0 || std::find(methods.begin(), methods.end(), method) != methods.end()) continue;
    throw Error(ErrorKind::usage, name + " means nothing to this method")
        .value(method == Method::dynamic       ? "dynamic"
               : method == Method::weight_only ? "weight-only"
                                               : "static")
        .hint("leave it out");
  }
  if (app.count("--group") != 0 && o.weights != "int4") throw Error(ErrorKind::usage, "--group needs --weights int4");
  if (o.per_tensor && o.weights == "int4")
    throw Error(ErrorKind::usage, "--weights int4 has a scale a group: leave --per-tensor out");
  if (app.count("--percentile") != 0 && o.observer != Observer::percentile)
    throw Error(ErrorKind::usage, "--percentile needs --observer percentile");
  if (o.target == Target::ort && app.count("--per") != 0 && o.per == "row" && method == Method::dynamic)
    throw Error(ErrorKind::usage, "--target ort takes activations per tensor only").value("--per row");
  if (o.target == Target::tensorrt && app.count("--activation") != 0 && o.activation == DType::u8)
    throw Error(ErrorKind::usage, "--target tensorrt takes activations in s8 only").value("--activation u8");
}

// What the target chose instead of the defaults.
std::vector<std::string> target_notes(const Options& o) {
  const Method method = method_of(o);
  if (o.target == Target::ort && method == Method::dynamic && o.per == "row")
    return {"--target ort: activations are quantized per tensor, not per row, so that its integer operators serve"};
  if (o.target == Target::tensorrt && method == Method::fixed && !(o.activation == DType::i8 && o.symmetric))
    return {"--target tensorrt: activations are symmetric s8"};
  return {};
}

QuantizeResult quantize_as(const Options& o, const Graph& graph, std::shared_ptr<formats::Dataset> data,
                           Progress& progress) {
  QuantizeOptions options;
  options.dry_run = o.dry_run;
  options.skip_nonfinite = o.skip_nonfinite;
  options.threads = o.run.threads;
  if (!o.run.shapes.empty()) options.shapes = resolve_shapes(o.run, graph).inputs;
  options.calibration_file = o.data.path;
  if (!o.dry_run) {  // beside the output: there must be room for the weights anyway
    const std::string folder = std::filesystem::path(o.output).parent_path().string();
    options.scratch = folder.empty() ? "." : folder;
  }
  options.progress = [&](const std::string& what, std::int64_t done, std::int64_t total) {
    // Calibration does not know how many samples there are; the data does.
    progress.update(what, done, total == 0 && data ? data->size() : total);
  };
  CalibrationSource calibration;
  if (data) calibration = calibration_from(data, std::max<std::int64_t>(o.run.batch, 1));
  switch (method_of(o)) {
    case Method::dynamic: {
      Dynamic method;
      method.per_row = o.per == "row" && o.target != Target::ort;
      method.per_channel = !o.per_tensor;
      method.keep_depthwise_float = !o.keep_all_int8;
      method.numerics = o.numerics;
      method.exclude = o.exclude;
      return quantize(graph, method, options);
    }
    case Method::weight_only: {
      WeightOnly method;
      method.bits = o.weights == "int4" ? 4 : 8;
      method.group = o.group;
      method.per_channel = !o.per_tensor;
      method.exclude = o.exclude;
      return quantize(graph, method, options);
    }
    case Method::fixed:
      break;
  }
  Static method;
  method.calibration = calibration;
  method.statistics = o.statistics;
  method.save_statistics = o.save_statistics;
  method.observer = o.observer;
  method.activation = o.target == Target::tensorrt ? DType::i8 : o.activation;
  method.symmetric_activation = o.symmetric || o.target == Target::tensorrt;
  method.per_channel = !o.per_tensor;
  method.reduce_range = o.reduce_range;
  method.numerics = o.numerics;
  method.percentile = o.percentile;
  method.rounding = o.rounding;
  method.keep_sensitive_float = !o.keep_all_int8;
  method.exclude = o.exclude;
  return quantize(graph, method, options);
}

// Bytes of the file with its external data.
std::int64_t model_bytes(const Graph& graph, const std::string& path) {
  std::int64_t constants = 0;
  for (const auto& [id, tensor] : graph.initializers()) constants += static_cast<std::int64_t>(tensor.bytes());
  return std::max(file_bytes(path), constants);
}

void require_coverage(const Options& o, const QuantizeResult& result) {
  if (result.coverage >= o.min_coverage) return;
  throw Error(ErrorKind::gate,
              "fewer multiply-accumulates are in int8 than --min-coverage asks for; nothing was written")
      .value(report::percent(result.coverage))
      .expected(report::percent(o.min_coverage))
      .hint("octet quantize --dry-run says why each node stays float");
}

Graph load_float(const Options& o) {
  Graph graph = load_model(o.model.path);
  if (!report::is_quantized(graph)) return graph;
  if (!o.requantize) {
    throw Error(ErrorKind::usage, "the network is quantized already")
        .file(o.model.path)
        .hint("give the float network, or --requantize to take this one back to float first");
  }
  dequantize(graph);
  return graph;
}

void keep_preprocess(const Options& o, Graph& model, std::vector<std::string>& warnings) {
  const std::string json = formats::find_preprocess(model, o.model.path, o.data.options.preprocess, &warnings);
  if (json.empty()) return;
  formats::parse_preprocess(json, o.data.options.preprocess);
  model.info.set_metadata(formats::kPreprocessMetadata, json);
}

std::string next_command(const Options& o) {
  const std::string model = shell_word(o.model.path), output = shell_word(o.output);
  const std::string data = o.data.path.empty() ? "DATA" : shell_word(o.data.path);
  if (o.dry_run) return "octet quantize " + model + " --calibrate " + data + " -o model.int8.onnx";
  return "octet eval " + output + " --data " + data + " --against " + model;
}

int run(const CLI::App& app, const Options& o) {
  refuse_foreign_options(app, o);
  if (o.output.empty() && !o.dry_run)
    throw Error(ErrorKind::usage, "-o OUTPUT is needed").hint("or --dry-run, to see only what would be done");
  if (!o.dry_run) check_output(o.output, o.model.path, o.force);
  const Graph graph = load_float(o);
  std::shared_ptr<formats::Dataset> data;
  if (!o.data.path.empty()) data = open_data(o.data, graph, o.model.path);
  Progress progress;
  QuantizeResult result = quantize_as(o, graph, data, progress);
  progress.clear();
  if (data) {
    for (const std::string& warning : data->warnings()) result.warnings.push_back(warning);
  }
  for (const std::string& note : target_notes(o)) result.warnings.push_back(note);
  require_coverage(o, result);
  report::QuantizeReport report{o.dry_run ? "" : o.output, model_bytes(graph, o.model.path), 0, &result, {}};
  if (!o.dry_run) {
    apply_target(result.model, o.target);
    keep_preprocess(o, result.model, result.warnings);
    formats::save_onnx(result.model, o.output, {.overwrite = o.force});
    report.size_after = model_bytes(result.model, o.output);
  } else {
    MachineProbe probe(o.run.threads);
    probe.measure();
    report.forecast =
        report::forecast(graph, result, report.size_before, probe.best().float_gflops, probe.best().int8_gops);
    report.size_after = report.forecast->size_after;
  }
  warn(result.warnings);
  print(o.out.json ? report::dump(report::to_json(report)) + "\n" : report::to_text(report, output_width()));
  suggest(next_command(o));
  return 0;
}

}  // namespace

std::function<int()> add_quantize(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_model(app, options->model, "the float network (ONNX)");
  app.add_option("-o,--output", options->output, "the quantized network to write")->type_name("FILE");
  add_method_options(app, *options);
  add_choice_options(app, *options);
  add_run_options(app, options->run);
  add_json(app, options->out);
  return [options, &app] { return run(app, *options); };
}

}  // namespace octet::app
