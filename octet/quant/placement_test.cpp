#include "octet/quant/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/quant/testing_graphs.h"

namespace octet::quant {
namespace {

using ::testing::ElementsAre;

struct Placed {
  Graph graph;
  Candidates candidates;
  Placement placement;

  explicit Placed(Graph g, const Exclusions& exclude = {}) : graph(std::move(g)) {
    std::vector<std::string> warnings;
    candidates = find_layers(graph, exclude, warnings);
    placement = place(graph, candidates.layers);
  }
  bool quantized(const char* name) const { return placement.quantized(graph.find(name)); }
  int group(const char* name) const { return placement.group.at(graph.find(name)); }
};

TEST(Placement, ConvolutionTakesResidualAndActivation) {
  Builder b;
  const ValueId x = b.input("x", {1, 4, 8, 8});
  const ValueId a = b.node("Relu", {b.conv(x, 4, "conv1")}, "a");
  const ValueId c2 = b.conv(a, 4, "conv2");
  const ValueId sum = b.node("Add", {c2, a}, "sum");
  const ValueId r = b.node("Relu", {sum}, "r");
  b.output(b.conv(r, 2, "conv3"));
  const Placed p(b.graph);
  EXPECT_TRUE(p.quantized("x"));
  EXPECT_FALSE(p.quantized("conv1"));
  EXPECT_TRUE(p.quantized("a"));
  EXPECT_FALSE(p.quantized("conv2"));
  EXPECT_FALSE(p.quantized("sum"));
  EXPECT_TRUE(p.quantized("r"));
  EXPECT_FALSE(p.quantized("conv3")) << "the network's output stays float";
  EXPECT_THAT(p.placement.fused_into, ElementsAre(-1, 0, -1, 1, 1, -1));
}

TEST(Placement, NumbersBehindTheActivationBelongToTheLayer) {
  Builder b;
  const ValueId x = b.input("x", {1, 4, 8, 8});
  const ValueId h = b.node("HardSwish", {b.conv(x, 4, "conv1")}, "h");
  const ValueId scaled = b.node("Mul", {b.constant("scale", {1}), h}, "scaled");
  const ValueId shifted = b.node("Add", {scaled, b.constant("shift", {1})}, "shifted");
  const ValueId other = b.node("Mul", {b.conv(shifted, 4, "conv2"), b.constant("channels", {4, 1, 1})}, "other");
  b.output(b.conv(b.node("Add", {other, shifted}, "sum"), 2, "conv3"));
  const Placed p(b.graph);
  EXPECT_THAT(p.placement.fused_into, ElementsAre(-1, 0, 0, 0, -1, -1, -1, -1));
  EXPECT_FALSE(p.quantized("h"));
  EXPECT_FALSE(p.quantized("scaled"));
  EXPECT_TRUE(p.quantized("shifted"));
  EXPECT_TRUE(p.quantized("conv2")) << "a factor a channel is no number";
}

TEST(Placement, OfTwoBranchesTheLaterHostsTheAdd) {
  Builder b;
  const ValueId x = b.input("x", {1, 4, 8, 8});
  const ValueId sum = b.node("Add", {b.conv(x, 4, "left"), b.conv(x, 4, "right")}, "sum");
  b.output(b.conv(b.node("Relu", {sum}, "r"), 2, "last"));
  const Placed p(b.graph);
  EXPECT_TRUE(p.quantized("left"));
  EXPECT_FALSE(p.quantized("right"));
  EXPECT_TRUE(p.quantized("r"));
}

TEST(Placement, MovesAndPoolsShareParameters) {
  Builder b;
  const ValueId x = b.input("x", {1, 4, 8, 8});
  Attributes pool;
  pool.set("kernel_shape", std::vector<std::int64_t>{2, 2});
  const ValueId left = b.node("MaxPool", {b.node("Relu", {b.conv(x, 4, "c1")}, "r1")}, "pooled", pool);
  const ValueId right = b.node("MaxPool", {b.node("Relu", {b.conv(x, 4, "c2")}, "r2")}, "pooled2", pool);
  Attributes axis;
  axis.set("axis", std::int64_t{1});
  b.output(b.conv(b.node("Concat", {left, right}, "cat", axis), 2, "last"));
  const Placed p(b.graph);
  for (const char* name : {"r1", "r2", "pooled", "pooled2"}) EXPECT_EQ(p.group(name), p.group("cat")) << name;
  EXPECT_NE(p.group("x"), p.group("cat"));
  EXPECT_THAT(p.placement.sources[static_cast<std::size_t>(p.group("cat"))],
              ElementsAre(p.graph.find("r1"), p.graph.find("r2")));
}

TEST(Placement, FloatNeighboursKeepAnAddFloat) {
  Builder b;
  const ValueId x = b.input("x", {2, 4});
  const ValueId normal = b.node("Softmax", {x}, "normal");
  const ValueId sum = b.node("Add", {normal, b.matmul(normal, 4, "m")}, "sum");
  b.output(b.node("Softmax", {sum}, "y"));
  const Placed p(b.graph);
  EXPECT_TRUE(p.quantized("normal"));
  EXPECT_FALSE(p.quantized("m"));
  EXPECT_FALSE(p.quantized("sum"));
  EXPECT_FALSE(p.placement.int8[2]);
}

TEST(Placement, BiasAddBelongsToTheProduct) {
  Builder b;
  const ValueId x = b.input("x", {2, 4});
  const ValueId bias = b.constant("bias", {4});
  const ValueId hidden = b.node("Relu", {b.node("Add", {bias, b.matmul(x, 4, "m1")}, "biased")}, "hidden");
  b.output(b.matmul(hidden, 3, "m2"));
  const Placed p(b.graph);
  EXPECT_THAT(p.placement.fused_into, ElementsAre(-1, 0, 0, -1));
  EXPECT_TRUE(p.quantized("hidden"));
  EXPECT_FALSE(p.quantized("biased"));
  EXPECT_FALSE(p.quantized("bias"));
}

TEST(Placement, ClampAfterAnAddSharesItsOutputRange) {
  Builder b;
  const ValueId x = b.input("x", {1, 4, 8, 8});
  const ValueId a = b.node("Relu", {b.conv(x, 4, "c1")}, "a");
  const ValueId c = b.node("Relu", {b.conv(x, 4, "c2")}, "c");
  b.output(b.conv(b.node("Relu", {b.node("Add", {a, c}, "sum")}, "r"), 2, "last"));
  const Placed p(b.graph);
  EXPECT_EQ(p.group("sum"), p.group("r"));
  EXPECT_THAT(p.placement.sources[static_cast<std::size_t>(p.group("r"))], ElementsAre(p.graph.find("r")));
}

TEST(Placement, PadsWithANumberStayFloat) {
  for (const float number : {0.0F, -1.0F}) {
    Builder b;
    const ValueId x = b.input("x", {1, 4, 8, 8});
    const ValueId a = b.node("Relu", {b.conv(x, 4, "c1")}, "a");
    const ValueId pads = b.graph.add_initializer("pads", Tensor::from<std::int64_t>({8}, {0, 0, 1, 1, 0, 0, 1, 1}));
    const ValueId value = b.graph.add_initializer("value", Tensor::scalar(number));
    b.output(b.conv(b.node("Pad", {a, pads, value}, "padded"), 2, "last"));
    const Placed p(b.graph);
    EXPECT_EQ(p.placement.int8[2], number == 0);
    EXPECT_EQ(p.quantized("a"), number == 0);
    EXPECT_TRUE(p.quantized("padded"));
  }
}

TEST(Layers, ExclusionsSayWhy) {
  Builder b;
  ValueId x = b.input("x", {1, 4, 8, 8});
  for (int i = 0; i < 6; ++i) x = b.conv(x, 4, "block" + std::to_string(i));
  b.output(b.node("Softmax", {b.matmul(x, 4, "head")}, "y"));
  std::vector<std::string> warnings;
  Exclusions exclude{
      .first = true, .last = true, .nodes = {"block[1]", "block1", "*oc?2", "nothing*"}, .operators = {"Gru"}};
  const Candidates found = find_layers(b.graph, exclude, warnings);
  EXPECT_EQ(found.layers.size(), 3U);
  EXPECT_THAT(found.reasons, ElementsAre("left out: first layer", "left out by name", "left out: matches *oc?2", "", "",
                                         "", "left out: last layer", "no int8 form of this operator"));
  EXPECT_EQ(warnings.size(), 3U);
}

TEST(Layers, Patterns) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("a*b*c", "a123b45bc"));
  EXPECT_TRUE(matches("?x*", "axe"));
  EXPECT_FALSE(matches("a*b", "abc"));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_FALSE(matches("?", ""));
  EXPECT_FALSE(matches(std::string(30, '*') + "b", std::string(5000, 'a'))) << "linear, no backtracking explosion";
}

}  // namespace
}  // namespace octet::quant
