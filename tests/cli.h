// The command in a folder of its own, as a user has it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "octet/base/random.h"
#include "octet/base/subprocess.h"
#include "octet/base/testing.h"
#include "octet/octet.h"

namespace octet {

using nlohmann::json;
namespace fs = std::filesystem;

inline const std::string kOctet = octet::testing::kBinaryDir + std::string("/octet");

inline Tensor random_tensor(const Shape& shape, std::uint64_t seed, float low = -1, float high = 1) {
  Random random(seed);
  Tensor out(DType::f32, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i) out.data<float>()[i] = random.uniform(low, high);
  return out;
}

// A picture classifier of ten classes; `prefix` goes before every node's name.
inline Graph classifier(const std::string& prefix = "", Dim batch = Dim("N")) {
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

inline Tensor labels_of(const Graph& graph, const Tensor& x) {
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

}  // namespace octet
