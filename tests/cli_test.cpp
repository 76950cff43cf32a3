// The command as a user types it: every example of every help, every --json form, exit codes, bad input,
// signals, terminals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "octet/base/random.h"
#include "octet/base/subprocess.h"
#include "octet/base/testing.h"
#include "octet/octet.h"

namespace octet {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

const std::string kOctet = octet::testing::kBinaryDir + std::string("/octet");

Tensor random_tensor(const Shape& shape, std::uint64_t seed, float low = -1, float high = 1) {
  Random random(seed);
  Tensor out(DType::f32, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i) out.data<float>()[i] = random.uniform(low, high);
  return out;
}

// A picture classifier of ten classes; `prefix` goes before every node's name.
Graph classifier(const std::string& prefix = "", Dim batch = Dim("N")) {
  Graph graph;
  graph.name = "classifier";
  graph.opsets[""] = 13;
  Attributes conv;
  conv.set("kernel_shape", std::vector<std::int64_t>{3, 3});
  conv.set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  const ValueId x = graph.add_input("input", DType::f32, {std::move(batch), 3, 8, 8});
  const ValueId a = graph.add_node("Conv",
                                   {x, graph.add_initializer("w1", random_tensor({16, 3, 3, 3}, 1)),
                                    graph.add_initializer("b1", random_tensor({16}, 2))},
                                   conv, prefix + "conv1");
  const ValueId b = graph.add_node("Relu", {a}, {}, prefix + "relu1");
  const ValueId c = graph.add_node("Conv",
                                   {b, graph.add_initializer("w2", random_tensor({16, 16, 3, 3}, 3, -0.2f, 0.2f)),
                                    graph.add_initializer("b2", random_tensor({16}, 4))},
                                   conv, prefix + "conv2");
  const ValueId d = graph.add_node("Relu", {c}, {}, prefix + "relu2");
  const ValueId pool = graph.add_node("GlobalAveragePool", {d}, {}, prefix + "pool");
  const ValueId flat = graph.add_node("Flatten", {pool}, {}, prefix + "flatten");
  Attributes gemm;
  gemm.set("transB", std::int64_t{1});
  const ValueId y = graph.add_node("Gemm",
                                   {flat, graph.add_initializer("w3", random_tensor({10, 16}, 5)),
                                    graph.add_initializer("b3", random_tensor({10}, 6))},
                                   gemm, prefix + "fc");
  graph.rename(y, "scores");
  graph.outputs.push_back(y);
  return graph;
}

Tensor labels_of(const Graph& graph, const Tensor& x) {
  const Session session(clone(graph), {.threads = 1, .optimize = false});
  const Tensor scores = session.run({{"input", x}}).at(0);
  std::vector<std::int64_t> labels;
  for (std::int64_t row = 0; row < scores.dim(0); ++row) {
    const float* first = scores.data<float>() + row * 10;
    labels.push_back(std::max_element(first, first + 10) - first);
  }
  return Tensor::from<std::int64_t>({scores.dim(0)}, std::span<const std::int64_t>(labels));
}

// A folder as the examples of help take it for granted.
class Cli : public ::testing::Test {
 protected:
  Cli() {
    const Graph graph = classifier();
    save_onnx(graph, at("model.onnx"));
    const Tensor x = random_tensor({24, 3, 8, 8}, 9);
    save_npz(at("data.npz"), {{"input", x}, {"labels", labels_of(graph, x)}});
    save_npz(at("x.npz"), {{"input", x}});
    for (const char* name : {"train.npz", "val.npz"})
      save_npz(at(name), {{"input", x}, {"labels", labels_of(graph, x)}});
    folder.write("train.toml",
                 "model = 'model.onnx'\ndata = 'train.npz'\noutput = 'tuned.onnx'\noptimizer = 'sgd'\n"
                 "lr = 0.01\ncheckpoint = 'ck'\n");
    folder.write("preprocess.json",
                 R"({"resize": {"width": 8, "height": 8}, "scale": 0.0078, "mean": [1, 1, 1], "std": [1, 1, 1]})");
    fs::create_directory(folder.path() / "images");
    for (int i = 0; i < 6; ++i) {
      std::string ppm = "P6 16 12 255\n";
      for (int k = 0; k < 16 * 12 * 3; ++k) ppm += static_cast<char>(k * (i + 3) % 251);
      folder.write("images/" + std::to_string(i) + ".ppm", ppm);
    }
  }

  std::string at(const std::string& name) const { return folder.file(name); }

  Finished octet(std::vector<std::string> words,
                 std::vector<std::pair<std::string, std::string>> environment = {}) const {
    words.insert(words.begin(), kOctet);
    return run_program(words, {.directory = folder.path().string(), .environment = std::move(environment)});
  }
  /// The object that a command puts on standard output; it must be the only thing there.
  json octet_json(std::vector<std::string> words, int code = 0) const {
    words.push_back("--json");
    const Finished finished = octet(words);
    EXPECT_EQ(finished.code, code) << finished.errors << finished.output;
    const json value = json::parse(finished.output, nullptr, false);
    EXPECT_TRUE(value.is_object()) << finished.output;
    return value;
  }
  json failure(const std::vector<std::string>& words, int code) const {
    const json value = octet_json(words, code);
    for (const char* key : {"kind", "message", "file", "node", "tensor", "value", "expected", "hint", "offset"}) {
      EXPECT_TRUE(value.value("error", json::object()).contains(key)) << key;
    }
    return value.value("error", json::object());
  }
  void quantize_once() const {
    if (fs::exists(at("model.int8.onnx"))) return;
    const Finished finished = octet({"quantize", "model.onnx", "--calibrate", "data.npz", "-o", "model.int8.onnx"});
    ASSERT_EQ(finished.code, 0) << finished.errors;
  }

  octet::testing::TemporaryDirectory folder;
};

const std::vector<std::string> kCommands = {"quantize", "train",  "run",    "eval", "bench",
                                            "inspect",  "verify", "doctor", "demo"};

std::vector<std::string> examples_of(const std::string& help) {
  std::vector<std::string> out;
  std::istringstream in(help.substr(std::min(help.size(), help.find("Examples:\n"))));
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line) && line.rfind("  octet ", 0) == 0) out.push_back(line.substr(8));
  return out;
}

std::vector<std::string> split(const std::string& line) {
  std::istringstream in(line);
  return {std::istream_iterator<std::string>(in), {}};
}

// --- help -----------------------------------------------------------------------------------------------

TEST_F(Cli, HelpShowsExamplesFirst) {
  const Finished all = octet({"--help"});
  EXPECT_EQ(all.code, 0);
  for (const std::string& command : kCommands) {
    EXPECT_THAT(all.output, HasSubstr("octet " + command));
    const Finished help = octet({command, "--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_TRUE(help.errors.empty()) << help.errors;
    EXPECT_LT(help.output.find("Examples:"), help.output.find("Options:")) << command;
    EXPECT_FALSE(examples_of(help.output).empty()) << command;
    EXPECT_THAT(help.output, HasSubstr("--json"));
  }
}

TEST_F(Cli, EveryExampleOfHelpRuns) {
  for (const std::string& command : kCommands) {
    for (const std::string& example : examples_of(octet({command, "--help"}).output)) {
      if (command == "demo") continue;  // takes longer: a test of its own
      if (command == "quantize") fs::remove(at("model.int8.onnx"));
      if (command != "quantize") quantize_once();
      const Finished finished = octet(split(example));
      EXPECT_EQ(finished.code, 0) << example << "\n" << finished.errors;
      EXPECT_THAT(finished.errors, HasSubstr("next: octet ")) << example;
      EXPECT_FALSE(finished.output.empty()) << example;
    }
  }
}

TEST_F(Cli, DemoShowsTheFourMethods) {
  if (!fs::exists(octet::testing::source_dir("examples/demo/fashion.onnx")))
    GTEST_SKIP() << "examples/demo has no network";
  const json demo = octet_json({"demo"});
  ASSERT_EQ(demo["methods"].size(), 4u);
  for (const json& method : demo["methods"]) {
    EXPECT_GT(method["accuracy"].get<double>(), 0.8) << method;
    EXPECT_GT(method["size_bytes"].get<std::int64_t>(), 0);
    EXPECT_GT(method["median_ms"].get<double>(), 0);
    EXPECT_GT(method["peak_memory_bytes"].get<std::int64_t>(), 0);
  }
  EXPECT_LT(demo["methods"][2]["size_bytes"].get<double>(), 0.5 * demo["methods"][0]["size_bytes"].get<double>());
  const json part =
      octet_json({"demo", "--samples", "40", "--offset", "10", "--seed", "3", "--batch", "4", "--threads", "1"});
  EXPECT_EQ(part["methods"][0]["samples"], 40);
}

TEST_F(Cli, AWrongWordGetsASuggestion) {
  EXPECT_THAT(octet({"quantise", "model.onnx"}).errors, HasSubstr("did you mean quantize?"));
  const Finished option = octet({"quantize", "model.onnx", "--calibate", "data.npz", "-o", "y.onnx"});
  EXPECT_EQ(option.code, 2);
  EXPECT_THAT(option.errors, HasSubstr("did you mean --calibrate?"));
  EXPECT_THAT(failure({"eval", "model.onnx", "--data", "data.npz", "--metrik", "top1"}, 2)["hint"].get<std::string>(),
              HasSubstr("--metric"));
  EXPECT_EQ(octet({}).code, 2);
  EXPECT_EQ(octet({"run"}).code, 2);
  EXPECT_EQ(octet({"bench", "model.onnx", "--threads", "0"}).code, 2);
  EXPECT_EQ(octet({"bench", "model.onnx", "--rounds", "many"}).code, 2);
  EXPECT_EQ(octet({"--version"}).code, 0);
}

// --- the forms of --json --------------------------------------------------------------------------------

TEST_F(Cli, QuantizeJson) {
  const json q = octet_json({"quantize", "model.onnx", "--calibrate", "data.npz", "-o", "q.onnx"});
  EXPECT_EQ(q["output"], "q.onnx");
  EXPECT_EQ(q["method"], "static");
  EXPECT_EQ(q["size_before"], fs::file_size(at("model.onnx")));
  EXPECT_EQ(q["size_after"], fs::file_size(at("q.onnx")));
  EXPECT_GT(q["coverage"].get<double>(), 0);
  EXPECT_LE(q["coverage"].get<double>(), 1);
  EXPECT_TRUE(q["warnings"].is_array());
  int layers = 0;
  for (const json& node : q["nodes"]) {
    EXPECT_TRUE(node["name"].is_string() && node["op"].is_string() && node["quantized"].is_boolean()) << node;
    EXPECT_FALSE(node["reason"].get<std::string>().empty()) << node;
    layers += node["macs"].get<std::int64_t>() > 0 ? 1 : 0;
  }
  EXPECT_EQ(layers, 3);
}

TEST_F(Cli, EveryMethodWritesAModelThatRuns) {
  const std::vector<std::vector<std::string>> methods = {
      {"--calibrate", "data.npz"},
      {"--dynamic"},
      {"--dynamic", "--per", "tensor"},
      {"--weights", "int8"},
      {"--calibrate", "images", "--observer", "min_max", "--activation", "s8", "--symmetric", "--per-tensor"},
      {"--calibrate", "data.npz", "--target", "tensorrt"},
      {"--calibrate", "data.npz", "--numerics", "torch", "--reduce-range"},
      {"--calibrate", "data.npz", "--exclude", "conv*", "--keep-all-int8"},
      {"--calibrate", "data.npz", "--exclude-op", "Gemm", "--exclude-first"}};
  for (const auto& method : methods) {
    std::vector<std::string> words = {"quantize", "model.onnx", "-o", "q.onnx", "--force"};
    words.insert(words.end(), method.begin(), method.end());
    const json q = octet_json(words);
    const json e = octet_json({"eval", "q.onnx", "--data", "data.npz", "--against", "model.onnx"});
    EXPECT_GT(e["agreement"].get<double>(), 0.8) << json(method).dump() << e.dump();
    EXPECT_GT(e["sqnr_db"]["scores"].get<double>(), 15) << json(method).dump();
  }
}

TEST_F(Cli, StatisticsCanBeSavedAndUsedAgain) {
  octet_json({"quantize", "model.onnx", "--calibrate", "data.npz", "--save-statistics", "s.json", "-o", "a.onnx"});
  octet_json({"quantize", "model.onnx", "--statistics", "s.json", "-o", "b.onnx"});
  EXPECT_TRUE(fs::exists(at("b.onnx")));
}

TEST_F(Cli, EvalJson) {
  const json e = octet_json({"eval", "model.onnx", "--data", "data.npz", "--metric", "top1"});
  EXPECT_EQ(e["metric"], "top1");
  EXPECT_EQ(e["value"], 1.0);
  EXPECT_EQ(e["samples"], 24);
  EXPECT_FALSE(e.contains("agreement"));
  const json against = octet_json({"eval", "model.onnx", "--data", "data.npz", "--against", "model.onnx", "--samples",
                                   "10", "--offset", "4", "--batch", "3"});
  EXPECT_EQ(against["samples"], 10);
  EXPECT_EQ(against["reference_value"], 1.0);
  EXPECT_EQ(against["agreement"], 1.0);
  EXPECT_TRUE(against["sqnr_db"]["scores"].is_null());  // no difference at all
}

TEST_F(Cli, BenchJson) {
  quantize_once();
  const json b = octet_json({"bench", "model.int8.onnx", "--against", "model.onnx", "--rounds", "7", "--batch", "2",
                             "--threads", "1", "--profile"});
  EXPECT_EQ(b["rounds"], 7);
  EXPECT_EQ(b["threads"], 1);
  EXPECT_EQ(b["batch"], 2);
  EXPECT_GT(b["min_ms"].get<double>(), 0);
  EXPECT_LE(b["min_ms"].get<double>(), b["median_ms"].get<double>());
  EXPECT_LE(b["median_ms"].get<double>(), b["p90_ms"].get<double>());
  EXPECT_GT(b["peak_memory_bytes"].get<std::int64_t>(), 1 << 20);
  EXPECT_GT(b["arena_bytes"].get<std::int64_t>(), 0);
  EXPECT_GT(b["packed_bytes"].get<std::int64_t>(), 16 * 144);
  EXPECT_GT(b["probe"]["int8_gops"].get<double>(), 0);
  EXPECT_GT(b["probe"]["float_gflops"].get<double>(), 0);
  EXPECT_GT(b["against"]["median_ms"].get<double>(), 0);
  ASSERT_FALSE(b["operators"].empty());
  double share = 0;
  for (const json& step : b["operators"]) {
    for (const char* key : {"name", "op", "kernel", "int8", "ms", "share", "macs", "gops", "fraction_of_limit"})
      EXPECT_TRUE(step.contains(key)) << key;
    share += step["share"].get<double>();
  }
  EXPECT_NEAR(share, 1, 1e-6);
}

TEST_F(Cli, InspectJson) {
  const json i = octet_json({"inspect", "model.onnx"});
  EXPECT_EQ(i["inputs"][0]["name"], "input");
  EXPECT_EQ(i["outputs"][0]["name"], "scores");
  EXPECT_EQ(i["nodes"].size(), 7u);
  EXPECT_EQ(i["parameters"], 16 * 27 + 16 + 16 * 144 + 16 + 160 + 10);
  EXPECT_EQ(i["macs"], 64 * 16 * 27 + 64 * 16 * 144 + 160);
  EXPECT_EQ(i["size_bytes"], fs::file_size(at("model.onnx")));
  EXPECT_EQ(octet_json({"inspect", "model.onnx", "--batch", "2"})["macs"], 2 * (64 * 16 * 27 + 64 * 16 * 144 + 160));
  quantize_once();
  const json q = octet_json({"inspect", "model.int8.onnx"});
  std::vector<std::string> kinds;
  for (const json& node : q["nodes"]) {
    if (node["op"] == "Conv") kinds.push_back(node["quantization"].get<std::string>());
  }
  EXPECT_THAT(kinds, Contains("u8 x s8 per channel"));
}

TEST_F(Cli, VerifyJson) {
  quantize_once();
  const json v = octet_json({"verify", "model.int8.onnx", "--data", "data.npz", "--samples", "3"});
  EXPECT_TRUE(v["passed"].get<bool>()) << v;
  EXPECT_EQ(v["samples"], 3);
  EXPECT_EQ(v["mismatches"], 0);
  EXPECT_EQ(v["elements"].get<std::int64_t>(), v["equal"].get<std::int64_t>() + v["ties"].get<std::int64_t>());
  EXPECT_GE(v["layers"].size(), 3u);
  EXPECT_TRUE(v["sqnr_db"].contains("scores"));
  ASSERT_EQ(octet({"quantize", "model.onnx", "--dynamic", "-o", "dynamic.onnx"}).code, 0);
  const json rows = octet_json({"verify", "dynamic.onnx", "--data", "data.npz", "--samples", "3"});
  EXPECT_EQ(rows["layers"].size(), 3u);
  EXPECT_EQ(rows["equal"], rows["elements"]);
  EXPECT_THAT(failure({"verify", "model.onnx"}, 2)["message"].get<std::string>(), HasSubstr("nothing to verify"));
}

TEST_F(Cli, DoctorJson) {
  const json d = octet_json({"doctor"});
  EXPECT_TRUE(d["features"].contains("avx2"));
  EXPECT_GE(d["threads"]["used"].get<int>(), 1);
  EXPECT_TRUE(d["libraries"].contains("libzip"));
  int chosen = 0;
  for (const json& kernel : d["kernels"]) {
    chosen += kernel["chosen"].get<bool>() ? 1 : 0;
    EXPECT_FALSE(kernel["why"].get<std::string>().empty());
  }
  EXPECT_GE(chosen, 4);
  const Finished capped = octet({"doctor", "--json"}, {{"OCTET_ISA", "scalar"}});
  for (const json& kernel : json::parse(capped.output)["kernels"]) {
    EXPECT_EQ(kernel["chosen"].get<bool>(), kernel["isa"] == "scalar") << kernel;
  }
  EXPECT_EQ(octet({"doctor"}, {{"OCTET_ISA", "sse9"}}).code, 2);
}

// --- data in every form -------------------------------------------------------------------------------------

TEST_F(Cli, AFolderOfNpzFilesIsOneFeedAFile) {
  Graph graph;
  graph.opsets[""] = 13;
  const ValueId text = graph.add_input("text", DType::f32, {Dim("N"), Dim("T")});
  Attributes last;
  last.set("axes", std::vector<std::int64_t>{1});
  graph.outputs.push_back(graph.add_node("ReduceMean", {graph.add_node("Relu", {text})}, last));
  graph.rename(graph.outputs[0], "mean");
  save_onnx(graph, at("lines.onnx"));
  fs::create_directory(folder.path() / "lines");
  for (const std::int64_t length : {5, 9, 3})
    save_npz(at("lines/" + std::to_string(length) + ".npz"),
             {{"text", random_tensor({1, length}, static_cast<std::uint64_t>(length))}});
  const json e = octet_json({"eval", "lines.onnx", "--data", "lines", "--against", "lines.onnx"});
  EXPECT_EQ(e["samples"], 3);
  EXPECT_EQ(e["agreement"], 1.0);
  octet_json({"run", "lines.onnx", "--input", "lines", "--output", "y.npz", "--samples", "2", "--offset", "1"});
  EXPECT_EQ(load_npz(at("y.npz"))[0].second.shape(), (Shape{2, 1}));
}

TEST_F(Cli, PicturesLieFlatWithLabelsOrOneFolderAClass) {
  fs::create_directories(folder.path() / "classes/b");
  fs::create_directories(folder.path() / "classes/a");
  std::string csv = "file,label\n";
  for (int i = 0; i < 6; ++i) {
    const std::string name = std::to_string(i) + ".ppm";
    fs::copy(at("images/" + name), at(std::string("classes/") + (i % 2 == 0 ? "a/" : "b/") + name));
    csv += name + "," + std::to_string(i % 2) + "\n";
  }
  folder.write("labels.csv", csv);
  const json flat = octet_json({"eval", "model.onnx", "--data", "images", "--labels", "labels.csv"});
  const json classes = octet_json({"eval", "model.onnx", "--data", "classes"});
  EXPECT_EQ(flat["samples"], 6);
  EXPECT_EQ(flat["value"], classes["value"]);
  EXPECT_TRUE(flat["value"].is_number());
}

TEST_F(Cli, TheSameOptionsGoWithEveryCommandThatRunsANetwork) {
  quantize_once();
  const std::vector<std::vector<std::string>> commands = {
      {"quantize", "model.onnx", "--calibrate", "data.npz", "-o", "q.onnx", "--force"},
      {"run", "model.onnx", "--input", "data.npz", "--output", "y.npz"},
      {"eval", "model.onnx", "--data", "data.npz"},
      {"bench", "model.onnx", "--data", "data.npz", "--rounds", "2"},
      {"verify", "model.int8.onnx", "--data", "data.npz"}};
  for (std::vector<std::string> words : commands) {
    words.insert(words.end(), {"--samples", "6", "--offset", "2", "--batch", "3", "--seed", "7", "--threads", "1",
                               "--shape", "input=3x3x8x8"});
    octet_json(words);
  }
  // The seed chooses the samples: other ones, and the same ones again.
  const auto outputs = [&](const char* seed) {
    octet_json({"run", "model.onnx", "--input", "data.npz", "--output", "y.npz", "--samples", "6", "--seed", seed});
    return octet::testing::read_file(at("y.npz"));
  };
  EXPECT_EQ(outputs("7"), outputs("7"));
  EXPECT_NE(outputs("7"), outputs("8"));
}

TEST_F(Cli, RunWritesOutputsInOrder) {
  const json r = octet_json({"run", "model.onnx", "--input", "data.npz", "--output", "y.npz"});
  EXPECT_EQ(r["samples"], 24);
  const NamedTensors whole = load_npz(at("y.npz"));
  ASSERT_EQ(whole.size(), 1u);
  EXPECT_EQ(whole[0].first, "scores");
  EXPECT_EQ(whole[0].second.shape(), (Shape{24, 10}));
  octet_json({"run", "model.onnx", "--input", "data.npz", "--output", "y.npz", "--batch", "5"});  // replaces it
  EXPECT_EQ(load_npz(at("y.npz"))[0].second.shape(), (Shape{24, 10}));
  save_onnx(classifier("", Dim(1)), at("one.onnx"));
  octet_json({"run", "one.onnx", "--input", "x.npz", "--output", "z.npz"});
  EXPECT_EQ(load_npz(at("z.npz"))[0].second.shape(), (Shape{24, 10}));
}

TEST_F(Cli, DryRunWritesNothingAndForecasts) {
  const json d = octet_json({"quantize", "model.onnx", "--calibrate", "data.npz", "--dry-run"});
  EXPECT_TRUE(d["output"].is_null());
  EXPECT_GT(d["forecast"]["ms_before"].get<double>(), 0);
  EXPECT_LT(d["size_after"].get<std::int64_t>(), d["size_before"].get<std::int64_t>());
  EXPECT_EQ(octet_json({"quantize", "model.onnx", "--dry-run"})["method"], "static");
}

// --- preprocessing travels with the model -----------------------------------------------------------------

TEST_F(Cli, PreprocessingIsKeptInWhatIsWritten) {
  octet_json({"quantize", "model.onnx", "--calibrate", "images", "-o", "q.onnx"});
  fs::create_directory(folder.path() / "elsewhere");
  fs::rename(at("q.onnx"), at("elsewhere/q.onnx"));
  const json e = octet_json({"eval", "elsewhere/q.onnx", "--data", "images", "--against", "model.onnx"});
  EXPECT_EQ(e["samples"], 6);
  EXPECT_TRUE(e["value"].is_null());
}

// --- bad input (numbers are rows of the list of faults) -----------------------------------------------------

TEST_F(Cli, Fault1MissingDirectoryOrPipe) {
  EXPECT_EQ(failure({"inspect", "missing.onnx"}, 5)["file"], "missing.onnx");
  failure({"inspect", "images"}, 5);
  ASSERT_EQ(mkfifo(at("pipe").c_str(), 0600), 0);
  failure({"inspect", "pipe"}, 5);
  failure({"eval", "model.onnx", "--data", "pipe"}, 5);
  failure({"eval", "model.onnx", "--data", "missing"}, 5);
}

TEST_F(Cli, Fault18And19NpzFiles) {
  const fs::path corpus = octet::testing::source_dir("tests/corpus/npz");
  for (const auto& [name, code] : std::vector<std::pair<std::string, int>>{
           {"object.npz", 3}, {"header_overrun.npz", 3}, {"parent.npz", 3}, {"bomb.npz", 6}, {"truncated.npz", 3}}) {
    const json error = failure({"run", "model.onnx", "--input", (corpus / name).string(), "--output", "y.npz"}, code);
    EXPECT_THAT(error["file"].get<std::string>() + error["message"].get<std::string>(),
                HasSubstr(name == "object.npz" ? "no array" : name))
        << error;
    EXPECT_FALSE(fs::exists(at("y.npz")));
  }
}

TEST_F(Cli, Fault20DamagedPicturesAreCounted) {
  folder.write("images/broken.jpg", "\xff\xd8\xff\xe0 no more");
  folder.write("images/huge.ppm", "P6 99999 99999 255\n");
  const Finished finished = octet({"eval", "model.onnx", "--data", "images", "--against", "model.onnx"});
  EXPECT_EQ(finished.code, 0) << finished.errors;
  EXPECT_THAT(finished.errors, HasSubstr("warning: 2 of 8 pictures could not be read"));
  for (int i = 0; i < 12; ++i) folder.write("images/bad" + std::to_string(i) + ".png", "x");
  failure({"eval", "model.onnx", "--data", "images", "--against", "model.onnx"}, 3);
}

TEST_F(Cli, Fault21NoSamples) {
  fs::create_directory(folder.path() / "empty");
  for (const std::vector<std::string>& data :
       std::vector<std::vector<std::string>>{{"empty"}, {"data.npz", "--offset", "99"}}) {
    std::vector<std::string> words = {"quantize", "model.onnx", "-o", "q.onnx", "--calibrate"};
    words.insert(words.end(), data.begin(), data.end());
    EXPECT_THAT(failure(words, 3)["message"].get<std::string>(), HasSubstr("no samples"));
    EXPECT_FALSE(fs::exists(at("q.onnx")));
  }
}

TEST_F(Cli, Fault22OutputIsTheInput) {
  const std::string before = octet::testing::read_file(at("model.onnx"));
  fs::create_hard_link(at("model.onnx"), at("link.onnx"));
  fs::create_symlink("model.onnx", at("soft.onnx"));
  for (const char* output : {"model.onnx", "./images/../model.onnx", "link.onnx", "soft.onnx"}) {
    EXPECT_THAT(
        failure({"quantize", "model.onnx", "--dynamic", "--force", "-o", output}, 2)["message"].get<std::string>(),
        HasSubstr("replace the input"));
  }
  failure({"run", "model.onnx", "--input", "x.npz", "--output", "x.npz"}, 2);
  EXPECT_EQ(octet::testing::read_file(at("model.onnx")), before);
}

TEST_F(Cli, Fault23OutputExists) {
  folder.write("q.onnx", "precious");
  EXPECT_THAT(failure({"quantize", "model.onnx", "--dynamic", "-o", "q.onnx"}, 2)["hint"].get<std::string>(),
              HasSubstr("--force"));
  EXPECT_EQ(octet::testing::read_file(at("q.onnx")), "precious");
  EXPECT_EQ(octet({"quantize", "model.onnx", "--dynamic", "-o", "q.onnx", "--force"}).code, 0);
  EXPECT_NE(octet::testing::read_file(at("q.onnx")), "precious");
}

TEST_F(Cli, Fault24NamesAreEscapedEverywhere) {
  save_onnx(classifier("\x1b[31m<b>\xe2\x80\xae\xff"), at("evil.onnx"));
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"inspect", "evil.onnx"},
           {"inspect", "evil.onnx", "--json"},
           {"bench", "evil.onnx", "--rounds", "1", "--profile"},
           {"quantize", "evil.onnx", "--dynamic", "-o", "q.onnx", "--force"},
           {"quantize", "evil.onnx", "--dynamic", "-o", "q.onnx", "--force", "--json"}}) {
    const Finished finished = octet(words);
    EXPECT_THAT(finished.output + finished.errors, Not(HasSubstr("\x1b"))) << words[0];
    EXPECT_THAT(finished.output + finished.errors, Not(HasSubstr("\xe2\x80\xae"))) << words[0];
  }
  EXPECT_THAT(octet({"inspect", "\x1b[31m.onnx"}).errors, Not(HasSubstr("\x1b")));
}

TEST_F(Cli, Fault38DynamicDimensionWithoutAValue) {
  Graph graph;
  graph.opsets[""] = 13;
  graph.outputs.push_back(graph.add_node("Relu", {graph.add_input("text", DType::f32, {Dim("N"), Dim("T")})}));
  save_onnx(graph, at("dynamic.onnx"));
  const json error = failure({"bench", "dynamic.onnx"}, 2);
  EXPECT_EQ(error["tensor"], "text");
  EXPECT_THAT(error["hint"].get<std::string>(), HasSubstr("--shape text="));
  for (const char* shape : {"text=2x7", "T=7"})
    octet_json({"bench", "dynamic.onnx", "--rounds", "1", "--shape", shape});
  failure({"bench", "dynamic.onnx", "--shape", "text=2xx7"}, 2);
  failure({"bench", "dynamic.onnx", "--shape", "nothing=2x7"}, 2);
}

TEST_F(Cli, Fault46AlreadyQuantized) {
  quantize_once();
  EXPECT_THAT(failure({"quantize", "model.int8.onnx", "--dynamic", "-o", "q.onnx"}, 2)["hint"].get<std::string>(),
              HasSubstr("--requantize"));
  octet_json({"quantize", "model.int8.onnx", "--requantize", "--calibrate", "data.npz", "-o", "q.onnx"});
  const json e = octet_json({"eval", "q.onnx", "--data", "data.npz", "--against", "model.onnx"});
  EXPECT_GT(e["agreement"].get<double>(), 0.8);
}

TEST_F(Cli, Fault49NonfiniteCalibration) {
  Tensor x = random_tensor({4, 3, 8, 8}, 9);
  x.data<float>()[5] = std::numeric_limits<float>::quiet_NaN();
  save_npz(at("nan.npz"), {{"input", x}});
  const json error = failure({"quantize", "model.onnx", "--calibrate", "nan.npz", "-o", "q.onnx"}, 3);
  EXPECT_EQ(error["tensor"], "input") << error;
  const json q = octet_json({"quantize", "model.onnx", "--calibrate", "nan.npz", "-o", "q.onnx", "--skip-nonfinite"});
  EXPECT_FALSE(q["warnings"].empty());
}

TEST_F(Cli, CoverageBelowTheGateIsExit1AndWritesNothing) {
  const json error = failure({"quantize", "model.onnx", "--calibrate", "data.npz", "-o", "q.onnx", "--exclude", "conv2",
                              "--min-coverage", "0.9"},
                             1);
  EXPECT_EQ(error["kind"], "gate");
  failure({"quantize", "model.onnx", "--calibrate", "data.npz", "-o", "q.onnx", "--exclude", "*"}, 1);
  EXPECT_FALSE(fs::exists(at("q.onnx")));
}

TEST_F(Cli, MethodsThatContradictAreUsageErrors) {
  failure({"quantize", "model.onnx", "-o", "q.onnx"}, 2);
  failure({"quantize", "model.onnx", "--dynamic", "--weights", "int8", "-o", "q.onnx"}, 2);
  failure({"quantize", "model.onnx", "--weights", "int8", "--calibrate", "data.npz", "-o", "q.onnx"}, 2);
  failure({"quantize", "model.onnx", "--dynamic"}, 2);
  failure({"eval", "model.onnx", "--data", "data.npz", "--metric", "top9"}, 2);
  failure({"eval", "model.onnx", "--data", "x.npz"}, 3);
  // An option of another method would change nothing.
  failure({"quantize", "model.onnx", "--dynamic", "--observer", "mse", "-o", "q.onnx"}, 2);
  failure({"quantize", "model.onnx", "--weights", "int8", "--per", "row", "-o", "q.onnx"}, 2);
  failure({"quantize", "model.onnx", "--calibrate", "data.npz", "--percentile", "99", "-o", "q.onnx"}, 2);
  failure({"quantize", "model.onnx", "--dynamic", "--per", "row", "--target", "ort", "-o", "q.onnx"}, 2);
  const json q = octet_json({"quantize", "model.onnx", "--dynamic", "--target", "ort", "-o", "q.onnx"});
  EXPECT_THAT(q["warnings"].dump(), HasSubstr("per tensor, not per row"));
}

// --- the world around ---------------------------------------------------------------------------------------

// Starts a command that runs for long and sends it a signal after it has begun.
int code_after_signal(const std::string& directory, int number) {
  const pid_t child = fork();
  if (child == 0) {
    if (chdir(directory.c_str()) != 0) _exit(99);
    freopen("/dev/null", "w", stdout);
    freopen("/dev/null", "w", stderr);
    execl(kOctet.c_str(), "octet", "bench", "model.onnx", "--rounds", "1000000", static_cast<char*>(nullptr));
    _exit(99);
  }
  usleep(700'000);
  kill(child, number);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST_F(Cli, SignalsEndItWith128AndTheNumber) {
  EXPECT_EQ(code_after_signal(folder.path().string(), SIGINT), 130);
  EXPECT_EQ(code_after_signal(folder.path().string(), SIGTERM), 143);
  EXPECT_EQ(code_after_signal(folder.path().string(), SIGHUP), 129);
}

TEST_F(Cli, AClosedPipeIsQuietAndAFullDiskIsNot) {
  const Finished pipe = run_program({"bash", "-c", kOctet + " inspect model.onnx 2>err | true; echo ${PIPESTATUS[0]}"},
                                    {.directory = folder.path().string()});
  EXPECT_THAT(pipe.output, ::testing::AnyOf("141\n", "0\n"));  // 0: it had written before the reader left
  EXPECT_THAT(octet::testing::read_file(at("err")), Not(HasSubstr("octet:")));
  const Finished full =
      run_program({"bash", "-c", kOctet + " inspect model.onnx >/dev/full"}, {.directory = folder.path().string()});
  EXPECT_EQ(full.code, 5);
}

TEST_F(Cli, OutputIsTheSameInEveryLocale) {
  const std::vector<std::string> words = {"inspect", "model.onnx"};
  const std::string plain = octet(words, {{"LC_ALL", "C"}}).output;
  EXPECT_EQ(octet(words, {{"LC_ALL", "de_DE.UTF-8"}}).output, plain);
  const json b =
      json::parse(octet({"bench", "model.onnx", "--rounds", "1", "--json"}, {{"LC_ALL", "de_DE.UTF-8"}}).output);
  EXPECT_TRUE(b["min_ms"].is_number());
}

// What a terminal of that width gets, standard output and error together.
std::string in_terminal(const std::string& directory, int columns, const std::vector<std::string>& words,
                        const char* term) {
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = 50;
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    if (chdir(directory.c_str()) != 0) _exit(99);
    setenv("TERM", term, 1);
    std::vector<char*> argv = {const_cast<char*>("octet")};
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    execv(kOctet.c_str(), argv.data());
    _exit(99);
  }
  std::string out;
  char buffer[4096];
  for (ssize_t got; (got = read(terminal, buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<std::size_t>(got));
  int status = 0;
  waitpid(child, &status, 0);
  close(terminal);
  EXPECT_EQ(status, 0) << out;
  return out;
}

TEST_F(Cli, TerminalsOfEveryKind) {
  const std::string directory = folder.path().string();
  const std::vector<std::string> words = {"eval",      "model.onnx", "--data",  "data.npz",
                                          "--against", "model.onnx", "--batch", "1"};
  const std::string shown = in_terminal(directory, 80, words, "xterm");
  for (const char* part : {"evaluating [", "%", "/24", "/s"}) EXPECT_THAT(shown, HasSubstr(part));
  const std::string calibration = in_terminal(
      directory, 80, {"quantize", "model.onnx", "--calibrate", "data.npz", "-o", "q.onnx", "--force"}, "xterm");
  EXPECT_THAT(calibration, HasSubstr("calibrating ["));
  EXPECT_THAT(calibration, HasSubstr("/24"));
  for (const std::string& text : {shown, calibration})
    EXPECT_THAT(text, Not(HasSubstr("\x1b[3")));  // no colours at all
  EXPECT_THAT(in_terminal(directory, 80, words, "dumb"), Not(HasSubstr("\x1b")));
  EXPECT_THAT(octet(words).errors, Not(HasSubstr("evaluating")));  // no terminal, no bar
  const std::string narrow =
      in_terminal(directory, 20, {"eval", "model.onnx", "--data", "data.npz", "--batch", "1"}, "xterm");
  std::size_t column = 0;
  std::string talk;
  for (const char c : narrow) {
    if (c == '\r' || c == '\n') {
      column = 0;
      talk.clear();
      continue;
    }
    talk += c;
    ++column;
    const bool bar_or_table = talk.rfind("next:", 0) != 0;
    EXPECT_FALSE(bar_or_table && column > 20 + 3) << talk;  // 3: "\x1b[K"
  }
}

}  // namespace
}  // namespace octet
