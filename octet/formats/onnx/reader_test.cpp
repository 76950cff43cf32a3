#include <gmock/gmock.h>

#include <algorithm>

#include "octet/formats/onnx/model_builder.h"
#include "octet/ops/op.h"

namespace octet::formats {
namespace {

using testing::ModelBuilder;

TEST(OnnxReader, ReadsNodesNamesAndTypes) {
  ModelBuilder m = testing::relu_model();
  m.proto.set_producer_name("someone");
  m.proto.set_doc_string("a model");
  m.graph().set_doc_string("a graph");
  auto* entry = m.proto.add_metadata_props();
  entry->set_key("author");
  entry->set_value("nobody");
  const Graph g = m.parse();
  EXPECT_EQ(g.name, "test");
  EXPECT_EQ(g.doc, "a graph");
  EXPECT_EQ(g.info.doc, "a model");
  EXPECT_EQ(g.info.producer_name, "someone");
  EXPECT_EQ(*g.info.find_metadata("author"), "nobody");
  EXPECT_EQ(g.opset(), 17);
  ASSERT_EQ(g.nodes.size(), 1u);
  EXPECT_EQ(g.nodes[0].name, "relu");
  EXPECT_EQ(g.value(g.inputs[0]).name, "x");
  EXPECT_EQ(to_string(*g.value(g.outputs[0]).type.shape), "2x3");
}

TEST(OnnxReader, SortsNodes) {
  ModelBuilder m;
  m.input("x", {2}).output("z", {2}).node("Relu", {"y"}, {"z"}, "second").node("Relu", {"x"}, {"y"}, "first");
  const Graph g = m.parse();
  EXPECT_EQ(g.nodes[0].name, "first");
}

// Every element type in its typed field and as raw data.
struct TypedCase {
  int code;
  std::function<void(::onnx::TensorProto&)> fill;
  std::string raw;
};

template <class T>
std::string raw_of(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T)};
}

std::vector<TypedCase> typed_cases() {
  const auto ints = [](::onnx::TensorProto& t) { t.add_int32_data(1), t.add_int32_data(0); };
  const auto negative = [](::onnx::TensorProto& t) { t.add_int32_data(-5), t.add_int32_data(100); };
  const auto halves = [](::onnx::TensorProto& t) { t.add_int32_data(0x3c00), t.add_int32_data(0xc000); };
  return {
      {1, [](auto& t) { t.add_float_data(1.5f), t.add_float_data(-2); }, raw_of<float>({1.5f, -2})},
      {2, [](auto& t) { t.add_int32_data(255), t.add_int32_data(7); }, raw_of<std::uint8_t>({255, 7})},
      {3, negative, raw_of<std::int8_t>({-5, 100})},
      {4, [](auto& t) { t.add_int32_data(65535), t.add_int32_data(7); }, raw_of<std::uint16_t>({65535, 7})},
      {5, negative, raw_of<std::int16_t>({-5, 100})},
      {6, negative, raw_of<std::int32_t>({-5, 100})},
      {7, [](auto& t) { t.add_int64_data(-5), t.add_int64_data(1LL << 40); }, raw_of<std::int64_t>({-5, 1LL << 40})},
      {9, ints, raw_of<bool>({true, false})},
      {10, halves, raw_of<std::uint16_t>({0x3c00, 0xc000})},
      {11, [](auto& t) { t.add_double_data(1.5), t.add_double_data(-2); }, raw_of<double>({1.5, -2})},
      {12, [](auto& t) { t.add_uint64_data(4000000000u), t.add_uint64_data(7); },
       raw_of<std::uint32_t>({4000000000u, 7})},
      {13, [](auto& t) { t.add_uint64_data(1ull << 63), t.add_uint64_data(7); },
       raw_of<std::uint64_t>({1ull << 63, 7})},
      {16, halves, raw_of<std::uint16_t>({0x3c00, 0xc000})},
  };
}

Tensor initializer_of(const std::function<void(::onnx::TensorProto&)>& fill) {
  ModelBuilder m = testing::relu_model();
  auto& tensor = *m.graph().add_initializer();
  tensor.set_name("w");
  tensor.add_dims(2);
  fill(tensor);
  const Graph g = m.parse();
  return *g.initializer(g.find("w"));
}

TEST(OnnxReader, ReadsEveryElementTypeInBothForms) {
  for (const TypedCase& c : typed_cases()) {
    const Tensor typed = initializer_of([&](auto& t) { t.set_data_type(c.code), c.fill(t); });
    const Tensor raw = initializer_of([&](auto& t) { t.set_data_type(c.code), t.set_raw_data(c.raw); });
    EXPECT_EQ(static_cast<int>(typed.dtype()), c.code);
    ASSERT_EQ(typed.bytes(), c.raw.size()) << c.code;
    EXPECT_EQ(std::string(static_cast<const char*>(typed.raw()), typed.bytes()), c.raw) << c.code;
    EXPECT_EQ(std::string(static_cast<const char*>(raw.raw()), raw.bytes()), c.raw) << c.code;
  }
}

TEST(OnnxReader, TakesOpsets7To22AndIr3To10) {
  for (int opset = 6; opset <= 23; ++opset) {
    ModelBuilder m(opset);
    m.input("x", {2}).output("y", {2}).node("Relu", {"x"}, {"y"}, "relu");
    const bool known = opset >= 7 && opset <= 22;
    EXPECT_EQ(testing::error_of([&] { m.parse(); }).message,
              known ? "nothing was thrown" : "the model's opset is not one that Octet reads");
  }
  for (int ir = 2; ir <= 11; ++ir) {
    ModelBuilder m(13, ir);
    m.input("x", {2}).output("y", {2}).node("Relu", {"x"}, {"y"}, "relu");
    EXPECT_EQ(testing::error_of([&] { m.parse(); }).kind,
              ir >= 3 && ir <= 10 ? ErrorKind::internal : ErrorKind::unsupported);
  }
}

TEST(OnnxReader, ConstantsOfOldFilesAreNoInputs) {
  for (const std::int64_t ir : {3, 4}) {
    ModelBuilder m(9, ir);
    m.input("x", {2}).input("w", {2}).floats("w", {2}, {1, 2}).output("y", {2}).node("Add", {"x", "w"}, {"y"});
    const Graph g = m.parse();
    EXPECT_EQ(g.inputs.size(), ir == 3 ? 1u : 2u);  // from IR 4 on it is an input with a default
    EXPECT_NE(g.initializer(g.find("w")), nullptr);
  }
}

TEST(OnnxReader, TiedWeightsAreOneTensor) {
  ModelBuilder m;
  m.input("x", {2})
      .floats("w", {2}, {1, 2})
      .output("z", {2})
      .node("Add", {"x", "w"}, {"y"})
      .node("Add", {"y", "w"}, {"z"});
  const Graph g = m.parse();
  EXPECT_EQ(g.initializers().size(), 1u);
  EXPECT_EQ(g.nodes[0].inputs[1], g.nodes[1].inputs[1]);
}

TEST(OnnxReader, LargeRawDataIsNotCopied) {
  ModelBuilder m = testing::relu_model();
  auto& tensor = *m.graph().add_initializer();
  tensor.set_name("w");
  tensor.set_data_type(1);
  tensor.add_dims(4096);
  tensor.set_raw_data(std::string(4096 * 4, '\1'));
  const Graph g = m.parse();
  EXPECT_EQ(g.initializer(g.find("w"))->elements(), 4096);
  EXPECT_NE(g.initializer(g.find("w"))->owner(), nullptr);
}

TEST(OnnxReader, LongChainsNeedNoRecursion) {
  ModelBuilder m;
  m.input("v0", {1});
  constexpr int kLength = 100000;
  for (int i = 0; i < kLength; ++i) m.node("Relu", {"v" + std::to_string(i)}, {"v" + std::to_string(i + 1)});
  // From the end to the start: the order in the file is the worst one.
  std::reverse(m.graph().mutable_node()->begin(), m.graph().mutable_node()->end());
  m.output("v" + std::to_string(kLength), {1});
  const Graph g = m.parse();
  EXPECT_EQ(g.nodes.size(), static_cast<std::size_t>(kLength));
  EXPECT_EQ(g.value(g.nodes[0].inputs[0]).name, "v0");
}

}  // namespace
}  // namespace octet::formats
