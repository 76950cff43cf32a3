// octet inspect: what is in a network.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/octet/command.h"
#include "apps/octet/options.h"
#include "apps/octet/terminal.h"
#include "octet/ops/op.h"
#include "octet/report/inspect.h"
#include "octet/report/json_forms.h"

namespace octet::app {
namespace {

struct Options {
  ModelOptions model;
  RunOptions run;
  OutputOptions out;
};

int run(const Options& options) {
  Graph graph = load_model(options.model.path);
  const Shapes given = parse_shapes(options.run, graph);
  ops::InferOptions infer;
  infer.dims = given.dims;
  infer.shapes = given.inputs;
  for (const ValueId id : graph.inputs) {  // the batch is 1 unless something else is said
    const Value& value = graph.value(id);
    if (graph.initializer(id) != nullptr || !value.type.shape || value.type.shape->empty()) continue;
    const Dim& first = value.type.shape->front();
    if (!first.known() && !first.symbol.empty())
      infer.dims.emplace_back(first.symbol, std::max<std::int64_t>(options.run.batch, 1));
  }
  Graph known = clone(graph);
  ops::infer_shapes(known, infer);
  const report::ModelInfoReport report = report::inspect(known, file_bytes(options.model.path));
  print(options.out.json ? report::dump(report::to_json(report)) + "\n" : report::to_text(report, output_width()));
  suggest("octet bench " + shell_word(options.model.path) + " --profile");
  return 0;
}

}  // namespace

std::function<int()> add_inspect(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_model(app, options->model, "the network (ONNX)");
  app.add_option("--batch", options->run.batch, "samples in one run")->check(CLI::PositiveNumber)->type_name("N");
  app.add_option("--shape", options->run.shapes, "shape of an input, or number for a symbolic dimension (N=4)")
      ->type_name("INPUT=1x3x224x224");
  add_json(app, options->out);
  return [options] { return run(*options); };
}

}  // namespace octet::app
