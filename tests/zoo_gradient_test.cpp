// Imported networks train: every float network of the zoo is put into training form and differentiated, and its
// gradient predicts how a loss changes along a direction. Skipped by name where the networks are not there.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "octet/autograd/autograd.h"
#include "octet/base/random.h"
#include "octet/base/testing.h"
#include "octet/formats/onnx/onnx.h"
#include "octet/ops/samples.h"
#include "octet/runtime/session.h"

namespace octet {
namespace {

using nlohmann::json;

Tensor input_of(const json& j) {
  const Shape shape(j["shape"].get<std::vector<std::int64_t>>());
  if (j["kind"] == "values") return Tensor::from<std::int64_t>(shape, j["values"].get<std::vector<std::int64_t>>());
  Random random(j["seed"].get<std::uint64_t>());
  const DType dtype = j["dtype"] == "int64" ? DType::i64 : DType::f32;
  return ops::random_tensor(random, dtype, shape, j["low"].get<float>(), j["high"].get<float>());
}

// loss = mean over all real outputs of output * random numbers.
void add_loss(Graph& graph, const NamedTensors& inputs, Random& random) {
  const std::vector<Tensor> outputs = Session(graph, {.threads = 2}).run(inputs);
  Attributes all;
  all.set("keepdims", std::int64_t{0});
  ValueId loss = kNoValue;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].dtype() != DType::f32) continue;
    Tensor weights(DType::f32, outputs[i].shape());
    for (std::int64_t k = 0; k < weights.elements(); ++k) weights.data<float>()[k] = random.uniform(-1, 1);
    const ValueId product = graph.add_node("Mul", {graph.outputs[i], graph.add_initializer({}, weights)});
    const ValueId term = graph.add_node("ReduceSum", {product}, all);
    loss = loss == kNoValue ? term : graph.add_node("Add", {loss, term});
  }
  graph.rename(loss, "the loss");
  graph.outputs = {loss};
}

struct Case {
  json row;
  std::string name() const {
    std::string out = std::filesystem::path(row["model"].get<std::string>()).stem().string();
    std::replace_if(
        out.begin(), out.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
    return out;
  }
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name(); }
};

class Zoo : public ::testing::TestWithParam<Case> {};

TEST_P(Zoo, GradientPredictsTheLoss) {
  const json& row = GetParam().row;
  if (!testing::shared_dir()) GTEST_SKIP() << "no shared folder: set OCTET_SHARED";
  const std::string path = (*testing::shared_dir() / "models" / row["model"].get<std::string>()).string();
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  Random random(5);
  NamedTensors inputs;
  std::vector<std::pair<std::string, Shape>> shapes;
  for (const auto& [name, spec] : row["inputs"].items()) {
    inputs.emplace_back(name, input_of(spec));
    shapes.emplace_back(name, inputs.back().second.shape());
  }
  const Graph loaded = formats::load_onnx(path);
  Trainable model = make_trainable(loaded, {.batch_norm = false, .dropout = false, .shapes = shapes});
  NamedTensors kept;
  for (const auto& [name, tensor] : inputs) {
    if (std::any_of(model.graph.inputs.begin(), model.graph.inputs.end(),
                    [&](ValueId id) { return model.graph.value(id).name == name; }))
      kept.emplace_back(name, tensor);
  }
  add_loss(model.graph, kept, random);
  const Differentiated d = differentiate(model, "the loss");
  EXPECT_LT(d.unreached.size(), model.parameters.size() / 2 + 1);
  const Session session(d.graph, {.threads = 2});
  const std::size_t first = kept.size();
  for (const std::string& name : model.parameters) {
    kept.emplace_back(name, model.graph.initializer(model.graph.find(name))->clone());
  }
  const std::vector<Tensor> outputs = session.run(kept);
  // Along the gradient itself, scaled so that the loss should change by about a thousandth of its size.
  double squares = 0;
  std::size_t next = 1;
  std::vector<const Tensor*> gradients;
  for (const std::string& name : d.gradients) {
    gradients.push_back(name.empty() ? nullptr : &outputs[next++]);
    if (gradients.back() == nullptr) continue;
    for (const float g : gradients.back()->values<float>()) squares += static_cast<double>(g) * static_cast<double>(g);
  }
  ASSERT_TRUE(std::isfinite(squares));
  ASSERT_GT(squares, 0);
  const double loss = outputs[0].to_double()[0], step = 2e-3 * std::max(1.0, std::abs(loss)) / squares;
  const auto loss_at = [&](double distance) {
    NamedTensors moved = kept;
    for (std::size_t p = 0; p < gradients.size(); ++p) {
      if (gradients[p] == nullptr) continue;
      Tensor w = kept[first + p].second.clone();
      const auto g = gradients[p]->values<float>();
      for (std::size_t i = 0; i < g.size(); ++i)
        w.data<float>()[i] += static_cast<float>(distance * static_cast<double>(g[i]));
      moved[first + p].second = w;
    }
    return session.run(moved)[0].to_double()[0];
  };
  const double change = loss_at(step) - loss_at(-step), expected = 2 * step * squares;
  EXPECT_NEAR(change, expected, 0.1 * expected) << "loss " << loss;
}

std::vector<Case> cases() {
  std::ifstream file(testing::source_dir("tests/golden/zoo.json"));
  std::vector<Case> out;
  for (json& row : json::parse(file)) {
    if (row["name"] == "random") out.push_back({std::move(row)});
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(Networks, Zoo, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name(); });

}  // namespace
}  // namespace octet
