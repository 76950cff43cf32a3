// Every rewrite fires on its samples and keeps what they compute.
#include "octet/rewrite/rewrite.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "octet/ops/elementwise.h"
#include "octet/ops/op.h"

namespace octet::rewrite {
namespace {

std::vector<Tensor> random_inputs(const Graph& graph, Random& random) {
  std::vector<Tensor> out;
  for (const ValueId id : graph.inputs) {
    const TypeInfo& type = graph.value(id).type;
    out.push_back(ops::random_tensor(random, type.dtype, *static_shape(*type.shape), -4, 4));
  }
  return out;
}

void expect_equal(const Graph& before, const Graph& after, const std::string& name) {
  ThreadPool threads(1);
  Random random(7);
  for (int round = 0; round < 3; ++round) {
    const std::vector<Tensor> inputs = random_inputs(before, random);
    const std::vector<Tensor> a = ops::evaluate_graph(before, inputs, threads);
    const std::vector<Tensor> b = ops::evaluate_graph(after, inputs, threads);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      ASSERT_EQ(a[i].shape(), b[i].shape()) << name;
      const std::vector<double> x = a[i].to_double(), y = b[i].to_double();
      double largest = 0, difference = 0, change = 0;
      for (std::size_t j = 0; j < x.size(); ++j) {
        largest = std::max(largest, std::abs(x[j]));
        difference = std::max(difference, std::abs(x[j] - y[j]));
        change = std::max(change, std::abs(x[j] - x[0]));
      }
      EXPECT_LE(difference, 2e-6 * largest) << name;
      EXPECT_GT(largest, 0) << name << ": a sample that gives only zeros proves nothing";
      EXPECT_GT(change, 0) << name;
    }
  }
}

class EveryRewrite : public testing::TestWithParam<std::size_t> {};

TEST_P(EveryRewrite, FiresAndKeepsOutputs) {
  const Rewrite& row = all()[GetParam()];
  const std::vector<Graph> samples = row.samples();
  ASSERT_FALSE(samples.empty()) << row.name;
  for (const Graph& sample : samples) {
    Graph before = clone(sample);
    ops::infer_shapes(before);
    verify(before);
    Graph after = clone(before);
    EXPECT_GT(row.apply(after), 0) << row.name;
    ops::infer_shapes(after);
    verify(after);
    expect_equal(before, after, row.name);
    EXPECT_EQ(before.value(before.outputs[0]).name, after.value(after.outputs[0]).name);
  }
}

TEST_P(EveryRewrite, WorksWithTheOthersAndExpandsAgain) {
  const Rewrite& row = all()[GetParam()];
  for (const Graph& sample : row.samples()) {
    Graph simple = clone(sample);
    simplify(simple);
    verify(simple);
    expect_equal(sample, simple, row.name);
    EXPECT_TRUE(simplify(simple).empty()) << row.name << ": a second round finds nothing";
    expand(simple);
    verify(simple);
    for (const Node& node : simple.nodes) EXPECT_EQ(node.domain, "") << row.name;
    expect_equal(sample, simple, row.name);
  }
}

std::string row_name(const testing::TestParamInfo<std::size_t>& info) { return all()[info.param].name; }
INSTANTIATE_TEST_SUITE_P(Rewrites, EveryRewrite, testing::Range(std::size_t{0}, all().size()), row_name);

TEST(Simplify, KeepsAnOutputThatRepeatsAnInput) {
  Graph g;
  g.opsets[""] = 13;
  const ValueId x = g.add_input("x", DType::f32, {2});
  g.outputs = {g.add_node("Identity", {x}), x};
  simplify(g);
  verify(g);
  expect_equal(g, g, "identity output");
  EXPECT_EQ(g.nodes.size(), 1u);
}

TEST(Simplify, DoesNotFoldABatchNormWhoseInputIsReadTwice) {
  const auto row =
      std::find_if(all().begin(), all().end(), [](const Rewrite& r) { return r.name == "fold_batch_norm"; });
  ASSERT_NE(row, all().end());
  Graph g = row->samples()[0];
  g.outputs.push_back(g.nodes[0].outputs[0]);
  const Graph before = clone(g);
  simplify(g);
  verify(g);
  expect_equal(before, g, "shared convolution");
}

}  // namespace
}  // namespace octet::rewrite
