// Each change of form: the graph is run before and after, and must give the same bits.
#include <gtest/gtest.h>

#include "octet/base/random.h"
#include "octet/base/testing.h"
#include "octet/formats/onnx/onnx.h"
#include "octet/ops/op.h"

namespace octet::formats {
namespace {

// One node of an old opset on one float input (and constants), all its outputs being the graph's.
struct OldForm {
  std::string op;
  int opset;
  Shape shape;
  Attributes attributes = {};
  std::vector<Tensor> constants = {};
  int outputs = 1;
};

Attributes with(std::initializer_list<std::pair<std::string, AttributeValue>> items) {
  Attributes out;
  for (const auto& [name, value] : items) out.set(name, value);
  return out;
}

using Ints = std::vector<std::int64_t>;

Tensor filled(const Shape& shape, float low, float high) {
  Random random(11);
  Tensor out(DType::f32, shape);
  for (float& v : std::span(out.data<float>(), static_cast<std::size_t>(out.elements()))) v = random.uniform(low, high);
  return out;
}

std::vector<OldForm> old_forms() {
  const Shape image = {2, 4, 3, 5};
  const auto sums = {"ReduceSum", "ReduceMean", "ReduceMax",    "ReduceMin",       "ReduceProd",
                     "ReduceL1",  "ReduceL2",   "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"};
  const Tensor c = filled({4}, 0.5f, 1.5f);
  std::vector<OldForm> out = {
      {"Squeeze", 9, {1, 3, 1}, with({{"axes", Ints{0, 2}}})},
      {"Squeeze", 11, {1, 3, 1}, {}},
      {"Unsqueeze", 9, {3, 2}, with({{"axes", Ints{0, 3}}})},
      {"Slice", 9, image, with({{"starts", Ints{1, -4}}, {"ends", Ints{100, -1}}, {"axes", Ints{1, 3}}})},
      {"Slice", 9, {4, 5}, with({{"starts", Ints{1, 0}}, {"ends", Ints{3, 4}}})},
      {"Split", 11, {6, 2}, with({{"axis", std::int64_t{0}}, {"split", Ints{1, 5}}}), {}, 2},
      {"Split", 9, {6, 2}, with({{"axis", std::int64_t{0}}}), {}, 3},
      {"Split", 13, {6, 2}, with({{"axis", std::int64_t{0}}}), {}, 2},
      {"Clip", 9, image, with({{"min", -0.5f}, {"max", 0.5f}})},
      {"Clip", 10, image, with({{"min", 0.0f}})},
      {"Pad", 9, {2, 3}, with({{"pads", Ints{0, 1, 2, 0}}, {"value", 1.5f}})},
      {"Pad", 10, {2, 3}, with({{"pads", Ints{0, 1, 1, 0}}, {"mode", std::string("reflect")}})},
      {"TopK", 9, {3, 6}, with({{"k", std::int64_t{2}}}), {}, 2},
      {"TopK", 10, {3, 6}, {}, {Tensor::from<std::int64_t>({1}, {2})}, 2},
      {"Dropout", 7, image, with({{"ratio", 0.3f}})},
      {"Dropout", 10, image, {}, {}, 2},
      {"BatchNormalization", 7, image, with({{"epsilon", 1e-3f}}), {c, c, c, c}},
      {"BatchNormalization", 9, image, {}, {c, c, c, c}},
      {"Upsample", 7, {1, 2, 3, 3}, with({{"scales", std::vector<float>{1, 1, 2, 2}}})},
      {"Upsample", 9, {1, 2, 3, 3}, with({{"mode", std::string("linear")}}), {Tensor::from<float>({4}, {1, 1, 2, 2})}},
      {"Resize", 10, {1, 2, 3, 3}, {}, {Tensor::from<float>({4}, {1, 1, 2, 3})}},
      {"Scatter",
       9,
       {3, 3},
       with({{"axis", std::int64_t{1}}}),
       {Tensor::from<std::int64_t>({1, 2}, {2, 0}), filled({1, 2}, 0, 1)}},
      {"GroupNormalization",
       18,
       image,
       with({{"num_groups", std::int64_t{2}}}),
       {filled({2}, 1, 2), filled({2}, 0, 1)}},
  };
  for (const char* op : sums) {
    const Shape positive = {2, 3, 4};
    out.push_back({op, 11, positive, with({{"axes", Ints{0, -1}}, {"keepdims", std::int64_t{0}}})});
    out.push_back({op, 9, positive, {}});
  }
  for (const char* op : {"Softmax", "LogSoftmax", "Hardmax"}) {
    out.push_back({op, 9, image, {}});  // over axes 1 to 3 together
    out.push_back({op, 11, {3, 4}, {}});
    out.push_back({op, 11, image, with({{"axis", std::int64_t{-1}}})});
    out.push_back({op, 11, image, with({{"axis", std::int64_t{2}}})});
    out.push_back({op, 11, image, with({{"axis", std::int64_t{0}}})});
  }
  return out;
}

Graph build(const OldForm& form) {
  Graph g;
  g.opsets[""] = form.opset;
  g.info.ir_version = 4;
  std::vector<ValueId> inputs = {g.add_input("x", DType::f32, symbolic(form.shape))};
  for (const Tensor& tensor : form.constants)
    inputs.push_back(g.add_initializer("c" + std::to_string(inputs.size()), tensor));
  g.outputs = {g.add_node(form.op, inputs, form.attributes, "node")};
  for (int i = 1; i < form.outputs; ++i) g.outputs.push_back(g.add_value("out" + std::to_string(i)));
  g.nodes[0].outputs = g.outputs;
  return g;
}

void expect_same_answers(const Graph& before, const Graph& after, const std::vector<Tensor>& inputs) {
  ThreadPool threads(1);
  const std::vector<Tensor> a = ops::evaluate_graph(before, inputs, threads),
                            b = ops::evaluate_graph(after, inputs, threads);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].dtype(), b[i].dtype());
    ASSERT_TRUE(a[i].shape() == b[i].shape()) << to_string(a[i].shape()) << " and " << to_string(b[i].shape());
    EXPECT_EQ(a[i].bytes() == 0 ? 0 : std::memcmp(a[i].raw(), b[i].raw(), a[i].bytes()), 0);
  }
}

class RaiseOpset : public ::testing::TestWithParam<OldForm> {};

TEST_P(RaiseOpset, MeansTheSame) {
  const OldForm& form = GetParam();
  const Graph old = build(form);
  ASSERT_NE(ops::find(form.op, "", form.opset), nullptr) << form.op << " is not there at opset " << form.opset;
  for (const int to : {13, 17, 18, 21, 22}) {
    if (to < form.opset) continue;
    SCOPED_TRACE(form.op + " from " + std::to_string(form.opset) + " to " + std::to_string(to));
    Graph raised = clone(old);
    raise_opset(raised, to);
    EXPECT_EQ(raised.opset(), to);
    for (const Node& node : raised.nodes) EXPECT_NO_THROW(ops::check_form(raised, node, ops::require(raised, node)));
    expect_same_answers(old, raised, {filled(form.shape, 0.1f, 2)});
    // A file of the new opset is one that the reader takes.
    const std::string bytes = serialize_onnx(raised);
    EXPECT_NO_THROW(parse_onnx({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}));
  }
}

std::string name_of(const ::testing::TestParamInfo<OldForm>& info) {
  return info.param.op + "_" + std::to_string(info.param.opset) + "_" + std::to_string(info.index);
}

INSTANTIATE_TEST_SUITE_P(OldForms, RaiseOpset, ::testing::ValuesIn(old_forms()), name_of);

TEST(RaiseOpsetGraph, SubgraphsAreRaisedWithNewNames) {
  Graph g;
  g.opsets[""] = 11;
  const ValueId x = g.add_input("x", DType::f32, {1, 3});
  const ValueId condition = g.add_initializer("condition", Tensor::from<bool>({}, {true}));
  const auto branch = [&](const std::string& name) {
    auto body = std::make_shared<Graph>();
    body->opsets = g.opsets;
    const ValueId captured = body->add_value("x");
    body->outputs = {body->add_node("Squeeze", {captured}, with({{"axes", Ints{0}}}), name)};
    return body;
  };
  // The name that the raised branch would like is taken outside.
  g.add_initializer("then_axes", Tensor::from<float>({1}, {1}));
  g.outputs = {g.add_node("If", {condition}, with({{"then_branch", branch("then")}, {"else_branch", branch("else")}}))};
  const Graph old = clone(g);
  raise_opset(g, 13);
  EXPECT_EQ(g.nodes[0].attributes.graph("then_branch").opset(), 13);
  EXPECT_EQ(g.nodes[0].attributes.graph("then_branch").find("then_axes"), kNoValue);
  expect_same_answers(old, g, {filled({1, 3}, 0, 1)});
  EXPECT_EQ(g.value(x).name, "x");
}

TEST(RaiseOpsetGraph, WhatCannotBeKeptIsRefusedAndTheGraphUntouched) {
  OldForm form{"BatchNormalization", 7, {1, 4, 2, 2}, with({{"spatial", std::int64_t{0}}})};
  form.constants.assign(4, filled({4, 2, 2}, 1, 2));
  Graph g = build(form);
  const std::string before = print_graph(g);
  try {
    raise_opset(g, 13);
    FAIL() << "spatial = 0 has no newer form";
  } catch (const Error& e) {
    EXPECT_EQ(e.info().kind, ErrorKind::unsupported);
    EXPECT_EQ(e.info().node, "node");
  }
  EXPECT_EQ(print_graph(g), before);
}

TEST(RaiseOpsetGraph, OnlyUpwards) {
  Graph g = build({"Relu", 17, {2}});
  for (const int to : {16, 23}) {
    try {
      raise_opset(g, to);
      FAIL() << to;
    } catch (const Error& e) {
      EXPECT_EQ(e.info().kind, ErrorKind::usage);
    }
  }
}

TEST(RaiseOpsetGraph, TextRecognitionNetwork) {
  const auto shared = octet::testing::shared_dir();
  if (!shared) GTEST_SKIP() << "the shared models are not there (OCTET_SHARED)";
  const Graph old = load_onnx((*shared / "models/ppocr-rec/ch_PP-OCRv4_rec_infer.onnx").string());
  ASSERT_EQ(old.opset(), 9);
  const std::vector<Tensor> inputs = {filled({1, 3, 48, 64}, -1, 1)};
  for (const int to : {13, 21}) {
    Graph raised = clone(old);
    raise_opset(raised, to);
    expect_same_answers(old, raised, inputs);
  }
}

}  // namespace
}  // namespace octet::formats
