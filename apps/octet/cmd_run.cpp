// octet run: arrays in, arrays out.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/octet/command.h"
#include "apps/octet/feeding.h"
#include "apps/octet/terminal.h"
#include "octet/formats/npz/npz.h"
#include "octet/report/json_forms.h"
#include "octet/report/text.h"

namespace octet::app {
namespace {

struct Options {
  ModelOptions model;
  DataOptions input;
  RunOptions run;
  OutputOptions out;
  std::string output;
};

// One output over all feeds: rows one after another, or side by side where a sample has no row of its own.
Tensor join(const std::string& name, const std::vector<Tensor>& parts, bool single) {
  if (parts.size() == 1 && !single) return parts.front();
  Shape shape = parts.front().shape();
  std::int64_t rows = 0;
  for (const Tensor& part : parts) {
    Shape expected = parts.front().shape();
    if (!single && part.rank() > 0 && expected.rank() > 0) expected[0] = part.dim(0);
    if (!(part.shape() == expected) || (!single && part.rank() == 0)) {
      throw Error(ErrorKind::usage, "outputs of several runs do not fit into one array")
          .tensor(name)
          .value(to_string(part.shape()) + " beside " + to_string(parts.front().shape()))
          .hint("run the samples one by one with --samples 1 --offset N");
    }
    rows += single ? 1 : part.dim(0);
  }
  if (single) {
    std::vector<std::int64_t> dims = {rows};
    dims.insert(dims.end(), shape.begin(), shape.end());
    shape = Shape(dims);
  } else {
    shape[0] = rows;
  }
  Tensor out(parts.front().dtype(), shape);
  auto* to = static_cast<char*>(out.raw());
  for (const Tensor& part : parts) {
    if (part.bytes() != 0) std::memcpy(to, part.raw(), part.bytes());
    to += part.bytes();
  }
  return out;
}

int run(const Options& options) {
  const Graph graph = load_model(options.model.path);
  for (const std::string& input : {options.model.path, options.input.path}) check_output(options.output, input, true);
  const auto data = open_data(options.input, graph, options.model.path);
  const Session session = make_session(graph, options.run);
  std::vector<std::vector<Tensor>> outputs(session.output_names().size());
  bool single = false;
  const std::int64_t batch = options.run.batch > 0 ? options.run.batch : std::numeric_limits<std::int64_t>::max();
  const std::int64_t samples = for_each_feed(*data, batch, "running", [&](const formats::Feed& feed) {
    const std::vector<Tensor> results = session.run(feed.inputs);
    for (std::size_t i = 0; i < results.size(); ++i) outputs[i].push_back(results[i]);
    single = feed.single;
  });
  formats::NamedTensors arrays;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    arrays.emplace_back(session.output_names()[i], join(session.output_names()[i], outputs[i], single));
  }
  formats::save_npz(options.output, arrays);
  warn(data->warnings());
  if (options.out.json) {
    nlohmann::ordered_json json = {
        {"output", report::safe(options.output)}, {"samples", samples}, {"outputs", nlohmann::ordered_json::array()}};
    for (const auto& [name, tensor] : arrays) {
      json["outputs"].push_back(
          {{"name", report::safe(name)}, {"dtype", to_string(tensor.dtype())}, {"shape", to_string(tensor.shape())}});
    }
    print(report::dump(json) + "\n");
  } else {
    for (const auto& [name, tensor] : arrays) {
      print(fmt::format("{}: {} {} {}\n", report::safe(options.output), report::safe(name), to_string(tensor.dtype()),
                        to_string(tensor.shape())));
    }
  }
  suggest("octet bench " + shell_word(options.model.path));
  return 0;
}

}  // namespace

std::function<int()> add_run(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_model(app, options->model, "the network (ONNX)");
  add_data(app, options->input, "--input",
           ".npz with an array for each input, a folder of them, or a folder of pictures", true);
  app.add_option("--output", options->output, ".npz for the outputs, in the network's order; replaced if it exists")
      ->required()
      ->type_name("NPZ");
  add_run_options(app, options->run);
  add_json(app, options->out);
  return [options] { return run(*options); };
}

}  // namespace octet::app
