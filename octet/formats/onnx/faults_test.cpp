// Broken models, one test for each row of the list of faults that concerns the file itself (the number is the row's).
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "octet/base/random.h"
#include "octet/base/testing.h"
#include "octet/formats/onnx/model_builder.h"

namespace octet::formats {
namespace {

using octet::testing::TemporaryDirectory;
using testing::error_of;
using ::testing::HasSubstr;
using testing::ModelBuilder;

ErrorInfo parse_error(const ModelBuilder& m) {
  return error_of([&] { m.parse(); });
}
ErrorInfo bytes_error(const std::string& bytes) {
  return error_of([&] { testing::parse(bytes); });
}
ErrorInfo load_error(const std::string& path) {
  return error_of([&] { load_onnx(path); });
}

// ---- files

TEST(Faults, Row1_NotARegularFile) {
  const TemporaryDirectory dir;
  ::mkfifo(dir.file("fifo").c_str(), 0600);
  for (const std::string& path : {dir.file("missing.onnx"), dir.path().string(), dir.file("fifo")}) {
    const ErrorInfo error = load_error(path);
    EXPECT_EQ(error.kind, ErrorKind::io) << path;
    EXPECT_EQ(error.file, path);
  }
  const std::string locked = dir.write("locked.onnx", testing::relu_model().bytes());
  ::chmod(locked.c_str(), 0);
  if (::geteuid() != 0) {
    EXPECT_EQ(load_error(locked).kind, ErrorKind::io);
  }
}

TEST(Faults, Row2_Empty) {
  const TemporaryDirectory dir;
  const ErrorInfo error = load_error(dir.write("m.onnx", ""));
  EXPECT_EQ(error.kind, ErrorKind::bad_input);
  EXPECT_THAT(error.message, HasSubstr("empty"));
  EXPECT_EQ(error.file, dir.file("m.onnx"));
}

TEST(Faults, Row3_TruncatedAnywhere) {
  const TemporaryDirectory dir;
  ModelBuilder m = testing::relu_model();
  m.floats("w", {8}, std::vector<float>(8, 1));
  const std::string whole = m.bytes();
  // The opset list comes last here: cut before it, what is left is a message too, but one without opsets.
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const ErrorInfo error = bytes_error(whole.substr(0, cut));
    EXPECT_EQ(error.kind, ErrorKind::bad_input) << cut << " of " << whole.size() << ": " << error.message;
    EXPECT_EQ(error.file, "model.onnx");
  }
  const ErrorInfo error = load_error(dir.write("cut.onnx", whole.substr(0, whole.size() / 2)));
  EXPECT_EQ(error.kind, ErrorKind::bad_input);
  EXPECT_THAT(error.message, HasSubstr("truncated or damaged"));
  ASSERT_TRUE(error.offset.has_value());
  EXPECT_LT(*error.offset, whole.size() / 2);
}

TEST(Faults, Row4_SomethingElse) {
  const std::pair<const char*, std::string> cases[] = {
      {"zip", std::string("PK\x03\x04\x14\0\0\0", 8)},
      {"pickle", std::string("\x80\x02}q\0X\x05", 7)},
      {"HTML", "<!DOCTYPE html><html><body>404</body></html>"},
      {"LFS", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"},
      {"NumPy", "\x93NUMPY\x01"},
      {"plain text", "hello there, I am a model"},
      {"GGUF", std::string("GGUF\x03\0\0\0", 8)},
  };
  for (const auto& [word, bytes] : cases) {
    const ErrorInfo error = bytes_error(bytes);
    EXPECT_EQ(error.kind, ErrorKind::bad_input) << word;
    EXPECT_THAT(error.value, HasSubstr(word));
  }
}

TEST(Faults, Row5_BitFlips) {
  ModelBuilder m(11);
  m.input("x", {2, 3}).floats("w", {3}, {1, 2, 3}).output("z", {2, 3});
  m.node("Add", {"x", "w"}, {"y"}, "add").node("Relu", {"y"}, {"z"}, "relu");
  const std::string whole = m.bytes();
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    try {
      testing::parse(bytes);
    } catch (const Error& e) {
      const ErrorKind kind = e.info().kind;
      EXPECT_TRUE(kind == ErrorKind::bad_input || kind == ErrorKind::unsupported) << bit << ": " << e.what();
    }
  }
}

TEST(Faults, Row6_LargerThanAMessageMayBe) {
  const TemporaryDirectory dir;
  const std::string path = dir.write("big.onnx", "x");
  std::filesystem::resize_file(path, std::uintmax_t{1} << 31);  // a hole: takes no room
  const ErrorInfo error = load_error(path);
  EXPECT_EQ(error.kind, ErrorKind::bad_input);
  EXPECT_THAT(error.hint, HasSubstr("external data"));
}

TEST(Faults, Row7_NestedTooDeep) {
  ModelBuilder m = testing::relu_model();
  ::onnx::TypeProto* type = m.graph().mutable_input(0)->mutable_type();
  for (int i = 0; i < 200; ++i) type = type->mutable_sequence_type()->mutable_elem_type();
  const ErrorInfo error = parse_error(m);
  EXPECT_EQ(error.kind, ErrorKind::bad_input);
  EXPECT_THAT(error.message, HasSubstr("nest"));
  EXPECT_TRUE(error.offset.has_value());
}

TEST(Faults, Row8_NoGraph) {
  ModelBuilder m = testing::relu_model();
  m.proto.clear_graph();
  const ErrorInfo error = parse_error(m);
  EXPECT_EQ(error.kind, ErrorKind::bad_input);
  EXPECT_THAT(error.message, HasSubstr("no graph"));
}

TEST(Faults, Row9_NewerVersions) {
  ModelBuilder m = testing::relu_model();
  m.proto.mutable_opset_import(0)->set_version(99);
  ErrorInfo error = parse_error(m);
  EXPECT_EQ(error.kind, ErrorKind::unsupported);
  EXPECT_EQ(error.value, "99");
  EXPECT_THAT(error.expected, HasSubstr("22"));
  m = testing::relu_model();
  m.proto.set_ir_version(77);
  error = parse_error(m);
  EXPECT_EQ(error.kind, ErrorKind::unsupported);
  EXPECT_EQ(error.value, "77");
  EXPECT_THAT(error.expected, HasSubstr("10"));
}

// ---- external data (rows 11 to 15)

ModelBuilder with_external(const std::string& location, const std::string& offset = {},
                           const std::string& length = {}) {
  ModelBuilder m = testing::relu_model();
  auto& tensor = *m.graph().add_initializer();
  tensor.set_name("weight");
  tensor.set_data_type(1);
  tensor.add_dims(4);
  tensor.set_data_location(::onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] : {std::pair("location", location), {"offset", offset}, {"length", length}}) {
    if (value.empty()) continue;
    auto& entry = *tensor.add_external_data();
    entry.set_key(key), entry.set_value(value);
  }
  return m;
}

ErrorInfo external_error(const TemporaryDirectory& dir, const ModelBuilder& m) {
  const ErrorInfo error = load_error(dir.write("m.onnx", m.bytes()));
  EXPECT_EQ(error.tensor, "weight");
  EXPECT_EQ(error.file, dir.file("m.onnx"));
  return error;
}

TEST(Faults, Row11_ExternalDataOutsideTheFolder) {
  const TemporaryDirectory dir;
  std::filesystem::create_directory(dir.file("a"));
  const std::string outside = dir.write("outside.bin", std::string(16, '\0'));
  const TemporaryDirectory inside;
  for (const std::string& location : {std::string("../x.bin"), std::string("a/../../x.bin"), std::string("a/.."),
                                      outside, std::string("..\\x.bin"), std::string("C:x.bin"), std::string("..")}) {
    const ErrorInfo error = external_error(inside, with_external(location));
    EXPECT_EQ(error.kind, ErrorKind::bad_input) << location;
    EXPECT_THAT(error.value, HasSubstr(location));
  }
  EXPECT_EQ(external_error(inside, with_external("")).kind, ErrorKind::bad_input);
  // In memory there is no folder at all.
  EXPECT_EQ(parse_error(with_external("w.bin")).kind, ErrorKind::bad_input);
}

TEST(Faults, Row12_Links) {
  const TemporaryDirectory dir, elsewhere;
  const std::string real = elsewhere.write("w.bin", std::string(16, '\0'));
  std::filesystem::create_symlink(real, dir.file("soft.bin"));
  std::filesystem::create_directory_symlink(elsewhere.path(), dir.file("folder"));
  std::filesystem::create_hard_link(real, dir.file("hard.bin"));
  for (const char* location : {"soft.bin", "folder/w.bin", "hard.bin"}) {
    EXPECT_EQ(external_error(dir, with_external(location)).kind, ErrorKind::bad_input) << location;
  }
}

TEST(Faults, Row13_MissingOrShort) {
  const TemporaryDirectory dir;
  EXPECT_THAT(external_error(dir, with_external("none.bin")).value, HasSubstr("none.bin"));
  dir.write("short.bin", std::string(15, '\0'));
  ErrorInfo error = external_error(dir, with_external("short.bin"));
  EXPECT_EQ(error.kind, ErrorKind::bad_input);
  EXPECT_THAT(error.value, HasSubstr("15 bytes"));
  EXPECT_THAT(error.expected, HasSubstr("16 bytes"));
  error = external_error(dir, with_external("short.bin", "8"));
  EXPECT_EQ(error.offset, 8u);
  ::mkfifo(dir.file("fifo").c_str(), 0600);
  EXPECT_EQ(external_error(dir, with_external("fifo")).kind, ErrorKind::bad_input);
}

TEST(Faults, Row14_OffsetAndLength) {
  const TemporaryDirectory dir;
  dir.write("w.bin", std::string(64, '\0'));
  for (const char* bad : {"-1", "abc", "99999999999999999999", "9223372036854775807", "1e3", " 1", "0x10"}) {
    EXPECT_EQ(external_error(dir, with_external("w.bin", bad)).kind, ErrorKind::bad_input) << bad;
    EXPECT_EQ(external_error(dir, with_external("w.bin", "0", bad)).kind, ErrorKind::bad_input) << bad;
  }
  // An offset that no float may stand at is read all the same (by a copy).
  dir.write("m.onnx", with_external("w.bin", "3", "16").bytes());
  EXPECT_EQ(load_onnx(dir.file("m.onnx")).initializers().begin()->second.elements(), 4);
}

TEST(Faults, Row15_DataThatIsNotDimsTimesType) {
  ModelBuilder m = testing::relu_model();
  m.floats("weight", {3}, {1, 2});
  ErrorInfo error = parse_error(m);
  EXPECT_EQ(error.kind, ErrorKind::bad_input);
  EXPECT_EQ(error.tensor, "weight");
  EXPECT_THAT(error.expected, HasSubstr("3 elements"));
  m.last_initializer().clear_float_data();
  m.last_initializer().set_raw_data("12345678901");
  error = parse_error(m);
  EXPECT_THAT(error.value, HasSubstr("11 bytes"));
  EXPECT_THAT(error.expected, HasSubstr("12 bytes"));
  m.last_initializer().add_float_data(1);
  EXPECT_THAT(parse_error(m).message, HasSubstr("two forms"));
  m.last_initializer().clear_raw_data();
  m.last_initializer().clear_float_data();
  for (int i = 0; i < 3; ++i) m.last_initializer().add_int64_data(1);  // the field of another type
  EXPECT_EQ(parse_error(m).kind, ErrorKind::bad_input);
}

TEST(Faults, Row15_ValuesOutsideTheirType) {
  for (const auto& [code, value] : {std::pair(2, 256), {3, -129}, {9, 2}, {10, 65536}}) {
    ModelBuilder m = testing::relu_model();
    auto& tensor = *m.graph().add_initializer();
    tensor.set_name("weight"), tensor.set_data_type(code), tensor.add_int32_data(value);
    EXPECT_EQ(parse_error(m).kind, ErrorKind::bad_input) << code;
  }
}

TEST(Faults, UnsupportedElementTypesAreNamed) {
  for (const auto& [code, name] :
       {std::pair(8, "string"), {14, "complex64"}, {17, "float8e4m3fn"}, {23, "float4e2m1"}}) {
    ModelBuilder m = testing::relu_model();
    auto& tensor = *m.graph().add_initializer();
    tensor.set_name("weight"), tensor.set_data_type(code);
    const ErrorInfo error = parse_error(m);
    EXPECT_EQ(error.kind, ErrorKind::unsupported);
    EXPECT_THAT(error.message, HasSubstr(name));
    EXPECT_EQ(error.tensor, "weight");
  }
}

TEST(Faults, Row24_ControlCharactersInNames) {
  ModelBuilder m;
  m.input("x", {2}).output("y", {2}).node("Relu", {"evil\x1b[31m\n"}, {"y"}, "node\x07");
  const ErrorInfo error = parse_error(m);
  EXPECT_EQ(error.tensor, "evil\\x1b[31m\\x0a");
  EXPECT_EQ(error.node, "node\\x07");
}

// ---- graphs

TEST(Faults, Row26_Cycle) {
  ModelBuilder m;
  m.input("x", {2}).output("c", {2});
  m.node("Add", {"x", "c"}, {"a"}, "first").node("Relu", {"a"}, {"b"}, "second").node("Relu", {"b"}, {"c"}, "third");
  const ErrorInfo error = parse_error(m);
  EXPECT_EQ(error.kind, ErrorKind::bad_input);
  for (const char* name : {"first", "second", "third", "->"}) EXPECT_THAT(error.value, HasSubstr(name));
}

TEST(Faults, Row27_DanglingInput) {
  ModelBuilder m;
  m.input("x", {2}).output("y", {2}).node("Add", {"x", "weight"}, {"y"}, "add");
  ErrorInfo error = parse_error(m);
  EXPECT_EQ(error.kind, ErrorKind::bad_input);
  EXPECT_EQ(error.node, "add");
  EXPECT_EQ(error.tensor, "weight");
  m = testing::relu_model();
  m.output("ghost", {1});
  EXPECT_EQ(parse_error(m).tensor, "ghost");
}

TEST(Faults, Row28_DuplicateNames) {
  ModelBuilder node = testing::relu_model();
  node.node("Relu", {"x"}, {"y"}, "again");
  EXPECT_EQ(parse_error(node).tensor, "y");
  ModelBuilder input = testing::relu_model();
  input.input("x", {2, 3});
  EXPECT_EQ(parse_error(input).tensor, "x");
  ModelBuilder constant = testing::relu_model();
  constant.floats("w", {1}, {1}).floats("w", {1}, {2});
  EXPECT_EQ(parse_error(constant).tensor, "w");
  ModelBuilder hidden = testing::relu_model();
  hidden.node("Relu", {"y"}, {"x"}, "writes an input");
  for (const ModelBuilder& m : {node, input, constant, hidden}) EXPECT_EQ(parse_error(m).kind, ErrorKind::bad_input);
}

TEST(Faults, Row29_EmptyNodeNames) {
  ModelBuilder m;
  m.input("x", {2}).output("z", {2}).node("Relu", {"x"}, {"y"}).node("Relu", {"y"}, {"z"});
  const Graph g = m.parse();
  EXPECT_EQ(g.label(g.nodes[0]), "Relu_0");
  EXPECT_EQ(g.label(g.nodes[1]), "Relu_1");
  EXPECT_EQ(g.nodes[0].name, "");  // what the file does not say is not written either
}

TEST(Faults, Row30_AllUnknownOperatorsAtOnce) {
  ModelBuilder m;
  m.input("x", {2})
      .output("y", {2})
      .node("Frobnicate", {"x"}, {"a"})
      .node("Relu", {"a"}, {"b"})
      .node("Gizmo", {"b"}, {"y"});
  m.last_node().set_domain("com.example");
  m.attribute("odd", ::onnx::AttributeProto::TYPE_PROTO).mutable_tp();
  const ErrorInfo error = parse_error(m);
  EXPECT_EQ(error.kind, ErrorKind::unsupported);
  EXPECT_THAT(error.message, HasSubstr("Frobnicate"));
  EXPECT_THAT(error.message, HasSubstr("com.example.Gizmo"));
}

TEST(Faults, Row31_ArityAndAttributes) {
  ModelBuilder arity;
  arity.input("x", {2}).output("y", {2}).node("Relu", {"x", "x"}, {"y"}, "relu");
  ModelBuilder unknown = testing::relu_model();
  unknown.attribute("alpha", ::onnx::AttributeProto::FLOAT).set_f(1);
  ModelBuilder twice = testing::relu_model();
  twice.attribute("alpha", ::onnx::AttributeProto::FLOAT).set_f(1);
  twice.attribute("alpha", ::onnx::AttributeProto::FLOAT).set_f(1);
  ModelBuilder liar = testing::relu_model();
  liar.attribute("alpha", ::onnx::AttributeProto::INT).set_f(1);
  ModelBuilder left_out;
  left_out.input("x", {2}).output("y", {2}).node("Relu", {""}, {"y"}, "relu");
  ModelBuilder wrong_type;
  wrong_type.input("x", {2, 3}).output("y", {2, 3}).node("Softmax", {"x"}, {"y"}, "relu");
  wrong_type.attribute("axis", ::onnx::AttributeProto::FLOAT).set_f(1);
  for (const ModelBuilder& m : {arity, unknown, twice, liar, left_out, wrong_type}) {
    const ErrorInfo error = parse_error(m);
    EXPECT_EQ(error.kind, ErrorKind::bad_input) << error.message;
    EXPECT_EQ(error.node, "relu");
  }
}

// One node on an image, for the rows about its attributes.
ModelBuilder convolution(const std::vector<std::int64_t>& weight, const std::string& attribute,
                         const std::vector<std::int64_t>& values) {
  ModelBuilder m;
  m.input("x", {1, 4, 8, 8}).output("y", {}).node("Conv", {"x", "w"}, {"y"}, "conv");
  m.graph().mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  std::int64_t elements = 1;
  for (const std::int64_t dim : weight) elements *= dim;
  m.floats("w", weight, std::vector<float>(static_cast<std::size_t>(elements), 1));
  if (attribute.empty()) return m;
  const bool single = attribute == "group";
  auto& proto = m.attribute(attribute, single ? ::onnx::AttributeProto::INT : ::onnx::AttributeProto::INTS);
  for (const std::int64_t v : values) single ? proto.set_i(v) : proto.add_ints(v);
  return m;
}

TEST(Faults, Rows32To34_ConvolutionAttributes) {
  const std::vector<std::int64_t> weight = {2, 4, 3, 3};
  EXPECT_NO_THROW(convolution(weight, "strides", {2, 2}).parse());
  const ModelBuilder cases[] = {
      convolution(weight, "strides", {0, 1}),
      convolution(weight, "strides", {-1, 1}),
      convolution(weight, "dilations", {1, 0}),
      convolution(weight, "group", {0}),
      convolution(weight, "group", {3}),
      convolution(weight, "group", {-1}),
      convolution(weight, "pads", {-9, 0, 0, 0}),
      convolution(weight, "pads", {std::int64_t{1} << 62, 0, std::int64_t{1} << 62, 0}),
      convolution(weight, "strides", {1}),
      convolution(weight, "kernel_shape", {5, 5}),
      convolution({2, 3, 3, 3}, "", {}),
      convolution({2, 4, 3}, "", {}),
      convolution({2, 4, 9, 9}, "", {}),
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    const ErrorInfo error = parse_error(cases[i]);
    EXPECT_EQ(error.kind, ErrorKind::bad_input) << "case " << i << ": " << error.message;
    EXPECT_EQ(error.node, "conv") << "case " << i;
  }
}

TEST(Faults, Row35_AxisOutOfRange) {
  for (const char* op : {"Softmax", "ArgMax", "Flatten"}) {
    ModelBuilder m;
    m.input("x", {2, 3}).output("y", {}).node(op, {"x"}, {"y"}, "node");
    m.graph().mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
    m.attribute("axis", ::onnx::AttributeProto::INT).set_i(5);
    const ErrorInfo error = parse_error(m);
    EXPECT_EQ(error.kind, ErrorKind::bad_input) << op << ": " << error.message;
    EXPECT_EQ(error.node, "node");
  }
}

TEST(Faults, Row36_HugeDimensions) {
  ModelBuilder large;
  large.input("x", {1 << 20, 1 << 20}).output("y", {1 << 20, 1 << 20}).node("Relu", {"x"}, {"y"});
  EXPECT_NO_THROW(large.parse());
  ModelBuilder too_large;
  too_large.input("x", {std::int64_t{1} << 40, std::int64_t{1} << 40}).output("y", {1}).node("Relu", {"x"}, {"y"});
  EXPECT_EQ(parse_error(too_large).kind, ErrorKind::bad_input);
  EXPECT_EQ(parse_error(too_large).tensor, "x");
  ModelBuilder constant = testing::relu_model();
  constant.floats("w", {std::int64_t{1} << 40, std::int64_t{1} << 40}, {1});
  EXPECT_EQ(parse_error(constant).tensor, "w");
  ModelBuilder negative = testing::relu_model();
  negative.floats("w", {-2}, {1});
  EXPECT_EQ(parse_error(negative).kind, ErrorKind::bad_input);
}

TEST(Faults, Row37_ZeroSizes) {
  ModelBuilder m;
  m.input("x", {0, 3}).floats("w", {0, 3}, {}).output("y", {0, 3}).node("Add", {"x", "w"}, {"y"});
  const Graph g = m.parse();
  EXPECT_EQ(g.initializer(g.find("w"))->elements(), 0);
  EXPECT_EQ(serialize_onnx(testing::parse(serialize_onnx(g))), serialize_onnx(g));
}

TEST(Faults, Row39_ExcessRank) {
  ModelBuilder m;
  m.input("x", {1, 1, 1, 1, 1, 1, 1, 1, 1}).output("y", {}).node("Relu", {"x"}, {"y"});
  EXPECT_EQ(parse_error(m).kind, ErrorKind::unsupported);
  EXPECT_EQ(parse_error(m).tensor, "x");
}

TEST(Faults, Row40_ConflictingShapes) {
  ModelBuilder m;
  m.input("x", {2, 3}).output("y", {2, 4}).node("Relu", {"x"}, {"y"}, "relu");
  const ErrorInfo error = parse_error(m);
  EXPECT_EQ(error.kind, ErrorKind::bad_input);
  EXPECT_EQ(error.node, "relu");
  EXPECT_EQ(error.tensor, "y");
  EXPECT_EQ(error.value, "2x4");
  EXPECT_EQ(error.expected, "2x3");
}

TEST(Faults, Row45_UnusedInitializersAreChecked) {
  ModelBuilder m = testing::relu_model();
  m.floats("unused", {5}, {1});
  EXPECT_EQ(parse_error(m).tensor, "unused");
}

TEST(Faults, Row47_EmptyGraph) {
  ModelBuilder m;
  m.input("x", {2}).output("x", {2});
  EXPECT_EQ(parse_error(m).kind, ErrorKind::bad_input);
  EXPECT_THAT(parse_error(m).message, HasSubstr("empty"));
  ModelBuilder outputs = testing::relu_model();
  outputs.graph().clear_output();
  EXPECT_EQ(parse_error(outputs).kind, ErrorKind::bad_input);
}

}  // namespace
}  // namespace octet::formats
