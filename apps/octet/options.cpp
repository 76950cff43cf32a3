#include "apps/octet/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>

#include "octet/base/cpu.h"
#include "octet/base/file_descriptor.h"
#include "octet/base/random.h"
#include "octet/formats/onnx/onnx.h"

namespace octet::app {

void add_model(CLI::App& app, ModelOptions& model, const std::string& help) {
  app.add_option("MODEL", model.path, help)->required()->type_name("");
}

void add_json(CLI::App& app, OutputOptions& output) {
  app.add_flag("--json", output.json, "print one JSON object instead of a table");
}

void add_data(CLI::App& app, DataOptions& data, const std::string& name, const std::string& help, bool required) {
  app.add_option(name, data.path, help)->required(required)->type_name("DATA");
  app.add_option("--samples", data.options.samples, "take at most this many samples")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  app.add_option("--offset", data.options.offset, "leave out the first samples")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  app.add_option("--seed", data.options.seed, "shuffle the samples (0: leave them in order)")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  app.add_option("--labels", data.options.labels,
                 "expected answers of a folder of pictures: a CSV with columns file,label")
      ->type_name("CSV");
  app.add_option("--preprocess", data.options.preprocess,
                 "how pictures become inputs (default: preprocess.json beside the model)")
      ->type_name("JSON");
}

void add_run_options(CLI::App& app, RunOptions& run) {
  app.add_option("--batch", run.batch, "samples in one run")->check(CLI::PositiveNumber)->type_name("N");
  app.add_option("--threads", run.threads, "threads (default: all that this process may use)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  app.add_option("--shape", run.shapes, "shape of an input, or number for a symbolic dimension (N=4)")
      ->type_name("INPUT=1x3x224x224");
}

namespace {

Error bad_shape(const std::string& text) {
  return Error(ErrorKind::usage, "--shape is malformed").value(text).expected("NAME=1x3x224x224, or SYMBOL=4");
}

std::vector<std::int64_t> parse_dims(const std::string& text, const std::string& whole) {
  std::vector<std::int64_t> dims;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    std::int64_t dim = -1;
    const auto [next, error] = std::from_chars(at, end, dim);
    if (error != std::errc() || dim < 0) throw bad_shape(whole);
    dims.push_back(dim);
    if (next == end) return dims;
    if (*next != 'x') throw bad_shape(whole);
    at = next + 1;
  }
}

std::vector<ValueId> fed_inputs(const Graph& graph) {
  std::vector<ValueId> out;
  std::copy_if(graph.inputs.begin(), graph.inputs.end(), std::back_inserter(out),
               [&](ValueId id) { return graph.initializer(id) == nullptr; });
  return out;
}

bool has_symbol(const Graph& graph, const std::string& name) {
  for (const ValueId id : fed_inputs(graph)) {
    for (const Dim& dim : graph.value(id).type.shape.value_or(SymbolicShape{})) {
      if (dim.symbol == name) return true;
    }
  }
  return false;
}

// Numbers for symbols that follow from whole shapes.
void bind_symbols(const SymbolicShape& declared, const Shape& given, std::map<std::string, std::int64_t>& dims) {
  for (std::size_t i = 0; i < declared.size() && i < static_cast<std::size_t>(given.rank()); ++i) {
    if (!declared[i].known() && !declared[i].symbol.empty())
      dims.emplace(declared[i].symbol, given[static_cast<int>(i)]);
  }
}

Error unresolved(const Value& value) {
  std::string example;
  for (const Dim& dim : value.type.shape.value_or(SymbolicShape{}))
    example += (example.empty() ? "" : "x") + std::to_string(dim.known() ? dim.value : 1);
  return Error(ErrorKind::usage, "a dimension of an input has no value")
      .tensor(value.name)
      .value(value.type.shape ? to_string(*value.type.shape) : "unknown shape")
      .hint(fmt::format("say it with --shape {}={}", value.name, example.empty() ? "1x3x224x224" : example));
}

Shape resolve(const Value& value, const std::map<std::string, std::int64_t>& dims, std::int64_t batch) {
  if (!value.type.shape) throw unresolved(value);
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < value.type.shape->size(); ++i) {
    const Dim& dim = (*value.type.shape)[i];
    const auto known = dims.find(dim.symbol);
    if (dim.known()) {
      out.push_back(dim.value);
    } else if (!dim.symbol.empty() && known != dims.end()) {
      out.push_back(known->second);
    } else if (i == 0) {
      out.push_back(batch);
    } else {
      throw unresolved(value);
    }
  }
  return Shape(out);
}

}  // namespace

Shapes parse_shapes(const RunOptions& run, const Graph& graph) {
  Shapes out;
  for (const std::string& text : run.shapes) {
    const std::size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0) throw bad_shape(text);
    const std::string name = text.substr(0, equals);
    const std::vector<std::int64_t> dims = parse_dims(text.substr(equals + 1), text);
    const ValueId id = graph.find(name);
    if (id != kNoValue && std::find(graph.inputs.begin(), graph.inputs.end(), id) != graph.inputs.end()) {
      out.inputs.emplace_back(name, Shape(dims));
    } else if (dims.size() == 1 && has_symbol(graph, name)) {
      out.dims.emplace_back(name, dims[0]);
    } else {
      std::string names;
      for (const ValueId input : fed_inputs(graph)) names += (names.empty() ? "" : ", ") + graph.value(input).name;
      throw Error(ErrorKind::usage, "--shape names neither an input nor a symbolic dimension of the network")
          .value(name)
          .expected("one of the inputs " + names);
    }
  }
  return out;
}

Shapes resolve_shapes(const RunOptions& run, const Graph& graph) {
  const Shapes given = parse_shapes(run, graph);
  const std::int64_t batch = run.batch > 0 ? run.batch : 1;
  std::map<std::string, std::int64_t> dims(given.dims.begin(), given.dims.end());
  std::map<std::string, Shape> whole(given.inputs.begin(), given.inputs.end());
  for (const ValueId id : fed_inputs(graph)) {
    const Value& value = graph.value(id);
    if (const auto shape = whole.find(value.name); shape != whole.end() && value.type.shape)
      bind_symbols(*value.type.shape, shape->second, dims);
  }
  for (const ValueId id : fed_inputs(graph)) {  // a symbol that leads an input's shape counts the batch
    const SymbolicShape shape = graph.value(id).type.shape.value_or(SymbolicShape{});
    if (!shape.empty() && !shape[0].known() && !shape[0].symbol.empty()) dims.emplace(shape[0].symbol, batch);
  }
  Shapes out;
  for (const ValueId id : fed_inputs(graph)) {
    const Value& value = graph.value(id);
    const auto shape = whole.find(value.name);
    out.inputs.emplace_back(value.name, shape != whole.end() ? shape->second : resolve(value, dims, batch));
  }
  out.dims.assign(dims.begin(), dims.end());
  return out;
}

NamedTensors random_feed(const Graph& graph, const Shapes& shapes, std::uint64_t seed) {
  Random random(seed);
  NamedTensors feed;
  for (const auto& [name, shape] : shapes.inputs) {
    const DType dtype = graph.value(graph.find(name)).type.dtype;
    Tensor tensor(DType::f32, shape);
    for (std::int64_t i = 0; i < tensor.elements(); ++i)
      tensor.data<float>()[i] = is_float(dtype) ? random.uniform(-1.0f, 1.0f) : 1.0f;
    feed.emplace_back(name, tensor.cast(dtype == DType::undefined ? DType::f32 : dtype));
  }
  return feed;
}

Session make_session(const Graph& graph, const RunOptions& run, bool optimize, bool profile) {
  SessionOptions options;
  options.threads = run.threads;
  options.optimize = optimize;
  options.profile = profile;
  options.dims = parse_shapes(run, graph).dims;
  return Session(clone(graph), options);
}

Graph load_model(const std::string& path) { return formats::load_onnx(path); }

std::int64_t file_bytes(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : static_cast<std::int64_t>(size);
}

void check_output(const std::string& output, const std::string& input, bool force) {
  if (same_file(output, input)) {
    throw Error(ErrorKind::usage, "the output would replace the input").file(output).hint("give another name with -o");
  }
  std::error_code error;
  if (!force && std::filesystem::exists(std::filesystem::symlink_status(output, error))) {
    throw Error(ErrorKind::usage, "the output exists already").file(output).hint("give --force to replace it");
  }
}

}  // namespace octet::app
