// Every network of the zoo read and written again: no value and no name changes, whatever form the file has; and
// printed and parsed again: the same graph. Skipped by name where the networks are not there.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "octet/base/testing.h"
#include "octet/formats/onnx/onnx.pb.h"
#include "octet/graph/text.h"
#include "octet/octet.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> zoo() {
  std::vector<fs::path> out;
  if (!testing::shared_dir()) return out;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(*testing::shared_dir() / "models")) {
    if (entry.path().extension() == ".onnx") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

::onnx::ModelProto read_proto(const fs::path& path) {
  ::onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(testing::read_file(path))) << path;
  return model;
}

template <class Field>
std::string bytes_of(const Field& field) {
  return {reinterpret_cast<const char*>(field.data()), static_cast<std::size_t>(field.size()) * sizeof(*field.data())};
}

// Type, dimensions and bytes of a tensor, however they are stored (the types of the zoo).
std::string content(const ::onnx::TensorProto& tensor, const std::string& data) {
  std::string out = std::to_string(tensor.data_type());
  for (const std::int64_t dim : tensor.dims()) out += "x" + std::to_string(dim);
  out += ":";
  if (tensor.data_location() == ::onnx::TensorProto::EXTERNAL) {
    std::map<std::string, std::string> where;
    for (const auto& entry : tensor.external_data()) where[entry.key()] = entry.value();
    const std::size_t offset = where.contains("offset") ? std::stoul(where["offset"]) : 0;
    return out + data.substr(offset, where.contains("length") ? std::stoul(where["length"]) : std::string::npos);
  }
  return out + tensor.raw_data() + bytes_of(tensor.float_data()) + bytes_of(tensor.int64_data()) +
         bytes_of(tensor.double_data()) +
         (tensor.data_type() == static_cast<int>(DType::i32) ? bytes_of(tensor.int32_data()) : std::string());
}

using ValueInfos = google::protobuf::RepeatedPtrField<::onnx::ValueInfoProto>;

void expect_same_names(const ValueInfos& a, const ValueInfos& b) {
  ASSERT_EQ(a.size(), b.size());
  for (int i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].name(), b[i].name());
}

void expect_same(const ::onnx::GraphProto& a, const ::onnx::GraphProto& b, const std::string& data);

void expect_same(const ::onnx::NodeProto& a, const ::onnx::NodeProto& b, const std::string& data) {
  EXPECT_EQ(a.op_type() + a.domain(), b.op_type() + b.domain());
  EXPECT_EQ(a.doc_string(), b.doc_string());
  EXPECT_EQ(std::vector(a.input().begin(), a.input().end()), std::vector(b.input().begin(), b.input().end()));
  std::map<std::string, const ::onnx::AttributeProto*> theirs;
  for (const auto& attribute : b.attribute()) theirs[attribute.name()] = &attribute;
  ASSERT_EQ(static_cast<std::size_t>(a.attribute_size()), theirs.size()) << a.name();
  for (const auto& mine : a.attribute()) {
    ASSERT_TRUE(theirs.contains(mine.name())) << a.name() << " " << mine.name();
    const ::onnx::AttributeProto& other = *theirs[mine.name()];
    if (mine.has_g()) {
      expect_same(mine.g(), other.g(), data);
    } else if (mine.has_t()) {
      EXPECT_EQ(mine.t().name(), other.t().name());
      EXPECT_TRUE(content(mine.t(), data) == content(other.t(), data)) << a.name() << " " << mine.name();
    } else {
      EXPECT_EQ(mine.SerializeAsString(), other.SerializeAsString()) << a.name() << " " << mine.name();
    }
  }
}

// `data`: b's external data.
void expect_same(const ::onnx::GraphProto& a, const ::onnx::GraphProto& b, const std::string& data) {
  EXPECT_EQ(a.name(), b.name());
  EXPECT_EQ(a.doc_string(), b.doc_string());
  std::map<std::string, const ::onnx::NodeProto*> nodes;  // by what they produce: the order may become topological
  for (const auto& node : b.node()) nodes[node.name() + "\n" + node.output(0)] = &node;
  ASSERT_EQ(static_cast<std::size_t>(a.node_size()), nodes.size());
  for (const auto& node : a.node()) {
    const auto it = nodes.find(node.name() + "\n" + node.output(0));
    ASSERT_NE(it, nodes.end()) << node.name();
    expect_same(node, *it->second, data);
  }
  std::map<std::string, const ::onnx::TensorProto*> tensors;
  for (const auto& tensor : b.initializer()) tensors[tensor.name()] = &tensor;
  ASSERT_EQ(static_cast<std::size_t>(a.initializer_size()), tensors.size());
  for (const auto& tensor : a.initializer()) {
    ASSERT_TRUE(tensors.contains(tensor.name())) << tensor.name();
    EXPECT_TRUE(content(tensor, data) == content(*tensors[tensor.name()], data)) << tensor.name();
    EXPECT_EQ(tensor.doc_string(), tensors[tensor.name()]->doc_string());
  }
  expect_same_names(a.input(), b.input());
  expect_same_names(a.output(), b.output());
}

void expect_same(const ::onnx::ModelProto& a, const ::onnx::ModelProto& b, const std::string& data) {
  EXPECT_EQ(a.ir_version(), b.ir_version());
  EXPECT_EQ(a.producer_name() + a.producer_version() + a.domain() + a.doc_string(),
            b.producer_name() + b.producer_version() + b.domain() + b.doc_string());
  std::map<std::string, std::int64_t> mine, theirs;
  for (const auto& import : a.opset_import()) mine[import.domain()] = import.version();
  for (const auto& import : b.opset_import()) theirs[import.domain()] = import.version();
  EXPECT_EQ(mine, theirs);
  ASSERT_EQ(a.metadata_props_size(), b.metadata_props_size());
  for (int i = 0; i < a.metadata_props_size(); ++i)
    EXPECT_EQ(a.metadata_props(i).SerializeAsString(), b.metadata_props(i).SerializeAsString());
  expect_same(a.graph(), b.graph(), data);
}

class Zoo : public ::testing::TestWithParam<fs::path> {};

TEST_P(Zoo, ReadThenWriteChangesNothing) {
  const ::onnx::ModelProto before = read_proto(GetParam());
  const Graph graph = load_onnx(GetParam().string());
  const testing::TemporaryDirectory folder;
  for (const std::int64_t external_above : {std::int64_t{1} << 40, std::int64_t{0}}) {
    const std::string path = folder.file(external_above == 0 ? "external.onnx" : "embedded.onnx");
    save_onnx(graph, path, {.external_above = external_above});
    EXPECT_EQ(fs::exists(path + ".data"), external_above == 0);
    expect_same(before, read_proto(path), external_above == 0 ? testing::read_file(path + ".data") : "");
    EXPECT_TRUE(formats::serialize_onnx(load_onnx(path)) == formats::serialize_onnx(graph));
  }
}

TEST_P(Zoo, PrintThenParseChangesNothing) {
  const Graph graph = load_onnx(GetParam().string());
  const std::string text = print_graph(graph);
  const Graph back = parse_graph(text);
  EXPECT_TRUE(print_graph(back) == text);
  EXPECT_TRUE(formats::serialize_onnx(back) == formats::serialize_onnx(graph));
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Zoo);
INSTANTIATE_TEST_SUITE_P(Networks, Zoo, ::testing::ValuesIn(zoo()), [](const auto& test) {
  std::string name = test.param.stem().string();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

}  // namespace
}  // namespace octet
