// The command as a user types it: every example of every help, every --json form, what each command leaves behind.
#include "tests/cli.h"

#include <fstream>
#include <sstream>

namespace octet {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

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
  EXPECT_THAT(d["fp16"].get<std::string>(), HasSubstr("float32 arithmetic"));
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

}  // namespace
}  // namespace octet
