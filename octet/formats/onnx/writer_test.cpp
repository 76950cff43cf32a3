#include <gtest/gtest.h>
#include <sys/stat.h>

#include "octet/base/testing.h"
#include "octet/formats/onnx/model_builder.h"

namespace octet::formats {
namespace {

using octet::testing::TemporaryDirectory;
using testing::error_of;
using testing::ModelBuilder;

// A model with something in every corner that a reader could lose.
ModelBuilder full_model() {
  ModelBuilder m(15, 9);
  m.proto.set_producer_name("p"), m.proto.set_producer_version("1"), m.proto.set_domain("d"),
      m.proto.set_model_version(3);
  m.proto.set_doc_string("model doc");
  auto& meta = *m.proto.add_metadata_props();
  meta.set_key("k"), meta.set_value("v");
  m.proto.mutable_unknown_fields()->append("\xfa\x3f\x03new", 6);  // field 1023
  m.graph().set_doc_string("graph doc");
  m.graph().mutable_unknown_fields()->append("\xfa\x3f\x03grf", 6);
  auto& annotation = *m.graph().add_quantization_annotation();
  annotation.set_tensor_name("y");
  m.input("x", {2, 3}).floats("w", {3}, {1, 2, 3}).output("z", {2, 3});
  auto& input = *m.graph().mutable_input(0);
  input.set_doc_string("input doc");
  input.mutable_type()->set_denotation("IMAGE");
  input.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_dim_param("batch");
  input.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_denotation("DATA_BATCH");
  m.last_initializer().set_doc_string("tensor doc");
  m.last_initializer().mutable_unknown_fields()->append("\xfa\x3f\x03ten", 6);
  m.node("Add", {"x", "w"}, {"y"}, "add");
  m.last_node().set_doc_string("node doc");
  m.last_node().mutable_unknown_fields()->append("\xfa\x3f\x03nod", 6);
  m.node("Relu", {"y"}, {"z"}, "relu");
  testing::set_type(*m.graph().add_value_info(), "y", {2, 3});
  m.graph().mutable_value_info(0)->set_doc_string("value doc");
  return m;
}

// The proto as the writer would put it: data raw, types complete.
std::string canonical(const std::string& bytes) {
  ::onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(bytes));
  for (auto& tensor : *model.mutable_graph()->mutable_initializer()) {
    const std::vector<float> values(tensor.float_data().begin(), tensor.float_data().end());
    if (tensor.has_raw_data()) continue;
    tensor.set_raw_data(values.data(), values.size() * sizeof(float));
    tensor.clear_float_data();
  }
  return model.SerializeAsString();
}

TEST(OnnxWriter, KeepsEverything) {
  const std::string before = full_model().bytes();
  ::onnx::ModelProto given;
  given.ParseFromString(canonical(before));
  ::onnx::ModelProto written;
  ASSERT_TRUE(written.ParseFromString(serialize_onnx(testing::parse(before))));
  // The batch symbol travels to the inferred type of y; apart from that the bytes are the same.
  given.mutable_graph()->mutable_value_info(0)->mutable_type()->Clear();
  written.mutable_graph()->mutable_value_info(0)->mutable_type()->Clear();
  EXPECT_EQ(given.SerializeAsString(), written.SerializeAsString());
}

// The value of a Constant is a tensor with a name and a doc string of its own.
TEST(OnnxWriter, KeepsNamesOfTensorsInAttributes) {
  ModelBuilder m;
  m.input("x", {2}).output("y", {2}).node("Constant", {}, {"c"}).node("Add", {"x", "c"}, {"y"});
  auto& attribute = *m.graph().mutable_node(0)->add_attribute();
  attribute.set_name("value"), attribute.set_type(::onnx::AttributeProto::TENSOR);
  testing::set_floats(*attribute.mutable_t(), "constant.29", {2}, {1, 2});
  attribute.mutable_t()->set_doc_string("why 29");
  ::onnx::ModelProto written;
  ASSERT_TRUE(written.ParseFromString(serialize_onnx(m.parse())));
  ASSERT_EQ(written.graph().node_size(), 2);
  const ::onnx::TensorProto& tensor = written.graph().node(0).attribute(0).t();
  EXPECT_EQ(tensor.name(), "constant.29");
  EXPECT_EQ(tensor.doc_string(), "why 29");
  EXPECT_EQ(tensor.raw_data().size(), 8U);
  EXPECT_EQ(tensor.float_data_size(), 0);
}

TEST(OnnxWriter, WritingAgainGivesTheSameBytes) {
  const std::string once = serialize_onnx(full_model().parse());
  EXPECT_EQ(serialize_onnx(testing::parse(once)), once);
}

TEST(OnnxWriter, ConstantsOfOldFilesAreListedAsInputs) {
  ModelBuilder m(9, 3);
  m.input("x", {2}).input("w", {2}).floats("w", {2}, {1, 2}).output("y", {2}).node("Add", {"x", "w"}, {"y"});
  ::onnx::ModelProto written;
  ASSERT_TRUE(written.ParseFromString(serialize_onnx(m.parse())));
  ASSERT_EQ(written.graph().input_size(), 2);
  EXPECT_EQ(written.graph().input(1).name(), "w");
  EXPECT_EQ(written.opset_import(0).version(), 9);
}

Graph two_constants() {
  ModelBuilder m = testing::relu_model();
  m.floats("big", {1024}, std::vector<float>(1024, 2.5f)).floats("small", {3}, {1, 2, 3});
  return m.parse();
}

TEST(OnnxWriter, ExternalDataRoundTrips) {
  const TemporaryDirectory dir;
  const Graph g = two_constants();
  save_onnx(g, dir.file("m.onnx"), {.external_above = 100});
  EXPECT_EQ(std::filesystem::file_size(dir.file("m.onnx.data")), 4096u);
  EXPECT_LT(std::filesystem::file_size(dir.file("m.onnx")), 400u);
  const Graph again = load_onnx(dir.file("m.onnx"));
  EXPECT_EQ(again.initializer(again.find("big"))->values<float>()[1023], 2.5f);
  EXPECT_EQ(serialize_onnx(again), serialize_onnx(g));
  // Written over itself: what is mapped stays readable, and nothing else is left in the folder.
  save_onnx(again, dir.file("m.onnx"), {.external_above = 100});
  EXPECT_EQ(serialize_onnx(load_onnx(dir.file("m.onnx"))), serialize_onnx(g));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 2);
}

TEST(OnnxWriter, TiedTensorsShareTheirPlaceInTheDataFile) {
  const TemporaryDirectory dir;
  Graph g = two_constants();
  g.add_initializer("tied", *g.initializer(g.find("big")));
  save_onnx(g, dir.file("m.onnx"), {.external_above = 100});
  EXPECT_EQ(std::filesystem::file_size(dir.file("m.onnx.data")), 4096u);
}

TEST(OnnxWriter, ExistingOutputIsLeftAloneUnlessAsked) {
  const TemporaryDirectory dir;
  const std::string path = dir.write("m.onnx", "mine");
  const ErrorInfo error = error_of([&] { save_onnx(two_constants(), path, {.overwrite = false}); });
  EXPECT_EQ(error.kind, ErrorKind::usage);
  EXPECT_EQ(error.file, path);
  EXPECT_EQ(octet::testing::read_file(path), "mine");
}

TEST(OnnxWriter, FailureLeavesNothing) {
  const TemporaryDirectory dir;
  EXPECT_EQ(error_of([&] { save_onnx(two_constants(), dir.file("no/m.onnx")); }).kind, ErrorKind::io);
  // The data file's place is taken by a folder: the model must not appear either.
  std::filesystem::create_directory(dir.file("m.onnx.data"));
  const ErrorInfo error = error_of([&] { save_onnx(two_constants(), dir.file("m.onnx"), {.external_above = 1}); });
  EXPECT_EQ(error.kind, ErrorKind::io);
  EXPECT_FALSE(std::filesystem::exists(dir.file("m.onnx")));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
}

TEST(OnnxWriter, NamesThatWouldLeadOutOfTheFolderAreRefused) {
  const TemporaryDirectory dir;
  const ErrorInfo error = error_of([&] { save_onnx(two_constants(), dir.file("..\\m.onnx"), {.external_above = 1}); });
  EXPECT_EQ(error.kind, ErrorKind::bad_input);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(OnnxWriter, SymbolicLinkStays) {
  const TemporaryDirectory dir;
  dir.write("real.onnx", "old");
  std::filesystem::create_symlink("real.onnx", dir.file("link.onnx"));
  save_onnx(two_constants(), dir.file("link.onnx"));
  EXPECT_TRUE(std::filesystem::is_symlink(dir.file("link.onnx")));
  EXPECT_NO_THROW(load_onnx(dir.file("real.onnx")));
}

}  // namespace
}  // namespace octet::formats
