// octet eval: accuracy on data, alone or against another network.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/octet/command.h"
#include "apps/octet/feeding.h"
#include "apps/octet/terminal.h"
#include "octet/report/eval_report.h"
#include "octet/report/json_forms.h"
#include "octet/report/metrics.h"
#include "octet/report/text.h"

namespace octet::app {
namespace {

constexpr std::int64_t kBatch = 16;

struct Options {
  ModelOptions model;
  DataOptions data;
  RunOptions run;
  OutputOptions out;
  std::string metric = "top1", against, output;
};

// The output that the metric looks at.
std::size_t measured_output(const Session& session, const std::string& name) {
  const std::vector<std::string>& names = session.output_names();
  if (name.empty()) return 0;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw Error(ErrorKind::usage, "--output-name is no output of the network")
        .value(name)
        .expected(fmt::format("one of {}", fmt::join(names, ", ")));
  }
  return static_cast<std::size_t>(found - names.begin());
}

// Both networks' outputs, compared as they come.
struct Comparison {
  std::unique_ptr<report::Metric> metric;
  std::vector<report::Sqnr> sqnr;
  std::int64_t equal = 0, answers = 0;

  void add(const std::vector<Tensor>& outputs, const std::vector<Tensor>& reference, std::size_t measured,
           std::int64_t samples) {
    for (std::size_t i = 0; i < sqnr.size(); ++i) {
      if (is_float(outputs[i].dtype())) sqnr[i].add(reference[i], outputs[i]);
    }
    const auto ours = report::answers(outputs[measured], samples),
               theirs = report::answers(reference[measured], samples);
    for (std::size_t i = 0; i < ours.size() && i < theirs.size(); ++i) equal += ours[i] == theirs[i] ? 1 : 0;
    answers += static_cast<std::int64_t>(ours.size());
  }
};

void require_same_outputs(const Session& session, const Session& reference) {
  if (session.output_names().size() == reference.output_names().size()) return;
  throw Error(ErrorKind::usage, "the two networks do not have equally many outputs")
      .value(std::to_string(session.output_names().size()))
      .expected(std::to_string(reference.output_names().size()));
}

report::EvalReport evaluate(const Options& options) {
  report::EvalReport report;
  report.metric = options.metric;
  const auto metric = report::make_metric(options.metric);
  const Graph graph = load_model(options.model.path);
  const auto data = open_data(options.data, graph, options.model.path);
  const Session session = make_session(graph, options.run);
  std::optional<Session> reference;
  Comparison comparison{report::make_metric(options.metric), {}};
  if (!options.against.empty()) {
    reference.emplace(make_session(load_model(options.against), options.run));
    require_same_outputs(session, *reference);
    comparison.sqnr.resize(session.output_names().size());
    report.compared = true;
  }
  const std::size_t measured = measured_output(session, options.output);
  bool labelled = false;
  const std::int64_t batch = options.run.batch > 0 ? options.run.batch : kBatch;
  report.samples = for_each_feed(*data, batch, "evaluating", [&](const formats::Feed& feed) {
    const std::vector<Tensor> outputs = session.run(feed.inputs);
    labelled = feed.target.defined();
    if (!labelled && !reference) {
      throw Error(ErrorKind::bad_input, "the data has no expected answers")
          .file(options.data.path)
          .hint("give --labels CSV for pictures, an array 'labels' or 'targets' in an .npz, or --against MODEL");
    }
    if (labelled) metric->add(outputs[measured], feed.target);
    if (!reference) return;
    const std::vector<Tensor> expected = reference->run(feed.inputs);
    comparison.add(outputs, expected, measured, feed.samples);
    if (labelled) comparison.metric->add(expected[measured], feed.target);
  });
  if (labelled) report.value = metric->value();
  if (reference) {
    if (labelled) report.reference_value = comparison.metric->value();
    report.agreement = static_cast<double>(comparison.equal) / static_cast<double>(comparison.answers);
    for (std::size_t i = 0; i < comparison.sqnr.size(); ++i)
      report.sqnr_db.emplace_back(session.output_names()[i], comparison.sqnr[i].db());
  }
  report.warnings = data->warnings();
  return report;
}

int run(const Options& options) {
  const report::EvalReport report = evaluate(options);
  warn(report.warnings);
  print(options.out.json ? report::dump(report::to_json(report)) + "\n" : report::to_text(report, output_width()));
  const std::string model = shell_word(options.model.path), data = shell_word(options.data.path);
  suggest(report.compared ? "octet bench " + model + " --against " + shell_word(options.against)
                          : "octet quantize " + model + " --calibrate " + data + " -o model.int8.onnx");
  return 0;
}

}  // namespace

std::function<int()> add_eval(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_model(app, options->model, "the network (ONNX)");
  add_data(app, options->data, "--data", ".npz, folder of .npz files, or folder of pictures", true);
  app.add_option("--metric", options->metric, fmt::format("{}", fmt::join(report::metric_names(), ", ")))
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--against", options->against, "compare with this network's answers")->type_name("MODEL");
  app.add_option("--output-name", options->output, "the output to measure (default: the first)")->type_name("NAME");
  add_run_options(app, options->run);
  add_json(app, options->out);
  return [options] { return run(*options); };
}

}  // namespace octet::app
