#include "octet/ops/window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/ops/op.h"
#include "octet/ops/wide.h"

namespace octet {
namespace {

using ops::attributes_of;
using ops::Ints;
using ::testing::HasSubstr;

// A graph of one node over an input x and constant zeros for the rest.
Graph one_node(const char* op, Attributes attributes, SymbolicShape x, const std::vector<Shape>& constants) {
  Graph g;
  g.opsets[""] = 17;
  std::vector<ValueId> inputs = {g.add_input("x", DType::f32, std::move(x))};
  for (const Shape& shape : constants) inputs.push_back(g.add_initializer("", Tensor::zeros(DType::f32, shape)));
  g.outputs.push_back(g.add_node(op, inputs, std::move(attributes), "node1"));
  return g;
}

std::string inferred(Graph g) {
  ops::infer_shapes(g);
  const auto& shape = g.value(g.outputs[0]).type.shape;
  return shape ? to_string(*shape) : "none";
}

// Inference and evaluation must both refuse, as bad input, with the node's name and this text.
void expect_refused(const Graph& g, const Shape& x, const std::string& text) {
  try {
    Graph copy = clone(g);
    ops::infer_shapes(copy);
    ADD_FAILURE() << "inference took it: " << text;
  } catch (const Error& e) {
    EXPECT_EQ(e.info().kind, ErrorKind::bad_input);
    EXPECT_EQ(e.info().node, "node1");
    EXPECT_THAT(e.what(), HasSubstr(text));
  }
  ThreadPool threads(1);
  try {
    ops::evaluate_graph(g, {Tensor::zeros(DType::f32, x)}, threads);
    ADD_FAILURE() << "evaluation took it: " << text;
  } catch (const Error& e) {
    EXPECT_EQ(e.info().kind, ErrorKind::bad_input);
    EXPECT_THAT(e.what(), HasSubstr(text));
  }
}

void expect_conv_refused(Attributes attributes, const Shape& x, const Shape& w, const std::string& text) {
  expect_refused(one_node("Conv", std::move(attributes), symbolic(x), {w}), x, text);
}

TEST(Window, ZeroSizesAreRefused) {
  const Shape x{1, 4, 8, 8}, w{6, 4, 3, 3};
  expect_conv_refused(attributes_of({{"strides", Ints{0, 1}}}), x, w, "strides");
  expect_conv_refused(attributes_of({{"dilations", Ints{1, 0}}}), x, w, "dilations");
  expect_conv_refused(attributes_of({{"group", std::int64_t{0}}}), x, w, "group");
  expect_conv_refused(attributes_of({{"strides", Ints{2}}}), x, w, "strides");
  expect_conv_refused(attributes_of({{"auto_pad", std::string("SAME")}}), x, w, "auto_pad");
}

TEST(Window, PadsOutOfRangeAreRefused) {
  const Shape x{1, 4, 8, 8}, w{6, 4, 3, 3};
  expect_conv_refused(attributes_of({{"pads", Ints{-1, 0, 0, 0}}}), x, w, "pads");
  expect_conv_refused(attributes_of({{"pads", Ints{0, 0, std::int64_t{1} << 62, 0}}}), x, w, "pads");
  expect_conv_refused(attributes_of({{"pads", Ints{1, 1}}}), x, w, "pads");
  expect_conv_refused(attributes_of({{"pads", Ints{1, 1, 1, 1}}, {"auto_pad", std::string("VALID")}}), x, w, "pads");
  const Attributes pool = attributes_of({{"kernel_shape", Ints{2, 2}}, {"pads", Ints{2, 0, 0, 0}}});
  expect_refused(one_node("MaxPool", pool, symbolic(x), {}), x, "pads");
}

TEST(Window, ContradictoryWeightsAreRefused) {
  const Shape x{1, 4, 8, 8};
  expect_conv_refused(attributes_of({{"group", std::int64_t{3}}}), x, {6, 4, 3, 3}, "not divisible by group");
  expect_conv_refused(attributes_of({{"group", std::int64_t{4}}}), x, {6, 1, 3, 3}, "not divisible by group");
  expect_conv_refused({}, x, {6, 3, 3, 3}, "another number of input channels");
  expect_conv_refused(attributes_of({{"kernel_shape", Ints{5, 5}}}), x, {6, 4, 3, 3}, "kernel_shape");
  expect_conv_refused({}, x, {6, 4, 3}, "another rank");
  expect_conv_refused({}, x, {6, 4, 9, 3}, "larger than the padded input");
  expect_conv_refused({}, {4, 4}, {6, 4}, "no spatial dimensions");
  expect_refused(one_node("Conv", {}, symbolic(x), {{6, 4, 3, 3}, {5}}), x, "bias");
}

// Sizes as a hostile file may declare them: refused or computed, never an overflow.
TEST(Window, EnormousSizesDoNotOverflow) {
  const std::int64_t large = (std::int64_t{1} << 31) - 1, huge = std::int64_t{1} << 59;
  const Attributes wide = attributes_of({{"kernel_shape", Ints{large, large}},
                                         {"dilations", Ints{large, large}},
                                         {"pads", Ints{large, large, large, large}}});
  EXPECT_THROW(inferred(one_node("MaxPool", wide, {1, 1, 4, 4}, {})), Error);
  const Attributes same = attributes_of({{"kernel_shape", Ints{3, 3}}, {"auto_pad", std::string("SAME_UPPER")}});
  EXPECT_EQ(inferred(one_node("MaxPool", same, {1, 1, huge, 1}, {})), "1x1x576460752303423488x1");
  EXPECT_THROW(inferred(one_node("MaxPool", same, {1, 1, huge, 16}, {})), Error);
  const Attributes strided = attributes_of({{"strides", Ints{large, large}}});
  EXPECT_THROW(inferred(one_node("ConvTranspose", strided, {1, 1, huge, 4}, {{1, 1, 2, 2}})), Error);
  // A padded pool whose window has far more taps than the input has elements.
  const Attributes padded = attributes_of({{"kernel_shape", Ints{large, large}},
                                           {"pads", Ints{large - 1, large - 1, 0, 0}},
                                           {"strides", Ints{large, large}}});
  ThreadPool threads(1);
  const Graph g = one_node("AveragePool", padded, {1, 1, 2, 2}, {});
  const Tensor y = ops::evaluate_graph(g, {Tensor::from<float>({1, 1, 2, 2}, {1, 2, 3, 4})}, threads)[0];
  EXPECT_EQ(y.shape(), Shape({1, 1, 1, 1}));
  EXPECT_EQ(y.data<float>()[0], 1.0f);
}

TEST(Window, SymbolsPassWhereTheSizeStays) {
  const SymbolicShape x = {Dim("N"), 4, Dim("H"), 8};
  const Shape w{6, 4, 3, 3};
  EXPECT_EQ(inferred(one_node("Conv", {}, x, {w})), "Nx6x?x6");
  EXPECT_EQ(inferred(one_node("Conv", attributes_of({{"pads", Ints{1, 1, 1, 1}}}), x, {w})), "Nx6xHx8");
  EXPECT_EQ(inferred(one_node("Conv", attributes_of({{"auto_pad", std::string("SAME_UPPER")}}), x, {w})), "Nx6xHx8");
  const Attributes strided = attributes_of({{"auto_pad", std::string("SAME_UPPER")}, {"strides", Ints{2, 2}}});
  EXPECT_EQ(inferred(one_node("Conv", strided, x, {w})), "Nx6x?x4");
  EXPECT_EQ(inferred(one_node("MaxPool", attributes_of({{"kernel_shape", Ints{1, 2}}}), x, {})), "Nx4xHx7");
}

TEST(Window, CeilModeDropsAWindowThatStartsInThePadding) {
  const auto size = [](std::int64_t input, std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
    const Attributes a = attributes_of({{"kernel_shape", Ints{kernel}},
                                        {"strides", Ints{stride}},
                                        {"pads", Ints{pad, pad}},
                                        {"ceil_mode", std::int64_t{1}}});
    return ops::sliding_window(a, {1, 1, Dim(input)}).output[0];
  };
  EXPECT_EQ(size(8, 3, 2, 0), 4);  // 2.5 steps: a third, half outside
  EXPECT_EQ(size(2, 1, 2, 1), 2);  // the third would start at 3, in the end padding
  EXPECT_EQ(size(9, 3, 3, 1), 4);
}

TEST(Window, CoveredElementsLeaveThePaddingOut) {
  const ops::Window w = ops::sliding_window(
      attributes_of({{"kernel_shape", Ints{2, 2}}, {"dilations", Ints{2, 1}}, {"pads", Ints{1, 1, 1, 0}}}),
      {1, 1, 3, 3});
  std::vector<std::int64_t> offsets;
  ops::covered(w, 0, offsets);  // rows -1 and 1, columns -1 and 0
  EXPECT_EQ(offsets, (std::vector<std::int64_t>{3}));
  ops::covered(w, 4, offsets);  // rows 0 and 2, columns 0 and 1
  EXPECT_EQ(offsets, (std::vector<std::int64_t>{0, 1, 6, 7}));
  EXPECT_EQ(ops::taps_within_padding(w, 0), 4);
}

}  // namespace
}  // namespace octet
