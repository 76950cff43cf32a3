// Options that several sub-commands share, and what they mean.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "octet/formats/data/dataset.h"
#include "octet/graph/graph.h"
#include "octet/runtime/session.h"

namespace CLI {
class App;
}

namespace octet::app {

struct ModelOptions {
  std::string path;
};
struct OutputOptions {
  bool json = false;
};
struct DataOptions {
  std::string path;
  formats::DatasetOptions options;
};
struct RunOptions {
  int threads = 0;
  std::int64_t batch = 0;  ///< 0: not given
  std::vector<std::string> shapes;
};

void add_model(CLI::App& app, ModelOptions& model, const std::string& help);
void add_json(CLI::App& app, OutputOptions& output);
/// The option `name` (such as "--data") and those that say which samples are taken.
void add_data(CLI::App& app, DataOptions& data, const std::string& name, const std::string& help, bool required);
void add_run_options(CLI::App& app, RunOptions& run);

/// What --shape says: whole inputs, or numbers for symbols ("N=4").
struct Shapes {
  std::vector<std::pair<std::string, Shape>> inputs;
  std::vector<std::pair<std::string, std::int64_t>> dims;
};
/// Throws usage for text that is no shape, or for a name that the network does not have.
Shapes parse_shapes(const RunOptions& run, const Graph& graph);
/// The numbers of every dimension of every input: from --shape and --batch (1 where none is given).
/// Throws usage, asking for --shape, where a dimension stays without a value.
Shapes resolve_shapes(const RunOptions& run, const Graph& graph);
/// Inputs of those shapes: random floats in [-1, 1), ones for integers.
NamedTensors random_feed(const Graph& graph, const Shapes& shapes, std::uint64_t seed);

/// A session with the given number of threads and what --shape says of symbols.
Session make_session(const Graph& graph, const RunOptions& run, bool optimize = true, bool profile = false);

/// Reads a model file.
Graph load_model(const std::string& path);
std::int64_t file_bytes(const std::string& path);

/// Throws usage when `output` is the same file as `input`, or exists and `force` is not given.
void check_output(const std::string& output, const std::string& input, bool force);

}  // namespace octet::app
