// Bad input through the command, one test a row of the list of faults (the number is the row's): the exit code, and
// the file, node, tensor and value in the message, plain and as JSON. What is worth many cases (truncation at every
// offset, bit flips, links) has unit tests beside the readers too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "octet/base/random.h"
#include "octet/base/subprocess.h"
#include "octet/base/testing.h"
#include "octet/formats/onnx/model_builder.h"
#include "octet/octet.h"

namespace octet {
namespace {

using formats::testing::ModelBuilder;
using formats::testing::relu_model;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;
using Proto = ::onnx::AttributeProto;

const std::string kOctet = octet::testing::kBinaryDir + std::string("/octet");

class Faults : public ::testing::Test {
 protected:
  Finished octet(std::vector<std::string> words) const {
    words.insert(words.begin(), kOctet);
    return run_program(words, {.directory = folder.path().string()});
  }
  /// The command fails with `code`; every one of `says` stands in its message and in its JSON; nothing is written.
  void expect(const std::vector<std::string>& words, int code, const std::vector<std::string>& says) const {
    const Finished plain = octet(words);
    SCOPED_TRACE(words[0] + " " + (words.size() > 1 ? words[1] : "") + "\n" + plain.errors);
    EXPECT_EQ(plain.code, code);
    EXPECT_TRUE(plain.output.empty()) << plain.output;
    for (const std::string& text : says) EXPECT_THAT(plain.errors, HasSubstr(text));
    std::vector<std::string> with_json = words;
    with_json.push_back("--json");
    const Finished finished = octet(with_json);
    EXPECT_EQ(finished.code, code);
    const json error = json::parse(finished.output, nullptr, false);
    ASSERT_TRUE(error.is_object() && error.contains("error")) << finished.output;
    std::string facts;
    for (const auto& fact : error["error"])
      facts += fact.is_string() ? fact.get<std::string>() + "\n" : fact.dump() + "\n";
    for (const std::string& text : says) EXPECT_THAT(facts, HasSubstr(text));
    EXPECT_FALSE(fs::exists(folder.file("out.onnx")));
  }
  /// A file that cannot be a model: `inspect` refuses it, naming it.
  void refuses(const std::string& bytes, int code, std::vector<std::string> says) const {
    folder.write("broken.onnx", bytes);
    says.emplace_back("broken.onnx");
    expect({"inspect", "broken.onnx"}, code, says);
  }
  void refuses(const ModelBuilder& model, int code, const std::vector<std::string>& says) const {
    refuses(model.bytes(), code, says);
  }
  Finished quantizes(const std::vector<std::string>& words) const {
    std::vector<std::string> all = {"quantize", "model.onnx", "-o", "out.onnx", "--force"};
    all.insert(all.end(), words.begin(), words.end());
    const Finished finished = octet(all);
    EXPECT_EQ(finished.code, 0) << finished.errors;
    return finished;
  }

  octet::testing::TemporaryDirectory folder;
};

ModelBuilder shapeless_output(ModelBuilder m) {
  m.graph().mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  return m;
}

ModelBuilder convolution(const std::string& attribute, const std::vector<std::int64_t>& values) {
  ModelBuilder m;
  m.input("x", {1, 4, 8, 8}).output("y", {}).node("Conv", {"x", "w"}, {"y"}, "conv7");
  m.floats("w", {2, 4, 3, 3}, std::vector<float>(72, 1));
  const bool single = attribute == "group";
  auto& proto = m.attribute(attribute, single ? Proto::INT : Proto::INTS);
  for (const std::int64_t v : values) single ? proto.set_i(v) : proto.add_ints(v);
  return shapeless_output(m);
}

Tensor random_tensor(const Shape& shape, std::uint64_t seed, float spread = 1) {
  Random random(seed);
  Tensor out(DType::f32, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i) out.data<float>()[i] = random.uniform(-spread, spread);
  return out;
}

// x [N, 8] -> Gemm first -> Relu -> Gemm second -> y
Graph two_layers(const Tensor& weight, const Tensor& bias) {
  Graph graph;
  graph.opsets[""] = 13;
  const ValueId x = graph.add_input("x", DType::f32, {Dim("N"), 8});
  const ValueId a = graph.add_node(
      "Gemm", {x, graph.add_initializer("first.weight", weight), graph.add_initializer("first.bias", bias)}, {},
      "first");
  const ValueId b = graph.add_node("Relu", {a}, {}, "relu");
  const ValueId y =
      graph.add_node("Gemm", {b, graph.add_initializer("second.weight", random_tensor({16, 4}, 3))}, {}, "second");
  graph.rename(y, "y");
  graph.outputs.push_back(y);
  return graph;
}
Graph two_layers() { return two_layers(random_tensor({8, 16}, 1), random_tensor({16}, 2)); }

// ---- files

TEST_F(Faults, Row1_MissingFolderUnreadableFifo) {
  ASSERT_EQ(::mkfifo(folder.file("fifo.onnx").c_str(), 0600), 0);
  fs::create_directory(folder.file("folder.onnx"));
  for (const char* name : {"missing.onnx", "folder.onnx", "fifo.onnx"}) {
    expect({"inspect", name}, 5, {name});
    expect({"quantize", name, "--dynamic", "-o", "out.onnx"}, 5, {name});
  }
  folder.write("locked.onnx", relu_model().bytes());
  fs::permissions(folder.file("locked.onnx"), fs::perms::none);
  if (::geteuid() != 0) expect({"inspect", "locked.onnx"}, 5, {"locked.onnx"});
}

TEST_F(Faults, Row2And3_EmptyAndTruncated) {
  refuses("", 3, {"empty"});
  const std::string whole = convolution("strides", {2, 2}).bytes();
  for (std::size_t cut = 1; cut < whole.size(); cut += whole.size() / 12) refuses(whole.substr(0, cut), 3, {});
}

TEST_F(Faults, Row4_SomethingElse) {
  refuses(std::string("PK\x03\x04\x14\0\0\0", 8), 3, {"zip"});
  refuses(std::string("\x80\x02}q\0X\x05", 7), 3, {"pickle"});
  refuses("<!DOCTYPE html><html><body>404</body></html>", 3, {"HTML"});
  refuses("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", 3, {"LFS"});
}

TEST_F(Faults, Row5_BitFlips) {
  const std::string whole = relu_model().bytes();
  for (std::size_t bit = 0; bit < 8 * whole.size(); bit += 13) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    folder.write("flipped.onnx", bytes);
    const int code = octet({"inspect", "flipped.onnx"}).code;
    EXPECT_TRUE(code == 0 || code == 3 || code == 4)
        << bit << ": " << code;  // 4: an operator or version of another name
  }
}

TEST_F(Faults, Row6_LargerThanAMessage) {
  folder.write("broken.onnx", "x");
  fs::resize_file(folder.file("broken.onnx"), std::uintmax_t{1} << 31);  // a hole: takes no room
  expect({"inspect", "broken.onnx"}, 3, {"broken.onnx", "2147483648", "external data"});
}

TEST_F(Faults, Row7To9_NestingNoGraphNewerVersions) {
  ModelBuilder nested = relu_model();
  ::onnx::TypeProto* type = nested.graph().mutable_input(0)->mutable_type();
  for (int i = 0; i < 200; ++i) type = type->mutable_sequence_type()->mutable_elem_type();
  refuses(nested, 3, {"nest"});
  ModelBuilder bare = relu_model();
  bare.proto.clear_graph();
  refuses(bare, 3, {"no graph"});
  ModelBuilder opset = relu_model(), ir = relu_model();
  opset.proto.mutable_opset_import(0)->set_version(99);
  refuses(opset, 4, {"99", "22"});
  ir.proto.set_ir_version(77);
  refuses(ir, 4, {"77", "10"});
}

ModelBuilder with_external(const std::string& location, const std::string& offset = "0",
                           const std::string& length = "16") {
  ModelBuilder m = relu_model();
  auto& tensor = *m.graph().add_initializer();
  tensor.set_name("weight5");
  tensor.set_data_type(1);
  tensor.add_dims(4);
  tensor.set_data_location(::onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] : {std::pair("location", location), {"offset", offset}, {"length", length}}) {
    auto& entry = *tensor.add_external_data();
    entry.set_key(key), entry.set_value(value);
  }
  return m;
}

TEST_F(Faults, Row11And12_ExternalDataOutsideTheFolder) {
  const octet::testing::TemporaryDirectory elsewhere;
  const std::string secret = elsewhere.write("secret.bin", std::string(16, 's'));
  for (const std::string& location : {std::string("../secret.bin"), std::string("a/../../secret.bin"), secret})
    refuses(with_external(location), 3, {"weight5", location});
  fs::create_symlink(secret, folder.file("soft.bin"));
  fs::create_directory_symlink(elsewhere.path(), folder.file("linked"));
  fs::create_hard_link(secret, folder.file("hard.bin"));
  for (const char* location : {"soft.bin", "linked/secret.bin", "hard.bin"})
    refuses(with_external(location), 3, {"weight5", location});
}

TEST_F(Faults, Row13And14_ExternalDataMissingShortOrNonsense) {
  refuses(with_external("none.bin"), 3, {"weight5", "none.bin"});
  folder.write("short.bin", std::string(15, '\0'));
  refuses(with_external("short.bin"), 3, {"weight5", "15 bytes", "16 bytes"});
  folder.write("w.bin", std::string(64, '\0'));
  for (const char* bad : {"-1", "abc", "99999999999999999999", "9223372036854775807"}) {
    refuses(with_external("w.bin", bad), 3, {"weight5", bad});
    refuses(with_external("w.bin", "0", bad), 3, {"weight5", bad});
  }
}

TEST_F(Faults, Row15_DataThatIsNotDimsTimesType) {
  ModelBuilder m = relu_model();
  m.floats("weight5", {3}, {1, 2});
  refuses(m, 3, {"weight5", "3 elements"});
  m.last_initializer().clear_float_data();
  m.last_initializer().set_raw_data("12345678901");
  refuses(m, 3, {"weight5", "11 bytes", "12 bytes"});
  m.last_initializer().add_float_data(1);
  refuses(m, 3, {"weight5", "two forms"});
}

// Rows 18 to 24 (npz, pictures, samples, outputs, escapes) are in cli_test.cpp.

// ---- graphs

TEST_F(Faults, Row26To29_CyclesNamesAndDanglingInputs) {
  ModelBuilder cycle;
  cycle.input("x", {2}).output("c", {2});
  cycle.node("Add", {"x", "c"}, {"a"}, "first").node("Relu", {"a"}, {"b"}, "second");
  cycle.node("Relu", {"b"}, {"c"}, "third");
  refuses(cycle, 3, {"first", "second", "third", "->"});
  ModelBuilder dangling;
  dangling.input("x", {2}).output("y", {2}).node("Add", {"x", "weight5"}, {"y"}, "add7");
  refuses(dangling, 3, {"add7", "weight5"});
  ModelBuilder twice = relu_model();
  twice.node("Relu", {"x"}, {"y"}, "again");
  refuses(twice, 3, {"again", "same name"});
  ModelBuilder nameless;
  nameless.input("x", {2}).output("z", {2}).node("Relu", {"x"}, {"y"}).node("Relu", {"y"}, {"z"});
  folder.write("nameless.onnx", nameless.bytes());
  const Finished shown = octet({"inspect", "nameless.onnx", "--json"});
  EXPECT_EQ(shown.code, 0) << shown.errors;
  EXPECT_THAT(shown.output, HasSubstr("Relu_0"));
  EXPECT_THAT(shown.output, HasSubstr("Relu_1"));
}

TEST_F(Faults, Row30And31_UnknownOperatorsArityAttributes) {
  ModelBuilder unknown;
  unknown.input("x", {2}).output("y", {2}).node("Frobnicate", {"x"}, {"a"}).node("Gizmo", {"a"}, {"y"});
  unknown.last_node().set_domain("com.example");
  refuses(unknown, 4, {"Frobnicate", "com.example.Gizmo"});
  ModelBuilder arity;
  arity.input("x", {2}).output("y", {2}).node("Relu", {"x", "x"}, {"y"}, "relu7");
  refuses(arity, 3, {"relu7"});
  ModelBuilder type;
  type.input("x", {2, 3}).output("y", {2, 3}).node("Softmax", {"x"}, {"y"}, "softmax7");
  type.attribute("axis", Proto::FLOAT).set_f(1);
  refuses(type, 3, {"softmax7", "axis"});
}

TEST_F(Faults, Row32To34_WindowsThatCannotBe) {
  for (const auto& [name, values] : std::vector<std::pair<std::string, std::vector<std::int64_t>>>{
           {"strides", {0, 1}}, {"dilations", {1, 0}}, {"group", {0}}, {"pads", {-9, 0, 0, 0}}}) {
    refuses(convolution(name, values), 3, {"conv7", name});
  }
  refuses(convolution("group", {3}), 3, {"conv7", "group"});
  refuses(convolution("pads", {std::int64_t{1} << 62, 0, std::int64_t{1} << 62, 0}), 3, {"conv7"});
  ModelBuilder block;
  block.input("x", {1, 4, 2, 2}).output("y", {}).node("DepthToSpace", {"x"}, {"y"}, "shuffle7");
  block.attribute("blocksize", Proto::INT).set_i(0);
  refuses(shapeless_output(block), 3, {"shuffle7"});
}

TEST_F(Faults, Row39_ExcessRank) {
  ModelBuilder m;
  m.input("x5", {1, 1, 1, 1, 1, 1, 1, 1, 1}).output("y", {}).node("Relu", {"x5"}, {"y"});
  refuses(m, 4, {"x5"});
}

TEST_F(Faults, Row40_ConflictingShapes) {
  ModelBuilder m;
  m.input("x", {2, 3}).output("y5", {2, 4}).node("Relu", {"x"}, {"y5"}, "relu7");
  refuses(m, 3, {"relu7", "y5", "2x3", "2x4"});
}

TEST_F(Faults, Row47_EmptyGraph) {
  ModelBuilder m;
  m.input("x", {2}).output("x", {2});
  refuses(m, 3, {"empty"});
}

// Rows 38, 46 and 49 are in cli_test.cpp.

// ---- numbers

TEST_F(Faults, Row48_WeightsThatAreNotFinite) {
  Tensor weight = random_tensor({8, 16}, 1);
  weight.data<float>()[5] = std::numeric_limits<float>::quiet_NaN();
  weight.data<float>()[77] = std::numeric_limits<float>::infinity();
  save_onnx(two_layers(weight, random_tensor({16}, 2)), folder.file("model.onnx"));
  for (const std::vector<std::string>& method :
       std::vector<std::vector<std::string>>{{"--dynamic"}, {"--weights", "int8"}}) {
    std::vector<std::string> words = {"quantize", "model.onnx", "-o", "out.onnx"};
    words.insert(words.end(), method.begin(), method.end());
    expect(words, 3, {"model.onnx", "first.weight", "index 5", "2 NaN"});
  }
  save_npz(folder.file("x.npz"), {{"x", random_tensor({20, 8}, 9)}});
  expect({"quantize", "model.onnx", "-o", "out.onnx", "--calibrate", "x.npz"}, 3,
         {"model.onnx", "first.weight", "index 5", "2 NaN"});
}

TEST_F(Faults, Row49_CalibrationValuesThatAreNotFinite) {
  save_onnx(two_layers(), folder.file("model.onnx"));
  Tensor x = random_tensor({20, 8}, 9);
  x.data<float>()[3 * 8 + 2] = std::numeric_limits<float>::quiet_NaN();
  save_npz(folder.file("x.npz"), {{"x", x}});
  expect({"quantize", "model.onnx", "-o", "out.onnx", "--calibrate", "x.npz"}, 3,
         {"x.npz", "x", "batch 3", "nan at index 2"});
  EXPECT_THAT(quantizes({"--calibrate", "x.npz", "--skip-nonfinite"}).errors,
              HasSubstr("warning: 1 calibration batch"));
}

TEST_F(Faults, Row50_OverflowInsideNamesTheFirstBadLayer) {
  save_onnx(two_layers(random_tensor({8, 16}, 1, 1e36F), random_tensor({16}, 2)), folder.file("model.onnx"));
  save_npz(folder.file("x.npz"), {{"x", random_tensor({4, 8}, 9, 1e4F)}});
  expect({"quantize", "model.onnx", "-o", "out.onnx", "--calibrate", "x.npz"}, 3, {"model.onnx", "first", "infinity"});
}

TEST_F(Faults, Row51To53_ZeroChannelsConstantsAndRangesWithoutZero) {
  Tensor weight = random_tensor({8, 16}, 1);
  for (int row = 0; row < 8; ++row) weight.data<float>()[row * 16 + 4] = 0;
  save_onnx(two_layers(weight, Tensor::from<float>({16}, std::vector<float>(16, 3))), folder.file("model.onnx"));
  Tensor constant(DType::f32, {20, 8});
  std::fill_n(constant.data<float>(), 160, 7.0F);  // 7 everywhere: the range [7, 7] has no width and no zero
  save_npz(folder.file("x.npz"), {{"x", constant}});
  EXPECT_THAT(quantizes({"--calibrate", "x.npz", "--keep-all-int8"}).errors,
              HasSubstr("'first.weight': 1 of 16 channels are all zero"));
  const Graph quantized = load_onnx(folder.file("out.onnx"));
  int scales = 0;
  for (const auto& [id, tensor] : quantized.initializers()) {
    const std::string& name = quantized.value(id).name;
    if (name.find("scale") == std::string::npos) continue;
    ++scales;
    for (const float scale : tensor.values<float>()) EXPECT_TRUE(std::isnormal(scale) && scale > 0) << name;
  }
  EXPECT_GE(scales, 4);
  for (const Node& node : quantized.nodes) {
    if (node.op_type != "QuantizeLinear" || node.inputs[0] != quantized.find("x")) continue;
    const float scale = *quantized.initializer(node.inputs[1])->data<float>();
    const int zero_point = *quantized.initializer(node.inputs[2])->data<std::uint8_t>();
    EXPECT_EQ(zero_point, 0) << "the range was extended to zero";
    EXPECT_NEAR(scale * 255, 7, 1e-4);
  }
}

TEST_F(Faults, Row54_AnOutlier) {
  save_onnx(two_layers(), folder.file("model.onnx"));
  Tensor x = random_tensor({4000, 8}, 9);
  x.data<float>()[4321] = 1e30F;
  save_npz(folder.file("x.npz"), {{"x", x}});
  const Finished finished = quantizes({"--calibrate", "x.npz", "--batch", "50"});
  EXPECT_THAT(finished.errors, HasSubstr("warning: 'x': 1 value reach"));
  EXPECT_THAT(finished.errors, HasSubstr("1e+30"));
  EXPECT_THAT(finished.errors, HasSubstr("percentile"));
}

// x -> QuantizeLinear -> DequantizeLinear -> y with parameters as given.
ModelBuilder quantizing(const std::vector<float>& scale, int zero_point_type, const std::vector<int>& zero_point) {
  ModelBuilder m(13);
  m.input("x", {2, 3}).output("y", {2, 3});
  m.floats("scale5",
           scale.size() == 1 ? std::vector<std::int64_t>{}
                             : std::vector<std::int64_t>{static_cast<std::int64_t>(scale.size())},
           scale);
  auto& zero = *m.graph().add_initializer();
  zero.set_name("zero5"), zero.set_data_type(zero_point_type);
  if (zero_point.size() > 1) zero.add_dims(static_cast<std::int64_t>(zero_point.size()));
  for (const int value : zero_point)
    zero_point_type == 1 ? zero.add_float_data(static_cast<float>(value)) : zero.add_int32_data(value);
  m.node("QuantizeLinear", {"x", "scale5", "zero5"}, {"q"}, "quantize7");
  m.node("DequantizeLinear", {"q", "scale5", "zero5"}, {"y"}, "dequantize7");
  return m;
}

TEST_F(Faults, Row55_BadScales) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (const auto& [scale, shown] :
       {std::pair(0.0F, "0"), {-0.5F, "-0.5"}, {std::nanf(""), "nan"}, {kInf, "inf"}, {1e-40F, "e-41"}})
    refuses(quantizing({scale}, 2, {3}), 3, {"quantize7", "scale5", shown});
}

TEST_F(Faults, Row56And57_ZeroPointsAndLengths) {
  refuses(quantizing({1}, 2, {300}), 3, {"zero5", "300"});                       // uint8
  refuses(quantizing({1}, 1, {3}), 3, {"quantize7", "zero5"});                   // float
  refuses(quantizing({1, 1}, 2, {3, 3}), 3, {"quantize7", "scale5", "2", "3"});  // 2 scales for an axis of 3
  refuses(quantizing({1, 1, 1}, 2, {3, 3}), 3, {"quantize7", "zero5"});
}

TEST_F(Faults, Row58_ABiasThatDoesNotFit) {
  Tensor weight = random_tensor({8, 16}, 1), bias = random_tensor({16}, 2);
  for (int row = 0; row < 8; ++row) weight.data<float>()[row * 16 + 4] *= 1e-12F;
  bias.data<float>()[4] = 30;
  save_onnx(two_layers(weight, bias), folder.file("model.onnx"));
  save_npz(folder.file("x.npz"), {{"x", random_tensor({20, 8}, 9)}});
  EXPECT_THAT(quantizes({"--calibrate", "x.npz"}).errors,
              HasSubstr("'first.weight': the scale of 1 of 16 channels was enlarged"));
}

}  // namespace
}  // namespace octet
