// octet demo: the methods side by side, on a network and data that come with Octet.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/octet/command.h"
#include "apps/octet/options.h"
#include "apps/octet/terminal.h"
#include "octet/base/subprocess.h"
#include "octet/report/json_forms.h"
#include "octet/report/table.h"
#include "octet/report/text.h"

namespace octet::app {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kModel = "fashion.onnx";
constexpr const char* kTest = "fashion-test.npz";
constexpr const char* kCalibration = "fashion-calibration.npz";

struct Options {
  OutputOptions out;
  std::string data;
  int threads = 0;
  std::int64_t samples = 0, offset = 0, batch = 0, seed = 0;
};

struct Row {
  std::string method, model;
  std::vector<std::string> quantize;  ///< arguments of octet quantize; none: the float network itself
  Json eval, bench;
  std::int64_t size = 0;
};

// Beside the installed program, else where it was built.
fs::path find_data(const std::string& given) {
  std::vector<fs::path> places;
  if (!given.empty()) {
    places = {given};
  } else {
    places = {fs::path(own_path()).parent_path() / OCTET_SHARE_FROM_BIN / "demo", OCTET_DEMO_DIR};
  }
  for (const fs::path& place : places) {
    if (fs::exists(place / kModel)) return place;
  }
  throw Error(ErrorKind::io, "the files of the demo are not found")
      .file((places.back() / kModel).string())
      .hint("say where they are with --demo-data FOLDER");
}

// A folder for the quantized networks, gone at the end.
struct Workplace {
  fs::path path;
  Workplace() {
    std::string pattern = (fs::temp_directory_path() / "octet-demo-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      throw Error(ErrorKind::io, "a temporary folder cannot be made").file(pattern);
    path = pattern;
  }
  ~Workplace() {
    std::error_code error;
    fs::remove_all(path, error);
  }
};

Json octet_json(std::vector<std::string> words) {
  words.insert(words.begin(), own_path());
  words.push_back("--json");
  const Finished finished = run_program(words);
  if (finished.code >= 128) throw Interrupted{finished.code - 128};
  const Json json = Json::parse(finished.output, nullptr, false);
  if (finished.code != 0 || json.is_discarded()) {
    throw Error(ErrorKind::internal, "a step of the demo failed: octet " + words[1] + " " + words[2])
        .value(fmt::format("exit {}", finished.code))
        .hint(json.is_object() ? report::dump(json) : finished.errors);
  }
  return json;
}

void measure(Row& row, const fs::path& data, const std::string& reference, const Options& options) {
  const auto with = [](std::vector<std::string> words,
                       const std::vector<std::pair<const char*, std::int64_t>>& numbers) {
    for (const auto& [name, number] : numbers) {
      if (number > 0) words.insert(words.end(), {name, std::to_string(number)});
    }
    return words;
  };
  const std::vector<std::pair<const char*, std::int64_t>> threads = {{"--threads", options.threads}},
                                                          run = {{"--threads", options.threads},
                                                                 {"--batch", options.batch}},
                                                          test = {{"--threads", options.threads},
                                                                  {"--batch", options.batch},
                                                                  {"--samples", options.samples},
                                                                  {"--offset", options.offset},
                                                                  {"--seed", options.seed}};
  if (!row.quantize.empty()) {
    std::vector<std::string> words = {"quantize", reference, "-o", row.model};
    words.insert(words.end(), row.quantize.begin(), row.quantize.end());
    octet_json(with(words, threads));
  }
  row.eval = octet_json(
      with({"eval", row.model, "--data", (data / kTest).string(), "--metric", "top1", "--against", reference}, test));
  row.bench = octet_json(with({"bench", row.model, "--rounds", "50"}, run));
  row.size = file_bytes(row.model);
}

Json to_json(const std::vector<Row>& rows) {
  Json out = {{"methods", Json::array()}};
  for (const Row& row : rows) {
    out["methods"].push_back({{"method", row.method},
                              {"accuracy", row.eval["value"]},
                              {"agreement", row.eval["agreement"]},
                              {"samples", row.eval["samples"]},
                              {"size_bytes", row.size},
                              {"median_ms", row.bench["median_ms"]},
                              {"peak_memory_bytes", row.bench["peak_memory_bytes"]}});
  }
  return out;
}

std::string to_text(const std::vector<Row>& rows, int width) {
  report::Table table({{"method"},
                       {"accuracy", report::Table::right},
                       {"same answer", report::Table::right},
                       {"size", report::Table::right},
                       {"latency", report::Table::right},
                       {"peak memory", report::Table::right}});
  for (const Row& row : rows) {
    table.add({row.method, report::percent(row.eval["value"].get<double>()),
               report::percent(row.eval["agreement"].get<double>()), report::bytes_text(row.size),
               report::milliseconds(row.bench["median_ms"].get<double>()),
               report::bytes_text(row.bench["peak_memory_bytes"].get<std::int64_t>())});
  }
  return table.text(width);
}

int run(const Options& options) {
  const fs::path data = find_data(options.data);
  const Workplace work;
  const std::string model = (data / kModel).string();
  std::vector<Row> rows = {
      {"float", model, {}, {}, {}},
      {"dynamic", (work.path / "dynamic.onnx").string(), {"--dynamic"}, {}, {}},
      {"static", (work.path / "static.onnx").string(), {"--calibrate", (data / kCalibration).string()}, {}, {}},
      {"weight-only", (work.path / "weights.onnx").string(), {"--weights", "int8"}, {}, {}},
  };
  Progress progress;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    progress.update("measuring " + rows[i].method, static_cast<std::int64_t>(i),
                    static_cast<std::int64_t>(rows.size()));
    measure(rows[i], data, model, options);
  }
  progress.clear();
  talk(fmt::format("Fashion-MNIST, {} test pictures; batch {}", rows[0].eval["samples"].get<std::int64_t>(),
                   rows[0].bench["batch"].get<std::int64_t>()));
  print(options.out.json ? report::dump(to_json(rows)) + "\n" : to_text(rows, output_width()));
  suggest("octet quantize " + shell_word(model) + " --calibrate " + shell_word((data / kCalibration).string()) +
          " -o fashion.int8.onnx");
  return 0;
}

}  // namespace

std::function<int()> add_demo(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("--demo-data", options->data, "folder with fashion.onnx and its data (default: what came with Octet)")
      ->type_name("FOLDER");
  app.add_option("--threads", options->threads, "threads (default: all that this process may use)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  const auto add_number = [&](const char* name, std::int64_t& value, const char* help) {
    app.add_option(name, value, help)->check(CLI::PositiveNumber)->type_name("N");
  };
  add_number("--samples", options->samples, "test on at most this many pictures");
  add_number("--offset", options->offset, "leave out the first pictures");
  add_number("--seed", options->seed, "shuffle the test pictures");
  add_number("--batch", options->batch, "pictures in one run");
  add_json(app, options->out);
  return [options] { return run(*options); };
}

}  // namespace octet::app
