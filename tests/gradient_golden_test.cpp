// Gradients of small networks against torch's autograd (golden/gradients.json, made by make_gradient_golden.py), by the
// references and by the fast step.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "octet/autograd/autograd.h"
#include "octet/base/testing.h"
#include "octet/ops/samples.h"
#include "octet/runtime/session.h"

namespace octet {
namespace {

using nlohmann::json;
using Ints = std::vector<std::int64_t>;

Tensor drawn(std::uint64_t seed, const Shape& shape) {
  Random random(seed);
  return ops::random_tensor(random, DType::f32, shape, -1, 1);
}

// The networks of the script; `t` are the tensors in its order.
class Networks {
 public:
  Networks(Trainable& model, std::vector<ValueId> t) : model_(model), g_(model.graph), t_(std::move(t)) {}

  ValueId build(const std::string& name) {
    if (name == "conv_norm_relu") return conv_norm_relu();
    if (name == "lstm") return recurrent("LSTM", 16);
    if (name == "gru") return recurrent("GRU", 12);
    if (name == "attention") return attention();
    if (name == "layer_norm_gelu") {
      return g_.add_node("Gelu", {g_.add_node("LayerNormalization", {t_[0], t_[1], t_[2]})});
    }
    const Attributes window = ops::make_attributes({{"kernel_shape", Ints{3, 3}}, {"strides", Ints{3, 3}}});
    const ValueId flat = g_.add_node("Flatten", {g_.add_node("MaxPool", {t_[0]}, window)});
    return g_.add_node("Gemm", {flat, t_[1], t_[2]}, ops::make_attributes({{"transB", 1}}));
  }

 private:
  ValueId ints(const Ints& values) {
    return g_.add_initializer({}, Tensor::from<std::int64_t>({static_cast<std::int64_t>(values.size())},
                                                             std::span<const std::int64_t>(values)));
  }

  ValueId conv_norm_relu() {
    const ValueId x = g_.add_node("Conv", {t_[0], t_[1]},
                                  ops::make_attributes({{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}}));
    Node node;
    node.op_type = "BatchNormTraining";
    node.domain = "octet";
    node.inputs = {x, t_[2], t_[3], g_.add_initializer("mean", Tensor::zeros(DType::f32, {4})),
                   g_.add_initializer("variance", Tensor::from<float>({4}, {1, 1, 1, 1}))};
    for (const char* name : {"y", "new_mean", "new_variance", "batch_mean", "deviation"})
      node.outputs.push_back(g_.add_value(name));
    g_.nodes.push_back(node);
    g_.opsets["octet"] = 1;
    model_.states = {{"mean", "new_mean"}, {"variance", "new_variance"}};
    return g_.add_node("Relu", {node.outputs[0]});
  }

  ValueId recurrent(const std::string& op, std::int64_t rows) {
    const ValueId w = g_.add_node("Reshape", {t_[1], ints({1, rows, 3})}),
                  r = g_.add_node("Reshape", {t_[2], ints({1, rows, 4})});
    const ValueId b = g_.add_node(
        "Reshape", {g_.add_node("Concat", {t_[3], t_[4]}, ops::make_attributes({{"axis", 0}})), ints({1, 2 * rows})});
    Attributes form = ops::make_attributes({{"hidden_size", 4}});
    if (op == "GRU") form.set("linear_before_reset", std::int64_t{1});
    return g_.add_node("Squeeze", {g_.add_node(op, {t_[0], w, r, b}, form), ints({1})});
  }

  ValueId attention() {
    const ValueId q = g_.add_node("MatMul", {t_[0], t_[1]}), k = g_.add_node("MatMul", {t_[0], t_[2]}),
                  v = g_.add_node("MatMul", {t_[0], t_[3]});
    const ValueId turned = g_.add_node("Transpose", {k}, ops::make_attributes({{"perm", Ints{0, 2, 1}}}));
    const ValueId scores =
        g_.add_node("Div", {g_.add_node("MatMul", {q, turned}), g_.add_initializer({}, Tensor::scalar(2.0f))});
    return g_.add_node("MatMul", {g_.add_node("Softmax", {scores}), v});
  }

  Trainable& model_;
  Graph& g_;
  std::vector<ValueId> t_;
};

void expect_close(const std::vector<double>& actual, const json& expected, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  double scale = 1e-3;
  for (const json& v : expected) scale = std::max(scale, std::abs(v.get<double>()));
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i].get<double>(), 1e-5 * scale) << what << " element " << i;
  }
}

TEST(GradientGolden, AreTorchs) {
  std::ifstream file(testing::source_dir("tests/golden/gradients.json"));
  const json rows = json::parse(file);
  ASSERT_GE(rows.size(), 6u);
  for (const json& row : rows) {
    SCOPED_TRACE(row["name"].get<std::string>());
    Trainable model;
    model.graph.opsets[""] = 20;
    NamedTensors inputs;
    std::vector<ValueId> tensors;
    for (std::size_t i = 0; i < row["shapes"].size(); ++i) {
      model.parameters.push_back("t" + std::to_string(i));
      inputs.emplace_back(model.parameters.back(), drawn(100 + i, Shape(row["shapes"][i].get<Ints>())));
      tensors.push_back(model.graph.add_initializer(model.parameters.back(), inputs.back().second));
    }
    const ValueId output = Networks(model, tensors).build(row["name"]);
    const ValueId weights = model.graph.add_initializer({}, drawn(99, Shape(row["output"].get<Ints>())));
    const ValueId loss = model.graph.add_node("ReduceSum", {model.graph.add_node("Mul", {output, weights})},
                                              ops::make_attributes({{"keepdims", 0}}));
    model.graph.rename(loss, "loss");
    model.graph.outputs = {loss};
    const Differentiated d = differentiate(model, "loss");
    ASSERT_TRUE(d.unreached.empty());
    for (const Trainable::State& state : model.states)
      inputs.emplace_back(state.name, *model.graph.initializer(model.graph.find(state.name)));
    for (const bool optimize : {false, true}) {
      const std::vector<Tensor> outputs = Session(d.graph, {.threads = 2, .optimize = optimize}).run(inputs);
      std::size_t next = 1;
      for (const Trainable::State& state : model.states)
        expect_close(outputs[next++].to_double(), row["further"][state.name], state.name);
      for (std::size_t p = 0; p < model.parameters.size(); ++p) {
        expect_close(outputs[next++].to_double(), row["gradients"][p], model.parameters[p]);
      }
    }
  }
}

}  // namespace
}  // namespace octet
