// What the command says of bad input, and with which exit code.

#include "tests/cli.h"

namespace octet {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

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
  failure({"quantize", "model.onnx", "--dynamic", "--calibrate", "data.npz", "-o", "q.onnx"}, 2);
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

}  // namespace
}  // namespace octet
