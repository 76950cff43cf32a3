#include "octet/graph/text.h"

#include <gtest/gtest.h>

#include <limits>

#include "octet/base/random.h"

namespace octet {
namespace {

void expect_equal(const Graph& a, const Graph& b);

void expect_equal(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.dtype(), b.dtype());
  EXPECT_TRUE(a.shape() == b.shape());
  EXPECT_EQ(a.bytes() == 0 ? 0 : std::memcmp(a.raw(), b.raw(), a.bytes()), 0);
}

void expect_equal(const AttributeValue& a, const AttributeValue& b) {
  ASSERT_EQ(a.index(), b.index());
  if (const auto* tensor = std::get_if<Tensor>(&a)) return expect_equal(*tensor, std::get<Tensor>(b));
  if (const auto* body = std::get_if<GraphPtr>(&a)) return expect_equal(**body, *std::get<GraphPtr>(b));
  if (const auto* real = std::get_if<float>(&a)) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(*real), std::bit_cast<std::uint32_t>(std::get<float>(b)));
  } else if (const auto* reals = std::get_if<std::vector<float>>(&a)) {
    EXPECT_EQ(*reals, std::get<std::vector<float>>(b));
  } else if (const auto* text = std::get_if<std::string>(&a)) {
    EXPECT_EQ(*text, std::get<std::string>(b));
  } else if (const auto* number = std::get_if<std::int64_t>(&a)) {
    EXPECT_EQ(*number, std::get<std::int64_t>(b));
  } else if (const auto* numbers = std::get_if<std::vector<std::int64_t>>(&a)) {
    EXPECT_EQ(*numbers, std::get<std::vector<std::int64_t>>(b));
  } else {
    EXPECT_EQ(std::get<std::vector<std::string>>(a), std::get<std::vector<std::string>>(b));
  }
}

void expect_equal(const Value& a, const Value& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.type.dtype, b.type.dtype) << a.name;
  EXPECT_EQ(a.type.shape, b.type.shape) << a.name;
  EXPECT_EQ(a.doc, b.doc);
  EXPECT_EQ(a.unknown_fields, b.unknown_fields);
  EXPECT_EQ(a.tensor_unknown_fields, b.tensor_unknown_fields);
}

// Values by what they say, whatever their numbers.
void expect_equal(const Graph& a, const std::vector<ValueId>& in_a, const Graph& b, const std::vector<ValueId>& in_b) {
  ASSERT_EQ(in_a.size(), in_b.size());
  for (std::size_t i = 0; i < in_a.size(); ++i) {
    ASSERT_EQ(in_a[i] == kNoValue, in_b[i] == kNoValue);
    if (in_a[i] != kNoValue) expect_equal(a.value(in_a[i]), b.value(in_b[i]));
  }
}

void expect_equal(const Graph& a, const Graph& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.doc, b.doc);
  EXPECT_EQ(a.opsets, b.opsets);
  EXPECT_EQ(a.info.metadata, b.info.metadata);
  EXPECT_EQ(a.info.ir_version, b.info.ir_version);
  EXPECT_EQ(a.info.producer_name, b.info.producer_name);
  EXPECT_EQ(a.info.unknown_fields, b.info.unknown_fields);
  EXPECT_EQ(a.info.graph_unknown_fields, b.info.graph_unknown_fields);
  expect_equal(a, a.inputs, b, b.inputs);
  expect_equal(a, a.outputs, b, b.outputs);
  ASSERT_EQ(a.initializers().size(), b.initializers().size());
  for (const auto& [id, tensor] : a.initializers()) {
    const ValueId there = b.find(a.value(id).name);
    ASSERT_NE(b.initializer(there), nullptr) << a.value(id).name;
    expect_equal(tensor, *b.initializer(there));
  }
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  for (std::size_t i = 0; i < a.nodes.size(); ++i) {
    const Node &m = a.nodes[i], &n = b.nodes[i];
    EXPECT_EQ(std::tie(m.op_type, m.domain, m.name, m.doc, m.unknown_fields),
              std::tie(n.op_type, n.domain, n.name, n.doc, n.unknown_fields));
    expect_equal(a, m.inputs, b, n.inputs);
    expect_equal(a, m.outputs, b, n.outputs);
    ASSERT_EQ(m.attributes.size(), n.attributes.size());
    for (const auto& [name, value] : m.attributes) {
      ASSERT_TRUE(n.attributes.has(name)) << name;
      expect_equal(value, *n.attributes.find(name));
    }
  }
}

void expect_round_trip(const Graph& g) {
  const std::string text = print_graph(g);
  const Graph back = parse_graph(text);
  expect_equal(g, back);
  EXPECT_EQ(print_graph(back), text);
}

// Names that are hard on a text form.
std::string random_name(Random& random) {
  static const char* const kParts[] = {"conv", "/layer.1", "a b", "\"", "\\x", "\n",   "%",     "_",
                                       "é",    "7",        "-",   ":",  ">",   "\x01", "base64"};
  std::string name;
  for (std::int64_t i = random.integer(1, 4); i > 0; --i) name += kParts[random.integer(0, std::size(kParts) - 1)];
  return name;
}

Tensor random_tensor(Random& random) {
  static constexpr DType kTypes[] = {DType::f32, DType::f64, DType::f16, DType::bf16,   DType::i64,
                                     DType::u64, DType::i8,  DType::u8,  DType::boolean};
  const DType dtype = kTypes[random.integer(0, std::size(kTypes) - 1)];
  Tensor out(dtype, {random.integer(0, 5), random.integer(1, 7)});
  auto* bytes = static_cast<std::uint8_t*>(out.raw());
  for (std::size_t i = 0; i < out.bytes(); ++i)
    bytes[i] = static_cast<std::uint8_t>(random.next_u32() % (dtype == DType::boolean ? 2 : 256));
  return out;
}

float random_float(Random& random) {
  return std::bit_cast<float>(random.next_u32());  // NaNs, infinities and denormals included
}

AttributeValue random_attribute(Random& random, int depth);

Graph random_graph(Random& random, int depth) {
  Graph g;
  g.name = random_name(random);
  g.doc = random_name(random);
  g.opsets = {{"", 17}, {random_name(random), 3}};
  g.info.set_metadata(random_name(random), random_name(random));
  g.info.unknown_fields = random_name(random);
  std::vector<ValueId> values = {g.add_input("x" + random_name(random), DType::f32, {Dim("N"), 3, Dim(), Dim("a b")})};
  for (std::int64_t i = random.integer(0, 4); i > 0; --i) {
    values.push_back(g.add_initializer(g.fresh_name(random_name(random)), random_tensor(random)));
    g.value(values.back()).doc = random_name(random);
    g.value(values.back()).tensor_unknown_fields = random_name(random);
  }
  for (std::int64_t i = random.integer(1, 6); i > 0; --i) {
    std::vector<ValueId> inputs;
    for (std::int64_t k = random.integer(0, 3); k > 0; --k) {
      inputs.push_back(
          random.integer(0, 4) == 0
              ? kNoValue
              : values[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(values.size()) - 1))]);
    }
    Attributes attributes;
    for (std::int64_t k = random.integer(0, 3); k > 0; --k)
      attributes.set(random_name(random), random_attribute(random, depth));
    values.push_back(
        g.add_node("Op" + random_name(random), inputs, attributes, random_name(random), random_name(random)));
    g.value(values.back()).unknown_fields = random_name(random);
    if (random.integer(0, 1) == 0) g.value(values.back()).type = {DType::i8, SymbolicShape{}};
    if (random.integer(0, 3) == 0) g.nodes.back().outputs.insert(g.nodes.back().outputs.begin(), kNoValue);
  }
  g.outputs = {values.back(), values.front()};
  return g;
}

AttributeValue random_attribute(Random& random, int depth) {
  switch (random.integer(0, 7)) {
    case 0:
      return random.integer(-1000000, 1000000);
    case 1:
      return random_float(random);
    case 2:
      return random_name(random);
    case 3:
      return random_tensor(random);
    case 4:
      return depth < 3 ? AttributeValue(std::make_shared<Graph>(random_graph(random, depth + 1)))
                       : AttributeValue(std::int64_t{0});
    case 5:
      return std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min(), 7};
    case 6:
      return std::vector<float>{0.1f, -0.0f, 1e-45f};
    default:
      return std::vector<std::string>{random_name(random), ""};
  }
}

TEST(GraphText, RandomGraphsRoundTrip) {
  Random random(7);
  for (int i = 0; i < 200; ++i) expect_round_trip(random_graph(random, 0));
}

TEST(GraphText, IsReadable) {
  Graph g;
  g.name = "main";
  g.opsets[""] = 17;
  const ValueId x = g.add_input("x", DType::f32, {Dim("N"), 3});
  const ValueId w = g.add_initializer("w", Tensor::from<float>({3}, {1, 0.5f, -2}));
  g.outputs = {g.add_node("Add", {x, w}, {}, "add")};
  EXPECT_EQ(print_graph(g),
            "graph main {\n"
            "  opset \"\" 17\n"
            "  ir_version 8\n"
            "  producer_name \"octet\"\n"
            "  input %x: float32[N, 3]\n"
            "  const %w: float32[3] = float32[3] {1, 0.5, -2}\n"
            "  %add = Add(%x, %w) name \"add\"\n"
            "  output %add\n"
            "}\n");
}

TEST(GraphText, DamageIsBadInput) {
  Random random(3);
  const std::string text = print_graph(random_graph(random, 0));
  for (std::size_t cut = 0; cut + 2 < text.size(); ++cut) {
    try {
      parse_graph(std::string_view(text).substr(0, cut));
      ADD_FAILURE() << "accepted a text cut at " << cut;
    } catch (const Error& e) {
      EXPECT_EQ(e.info().kind, ErrorKind::bad_input) << cut;
      EXPECT_TRUE(e.info().offset.has_value());
    }
  }
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = text;
    damaged[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(text.size()) - 1))] =
        static_cast<char>(random.integer(32, 126));
    try {
      print_graph(parse_graph(damaged));
    } catch (const Error& e) {
      EXPECT_NE(e.info().kind, ErrorKind::internal) << e.what();
    }
  }
}

TEST(GraphText, NestingIsLimited) {
  std::string text;
  for (int i = 0; i < 100000; ++i) text += "graph g { _ = If() <b: graph = ";
  EXPECT_THROW(parse_graph(text), Error);
}

TEST(GraphText, Base64) {
  EXPECT_EQ(text::base64("Man"), "TWFu");
  EXPECT_EQ(text::base64("Ma"), "TWE=");
  EXPECT_EQ(text::from_base64("TQ=="), "M");
  EXPECT_EQ(text::from_base64("TQ="), std::nullopt);
  EXPECT_EQ(text::from_base64("T=Q="), std::nullopt);
  EXPECT_EQ(text::from_base64("TWF!"), std::nullopt);
}

}  // namespace
}  // namespace octet
