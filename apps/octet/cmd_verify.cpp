// octet verify: our integers = fake-quantized float = what the file says.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/octet/command.h"
#include "apps/octet/feeding.h"
#include "apps/octet/terminal.h"
#include "octet/report/json_forms.h"
#include "octet/report/verify.h"

namespace octet::app {
namespace {

struct Options {
  ModelOptions model;
  DataOptions data;
  RunOptions run;
  OutputOptions out;
};

report::VerifyReport check(const Options& options, std::vector<std::string>& warnings) {
  const Graph graph = load_model(options.model.path);
  report::VerifyReport report;
  Progress progress;
  const auto on_layer = [&](std::int64_t done, std::int64_t total) { progress.update("verifying", done, total); };
  const int threads = options.run.threads;
  if (options.data.path.empty()) {
    const Shapes shapes = resolve_shapes(options.run, graph);
    report::verify(graph, random_feed(graph, shapes, options.data.options.seed), threads, report, on_layer);
    report.samples = std::max<std::int64_t>(options.run.batch, 1);
    return report;
  }
  const auto data = open_data(options.data, graph, options.model.path);
  for (std::int64_t at = 0; at < data->size();) {
    const formats::Feed feed = data->read(at, std::max<std::int64_t>(options.run.batch, 1));
    if (feed.samples > 0) report::verify(graph, feed.inputs, threads, report, on_layer);
    report.samples += feed.samples;
    at = feed.next;
  }
  warnings = data->warnings();
  return report;
}

int run(const Options& options) {
  std::vector<std::string> warnings;
  const report::VerifyReport report = check(options, warnings);
  warn(warnings);
  print(options.out.json ? report::dump(report::to_json(report)) + "\n" : report::to_text(report, output_width()));
  if (!report.passed()) {
    talk("octet: integers differ from the fake-quantized float network by more than rounding ties");
    return exit_code(ErrorKind::gate);
  }
  suggest("octet bench " + shell_word(options.model.path));
  return 0;
}

}  // namespace

std::function<int()> add_verify(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_model(app, options->model, "the quantized network (ONNX)");
  options->data.options.samples = 1;
  add_data(app, options->data, "--data",
           "feed this data, one sample unless --samples says more (default: random numbers)", false);
  add_run_options(app, options->run);
  add_json(app, options->out);
  return [options] { return run(*options); };
}

}  // namespace octet::app
