// Functions of the model itself, and subgraphs: names, captures, recursion (row 43 of the faults).
#include <gmock/gmock.h>

#include "octet/formats/onnx/model_builder.h"
#include "octet/ops/op.h"

namespace octet::formats {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using testing::ModelBuilder;

::onnx::FunctionProto& add_function(ModelBuilder& m, const std::string& name, const std::vector<std::string>& inputs,
                                    const std::vector<std::string>& outputs) {
  auto& f = *m.proto.add_functions();
  f.set_name(name);
  f.set_domain("local");
  for (const auto& i : inputs) f.add_input(i);
  for (const auto& o : outputs) f.add_output(o);
  f.add_opset_import()->set_version(17);
  return f;
}

ModelBuilder calling(const std::string& function) {
  ModelBuilder m;
  m.input("x", {2}).output("y", {2});
  auto& import = *m.proto.add_opset_import();
  import.set_domain("local"), import.set_version(1);
  m.node(function, {"x"}, {"y"}, "call");
  m.last_node().set_domain("local");
  return m;
}

std::vector<Tensor> run(const Graph& g, std::initializer_list<float> x) {
  ThreadPool threads(1);
  return ops::evaluate_graph(g, {Tensor::from<float>({static_cast<std::int64_t>(x.size())}, x)}, threads);
}

TEST(OnnxFunctions, AreInlinedWithNewNames) {
  ModelBuilder m = calling("Double");
  m.node("Double", {"y"}, {"z"}, "call2").output("z", {2});
  m.last_node().set_domain("local");
  auto& f = add_function(m, "Double", {"a"}, {"b"});
  ModelBuilder::add(*f.add_node(), "Add", {"a", "a"}, {"t"}, "sum");
  ModelBuilder::add(*f.add_node(), "Relu", {"t"}, {"b"}, "relu");
  const Graph g = m.parse();
  ASSERT_EQ(g.nodes.size(), 4u);
  EXPECT_EQ(g.nodes[0].name, "call/sum");
  EXPECT_EQ(g.nodes[2].name, "call2/sum");
  EXPECT_FLOAT_EQ(run(g, {1, 3})[1].values<float>()[1], 12);
}

TEST(OnnxFunctions, AttributesComeFromTheCallOrTheDefault) {
  ModelBuilder m = calling("Leaky");
  m.attribute("slope", ::onnx::AttributeProto::FLOAT).set_f(0.5f);
  m.node("Leaky", {"y"}, {"z"}, "plain").output("z", {2});
  m.last_node().set_domain("local");
  auto& f = add_function(m, "Leaky", {"a"}, {"b"});
  auto& fallback = *f.add_attribute_proto();
  fallback.set_name("slope"), fallback.set_type(::onnx::AttributeProto::FLOAT), fallback.set_f(0.1f);
  auto& attribute = *ModelBuilder::add(*f.add_node(), "LeakyRelu", {"a"}, {"b"}).add_attribute();
  attribute.set_name("alpha"), attribute.set_ref_attr_name("slope"), attribute.set_type(::onnx::AttributeProto::FLOAT);
  const Graph g = m.parse();
  EXPECT_EQ(g.nodes[0].attributes.real("alpha", 0), 0.5f);
  EXPECT_EQ(g.nodes[1].attributes.real("alpha", 0), 0.1f);
}

TEST(OnnxFunctions, MayHandTheirInputThrough) {
  ModelBuilder m = calling("Same");
  add_function(m, "Same", {"a"}, {"a"});
  const Graph g = m.parse();
  EXPECT_FLOAT_EQ(run(g, {1, 3})[0].values<float>()[1], 3);
}

TEST(OnnxFunctions, Row43_RecursionIsRefusedWithItsChain) {
  ModelBuilder m = calling("Ping");
  auto& ping = add_function(m, "Ping", {"a"}, {"b"});
  ModelBuilder::add(*ping.add_node(), "Pong", {"a"}, {"b"}, "to_pong").set_domain("local");
  auto& pong = add_function(m, "Pong", {"a"}, {"b"});
  ModelBuilder::add(*pong.add_node(), "Ping", {"a"}, {"b"}, "to_ping").set_domain("local");
  const ErrorInfo error = error_of([&] { m.parse(); });
  EXPECT_EQ(error.kind, ErrorKind::bad_input);
  EXPECT_THAT(error.value, HasSubstr("local.Ping -> local.Pong -> local.Ping"));
}

TEST(OnnxFunctions, UnfoldingIsLimited) {
  // Each function calls the next one eight times: 8^20 nodes from a file of a few kilobytes.
  ModelBuilder m = calling("F0");
  for (int i = 0; i < 20; ++i) {
    auto& f = add_function(m, "F" + std::to_string(i), {"a"}, {"b7"});
    for (int k = 0; k < 8; ++k) {
      auto& n = ModelBuilder::add(*f.add_node(), "F" + std::to_string(i + 1),
                                  {k == 0 ? "a" : "b" + std::to_string(k - 1)}, {"b" + std::to_string(k)});
      n.set_domain("local");
    }
  }
  auto& last = add_function(m, "F20", {"a"}, {"b"});
  ModelBuilder::add(*last.add_node(), "Relu", {"a"}, {"b"});
  EXPECT_EQ(error_of([&] { m.parse(); }).kind, ErrorKind::limit);
}

// x -> If(c) { Add(x, inner) } else { Relu(x) } -> y
ModelBuilder branching() {
  ModelBuilder m;
  m.input("x", {2}).output("y", {2}).node("If", {"c"}, {"y"}, "if");
  auto& c = *m.graph().add_initializer();
  c.set_name("c"), c.set_data_type(9), c.add_int32_data(1);
  auto& then = *m.attribute("then_branch", ::onnx::AttributeProto::GRAPH).mutable_g();
  then.set_name("then");
  testing::set_floats(*then.add_initializer(), "inner", {2}, {1, 2});
  ModelBuilder::add(*then.add_node(), "Add", {"x", "inner"}, {"then_out"}, "add");
  testing::set_type(*then.add_output(), "then_out", {2});
  auto& other = *m.attribute("else_branch", ::onnx::AttributeProto::GRAPH).mutable_g();
  other.set_name("else");
  ModelBuilder::add(*other.add_node(), "Relu", {"x"}, {"else_out"}, "relu");
  testing::set_type(*other.add_output(), "else_out", {2});
  return m;
}

::onnx::GraphProto& then_branch(ModelBuilder& m) { return *m.last_node().mutable_attribute(0)->mutable_g(); }

TEST(OnnxSubgraphs, CaptureByName) {
  const Graph g = branching().parse();
  const Graph& then = g.nodes[0].attributes.graph("then_branch");
  ASSERT_EQ(then.captures().size(), 1u);
  EXPECT_EQ(then.value(then.captures()[0]).name, "x");
  EXPECT_EQ(then.opset(), 17);
  EXPECT_FLOAT_EQ(run(g, {1, 3})[0].values<float>()[1], 5);
  EXPECT_EQ(serialize_onnx(testing::parse(serialize_onnx(g))), serialize_onnx(g));
}

TEST(OnnxSubgraphs, Row43_ShadowingIsUnsupported) {
  ModelBuilder m = branching();
  then_branch(m).mutable_initializer(0)->set_name("x");
  const ErrorInfo error = error_of([&] { m.parse(); });
  EXPECT_EQ(error.kind, ErrorKind::unsupported);
  EXPECT_EQ(error.tensor, "x");
}

TEST(OnnxSubgraphs, Row27_CaptureOfNothing) {
  ModelBuilder m = branching();
  then_branch(m).mutable_node(0)->set_input(0, "nowhere");
  const ErrorInfo error = error_of([&] { m.parse(); });
  EXPECT_EQ(error.kind, ErrorKind::bad_input);
  EXPECT_EQ(error.tensor, "nowhere");
  EXPECT_EQ(error.node, "add");
}

TEST(OnnxSubgraphs, InsideFunctionsSeeTheFunctionsNames) {
  ModelBuilder m = branching();
  auto& f = add_function(m, "Choose", {"p"}, {"q"});
  auto& constant = ModelBuilder::add(*f.add_node(), "Constant", {}, {"yes"});
  auto& value = *constant.add_attribute();
  value.set_name("value"), value.set_type(::onnx::AttributeProto::TENSOR);
  value.mutable_t()->set_data_type(9), value.mutable_t()->add_int32_data(1);
  auto& choose = ModelBuilder::add(*f.add_node(), "If", {"yes"}, {"q"});
  for (const char* name : {"then_branch", "else_branch"}) {
    auto& attribute = *choose.add_attribute();
    attribute.set_name(name), attribute.set_type(::onnx::AttributeProto::GRAPH);
    // "x" inside the function has nothing to do with the model's input x.
    ModelBuilder::add(*attribute.mutable_g()->add_node(), "Add", {"p", "p"}, {"x"});
    testing::set_type(*attribute.mutable_g()->add_output(), "x", {2});
  }
  auto& import = *m.proto.add_opset_import();
  import.set_domain("local"), import.set_version(1);
  m.node("Choose", {"y"}, {"z"}, "call").output("z", {2});
  m.last_node().set_domain("local");
  EXPECT_FLOAT_EQ(run(m.parse(), {1, 3})[1].values<float>()[1], 10);
}

}  // namespace
}  // namespace octet::formats
