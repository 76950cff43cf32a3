// Every operator that has a gradient, on its samples turned to float64, against central differences.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "octet/autograd/autograd.h"
#include "octet/autograd/testing.h"
#include "octet/ops/op.h"

namespace octet {
namespace {

bool is_real(const Tensor& tensor) { return tensor.defined() && is_float(tensor.dtype()); }

// A graph of one node around a sample: real inputs are parameters "p0", "p1", ... in float64, and the loss is the sum
// of every real output times random numbers.
struct Case {
  Graph graph;
  std::vector<std::string> parameters;
};

Case make_case(const OpDef& op, const Sample& sample, Random& random) {
  Case out;
  Graph& graph = out.graph;
  graph.opsets[""] = op.domain.empty() ? sample.opset : 17;
  if (!op.domain.empty()) graph.opsets[op.domain] = 1;
  Node node;
  node.op_type = op.name;
  node.domain = op.domain;
  node.name = op.name;
  node.attributes = sample.attributes;
  for (const Tensor& tensor : sample.inputs) {
    if (!tensor.defined()) {
      node.inputs.push_back(kNoValue);
    } else if (is_float(tensor.dtype())) {
      out.parameters.push_back("p" + std::to_string(node.inputs.size()));
      node.inputs.push_back(graph.add_initializer(out.parameters.back(), tensor.cast(DType::f64)));
    } else {
      node.inputs.push_back(graph.add_initializer({}, tensor));
    }
  }
  for (int i = 0; i < sample.outputs; ++i) node.outputs.push_back(graph.add_value());
  const std::vector<ValueId> outputs = node.outputs;
  graph.nodes.push_back(std::move(node));
  ThreadPool one(1);
  graph.outputs = outputs;
  const std::vector<Tensor> values = ops::evaluate_graph(graph, {}, one);
  graph.outputs.clear();
  ValueId loss = kNoValue;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (values[i].dtype() != DType::f64 || !testing_gradients::differentiable_output(op, i)) continue;
    const ValueId weights = graph.add_initializer({}, testing_gradients::random_f64(random, values[i].shape()));
    const ValueId term =
        graph.add_node("ReduceSum", {graph.add_node("Mul", {outputs[i], weights})}, ops::attributes_keepdims(0));
    loss = loss == kNoValue ? term : graph.add_node("Add", {loss, term});
  }
  if (loss == kNoValue) return out;
  graph.rename(loss, "loss");
  graph.outputs = {loss};
  return out;
}

bool all_zero(const Tensor& tensor) {
  const std::vector<double> values = tensor.to_double();
  return std::all_of(values.begin(), values.end(), [](double v) { return v == 0; });
}

class Gradient : public testing::TestWithParam<const OpDef*> {};

TEST_P(Gradient, IsThatOfCentralDifferences) {
  const OpDef& op = *GetParam();
  Random random(11);
  const std::vector<Sample> samples = op.samples(random);
  int checked = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Sample& sample = samples[i];
    if (std::none_of(sample.inputs.begin(), sample.inputs.end(), is_real)) continue;
    if (op.name == "LpNormalization" && all_zero(sample.inputs[0])) continue;  // no derivative there
    SCOPED_TRACE("sample " + std::to_string(i) + " opset " + std::to_string(sample.opset));
    Case item;
    try {
      item = make_case(op, sample, random);
    } catch (const Error& e) {
      ADD_FAILURE() << e.what();
      continue;
    }
    if (item.graph.outputs.empty()) continue;
    checked += testing_gradients::check(item.graph, item.parameters, random,
                                        {.structural = testing_gradients::structural_inputs(op, sample)});
  }
  EXPECT_GT(checked, 0) << "no sample tells anything about the gradient";
}

// Gradients that are not those of the function, by definition (straight through a rounding), or of float16: compared
// with torch in quant/qat and train.
bool is_function(const OpDef& op) {
  const std::set<std::string> others = {"FakeQuant", "ObservedFakeQuant", "LearnedScale", "Widen"};
  return op.domain != "octet" || !others.contains(op.name);
}

std::vector<const OpDef*> rows() {
  std::vector<const OpDef*> out;
  for (const OpDef& op : ops::all()) {
    if (op.gradient && is_function(op)) out.push_back(&op);
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(All, Gradient, testing::ValuesIn(rows()), [](const auto& test) {
  return test.param->domain + test.param->name + "_" + std::to_string(test.param->since);
});

// An operator is differentiable, or says that its derivative vanishes; the rest is refused by name.
TEST(GradientTable, NoOperatorSaysBoth) {
  for (const OpDef& op : ops::all()) EXPECT_FALSE(op.gradient && op.zero_gradient) << op.name;
}

}  // namespace
}  // namespace octet
