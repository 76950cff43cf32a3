// Recurrent layers, and activations quantized as they come, against the references.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "octet/ops/samples.h"
#include "octet/runtime/session.h"
#include "octet/runtime/test_graphs.h"
#include "octet/tensor/four_bits.h"

namespace octet::runtime {
namespace {

using testing::Builder;
using ::testing::HasSubstr;
using testing::ints;
using ::testing::Not;
using testing::random_floats;

Attributes with(std::initializer_list<std::pair<std::string, AttributeValue>> items) {
  Attributes out;
  for (const auto& [name, value] : items) out.set(name, value);
  return out;
}

double worst_difference(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(to_string(a.shape()), to_string(b.shape()));
  double worst = 0;
  for (std::int64_t i = 0; i < a.elements(); ++i) {
    worst = std::max(worst, static_cast<double>(std::abs(a.data<float>()[i] - b.data<float>()[i])));
  }
  return worst;
}

// Every output within `tolerance` of the reference; returns the lowered graph.
std::string expect_close(const Graph& graph, const NamedTensors& inputs, double tolerance) {
  const Session fast(graph, {.threads = 2}), plain(graph, {.threads = 1, .optimize = false});
  const auto a = fast.run(inputs), b = plain.run(inputs);
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_LT(worst_difference(a[i], b[i]), tolerance) << i;
  return fast.lowered();
}

void add_outputs(Graph& graph, int count) {
  Node& node = graph.nodes.back();
  for (int i = 1; i < count; ++i) node.outputs.push_back(graph.add_value());
  graph.outputs = node.outputs;
}

struct Recurrent {
  const char* op;
  std::int64_t gates;
  const char* direction;
  std::int64_t linear_before_reset;
  bool initial;
};

TEST(Recurrent, AgreesWithTheReference) {
  const Recurrent cases[] = {{"LSTM", 4, "forward", 0, true},
                             {"LSTM", 4, "bidirectional", 0, false},
                             {"GRU", 3, "forward", 1, true},
                             {"GRU", 3, "reverse", 0, true},
                             {"GRU", 3, "bidirectional", 0, false}};
  for (const Recurrent& c : cases) {
    Builder b(50);
    const std::int64_t d = c.direction == std::string("bidirectional") ? 2 : 1, hidden = 24, input = 10;
    const ValueId x = b.input("x", {Dim("T"), Dim("B"), input});
    std::vector<ValueId> in = {x, b.floats({d, c.gates * hidden, input}),
                               b.floats({d, c.gates * hidden, hidden}, -0.3f, 0.3f),
                               b.floats({d, 2 * c.gates * hidden})};
    if (c.initial) {
      in.insert(in.end(), {kNoValue, b.floats({d, 2, hidden})});
      if (c.gates == 4) in.push_back(b.floats({d, 2, hidden}));
    }
    Attributes attributes = with({{"hidden_size", hidden}, {"direction", std::string(c.direction)}});
    if (c.gates == 3) attributes.set("linear_before_reset", c.linear_before_reset);
    b.node(c.op, in, attributes);
    add_outputs(b.graph, c.gates == 4 ? 3 : 2);
    const std::string lowered = expect_close(b.graph, {{"x", random_floats(b.random, {7, 2, input})}}, 1e-5);
    EXPECT_THAT(lowered, HasSubstr(std::string("octet.rt.") + c.op));
  }
}

TEST(Recurrent, UnusualFormsAreLeftToTheReference) {
  Builder b(51);
  const ValueId x = b.input("x", {3, 2, 4});
  b.node("LSTM", {x, b.floats({1, 20, 4}), b.floats({1, 20, 5}), b.floats({1, 40})},
         with({{"hidden_size", std::int64_t{5}}, {"clip", 0.5f}}));
  add_outputs(b.graph, 2);
  EXPECT_THAT(expect_close(b.graph, {{"x", random_floats(b.random, {3, 2, 4})}}, 1e-6), Not(HasSubstr("octet.rt")));
}

// The error that quantizing both operands may make: about one part in a hundred of the largest result.
TEST(Dynamic, PerRowIsCloseAndIgnoresTheBatch) {
  Builder b(60);
  const ValueId x = b.input("x", {Dim("N"), 5, 48});
  ValueId y = b.node("MatMul", {x, b.weights({48, 32}, 1)});
  const std::string name = b.graph.nodes.back().name;
  y = b.node("Relu", {b.node("Add", {y, b.floats({32})})});
  b.graph.outputs = {y};
  b.graph.info.set_metadata("octet.dynamic_per_row", name);
  const Tensor one = random_floats(b.random, {1, 5, 48});
  EXPECT_THAT(expect_close(b.graph, {{"x", one}}, 0.05), HasSubstr("DynamicLinear"));
  Tensor two(DType::f32, {2, 5, 48});
  std::memcpy(two.raw(), one.raw(), one.bytes());
  for (std::int64_t i = one.elements(); i < two.elements(); ++i) two.data<float>()[i] = 100;
  const Session session(b.graph, {.threads = 2});
  const Tensor alone = session.run({{"x", one}})[0], beside = session.run({{"x", two}})[0];
  EXPECT_EQ(std::memcmp(alone.raw(), beside.raw(), alone.bytes()), 0);
}

// Rows that several products read are quantized once, and where Gelu computes them if nobody else reads them: with the
// bits of each product quantizing for itself.
TEST(Dynamic, RowsAreQuantizedOnce) {
  for (const bool read_elsewhere : {false, true}) {
    for (const std::int64_t rows : {0, 1, 5, 300}) {
      SCOPED_TRACE(rows);
      Builder b(64);
      std::string names;
      const auto product = [&](ValueId x, std::int64_t k, std::int64_t n) {
        const ValueId y = b.node("MatMul", {x, b.weights({k, n}, 1)});
        names += b.graph.nodes.back().name + "\n";
        return y;
      };
      const ValueId x = b.input("x", {Dim("N"), rows, 48});
      const ValueId first = product(x, 48, 40), second = product(x, 48, 24);
      const ValueId gelu = b.graph.add_node("Gelu", {b.node("Add", {first, b.floats({40})})}, {}, "gelu", "octet");
      const ValueId third = product(gelu, 40, 24);
      b.graph.opsets["octet"] = 1;
      b.graph.outputs = {b.node("Add", {third, second})};
      if (read_elsewhere) b.graph.outputs.push_back(b.node("Abs", {gelu}));
      b.graph.info.set_metadata("octet.dynamic_per_row", names);
      const Tensor input = random_floats(b.random, {2, rows, 48});
      const std::string lowered = expect_close(b.graph, {{"x", input}}, 0.1);
      EXPECT_THAT(lowered, HasSubstr("QuantizeRows"));
      EXPECT_EQ(lowered.find("Gelu(") != std::string::npos, read_elsewhere) << lowered;
      const Tensor expected = Session(b.graph, {.threads = 1}).run({{"x", input}})[0];
      for (const int threads : {2, 3, 4}) {
        const Tensor y = Session(b.graph, {.threads = threads}).run({{"x", input}})[0];
        EXPECT_EQ(std::memcmp(y.raw(), expected.raw(), y.bytes()), 0) << threads << " threads";
      }
      // Alone nothing is shared: every product quantizes for itself.
      Graph alone = clone(b.graph);
      for (const Node& node : b.graph.nodes) {
        for (const ValueId id : node.outputs) {
          if (node.op_type != "Abs" && id != b.graph.outputs[0]) alone.outputs.push_back(id);
        }
      }
      const Tensor apart = Session(alone, {.threads = 1}).run({{"x", input}})[0];
      EXPECT_EQ(std::memcmp(apart.raw(), expected.raw(), apart.bytes()), 0);
    }
  }
}

// Rows of a layer normalization become bytes where it computes them, with the bits of two steps.
TEST(Dynamic, NormalizedRowsAreQuantizedAtOnce) {
  for (const bool biased : {false, true}) {
    for (const std::int64_t rows : {0, 1, 6, 203}) {
      SCOPED_TRACE(rows);
      Builder b(65);
      const ValueId x = b.input("x", {Dim("N"), rows, 40});
      std::vector<ValueId> operands = {x, b.floats({40}, 0.5f, 2)};
      if (biased) operands.push_back(b.floats({40}));
      const ValueId y = b.node("LayerNormalization", operands);
      const ValueId product = b.node("MatMul", {y, b.weights({40, 40}, 1)});
      b.graph.info.set_metadata("octet.dynamic_per_row", b.graph.nodes.back().name);
      b.graph.outputs = {b.node("Add", {product, y})};
      const Tensor input = random_floats(b.random, {2, rows, 40});
      EXPECT_THAT(expect_close(b.graph, {{"x", input}}, 0.1), HasSubstr("LayerNormQuantize"));
      Graph apart = clone(b.graph);
      apart.outputs.push_back(product);
      apart.outputs.push_back(y);
      const Tensor expected = Session(apart, {.threads = 1, .optimize = false}).run({{"x", input}})[0];
      const Tensor first = Session(b.graph, {.threads = 1}).run({{"x", input}})[0];
      for (std::int64_t i = 0; i < first.elements(); ++i)
        ASSERT_NEAR(first.data<float>()[i], expected.data<float>()[i], 0.1f) << i;
      for (const int threads : {2, 3}) {
        const Tensor z = Session(b.graph, {.threads = threads}).run({{"x", input}})[0];
        EXPECT_EQ(std::memcmp(z.raw(), first.raw(), z.bytes()), 0) << threads << " threads";
      }
    }
  }
}

TEST(Dynamic, PerRowConvolutionsAndRecurrentLayers) {
  Builder b(61);
  const ValueId image = b.input("image", {Dim("N"), 8, 9, 9}), x = b.input("x", {6, Dim("N"), 12});
  std::string names;
  const auto name_last = [&] { names += b.graph.nodes.back().name + "\n"; };
  ValueId y = b.qconv(image, 8, 16, 3, ints({{"pads", {1, 1, 1, 1}}}));
  name_last();
  y = b.qconv(b.node("Relu", {y}), 16, 16, 3, ints({{"pads", {1, 1, 1, 1}}}), 16);
  name_last();
  const ValueId lstm = b.node("LSTM", {x, b.weights({1, 64, 12}, 1), b.weights({1, 64, 16}, -1), b.floats({1, 128})},
                              with({{"hidden_size", std::int64_t{16}}}));
  name_last();
  b.graph.outputs = {y, lstm};
  b.graph.info.set_metadata("octet.dynamic_per_row", names);
  const std::string lowered = expect_close(
      b.graph, {{"image", random_floats(b.random, {2, 8, 9, 9})}, {"x", random_floats(b.random, {6, 2, 12})}}, 0.1);
  EXPECT_THAT(lowered, HasSubstr("DynamicConv"));
  EXPECT_THAT(lowered, HasSubstr("DynamicLSTM"));
}

// A table of rows with scales of their own, or one for all, is read row by row; its bits are those of the table made
// float.
TEST(Dynamic, AnInt8TableStaysInt8) {
  for (const int axis : {0, -1}) {
    Builder b(63);
    const ValueId ids = b.graph.add_input("ids", DType::i64, {Dim("N"), 3});
    b.graph.outputs = {b.node("Gather", {b.weights({9, 16}, axis), ids})};
    const NamedTensors inputs{{"ids", Tensor::from<std::int64_t>({2, 3}, {0, 8, -1, -9, 4, 4})}};
    const std::string lowered = expect_close(b.graph, inputs, 1e-30);
    EXPECT_THAT(lowered, HasSubstr("octet.rt.Embedding"));
    const Session session(b.graph, {.threads = 1});
    EXPECT_THROW(session.run({{"ids", Tensor::from<std::int64_t>({1, 3}, {0, 9, 0})}}), Error);
  }
}

TEST(Dynamic, EmbeddingsAreSummedInOnePass) {
  for (int form = 0; form < 16; ++form) {
    SCOPED_TRACE(form);
    const bool bytes = form % 2 != 0, three = form / 2 % 2 != 0, indexed = form / 4 % 2 != 0,
               last_first = form / 8 != 0;
    const std::int64_t columns = form == 5 ? 1030 : 16;
    Builder b(66);
    const ValueId ids = b.graph.add_input("ids", DType::i64, {Dim("N"), 3});
    const ValueId kinds = b.graph.add_input("kinds", DType::i32, {Dim("N"), 3});
    const ValueId word = b.node("Gather", {bytes ? b.weights({9, columns}, 0) : b.floats({9, columns}), ids});
    ValueId sum = b.node("Add", {word, b.node("Gather", {b.floats({2, columns}), kinds})});
    const ValueId places = b.constant(Tensor::from<std::int64_t>({1, 3}, {4, 0, 2}));
    const ValueId place = indexed ? b.node("Gather", {b.weights({5, columns}, 0), places}) : b.floats({1, 3, columns});
    if (three) sum = last_first ? b.node("Add", {place, sum}) : b.node("Add", {sum, place});
    b.graph.outputs = {sum};
    const Tensor kind = Tensor::from<std::int32_t>({2, 3}, {0, 1, 1, 0, -1, -2});
    const NamedTensors inputs{{"ids", Tensor::from<std::int64_t>({2, 3}, {0, 8, -1, -9, 4, 4})}, {"kinds", kind}};
    const std::string lowered = expect_close(b.graph, inputs, 1e-30);
    EXPECT_THAT(lowered, HasSubstr("octet.rt.EmbeddingSum"));
    EXPECT_THAT(lowered, Not(HasSubstr("Gather(")));
    const Session session(b.graph, {.threads = 1});
    EXPECT_THROW(session.run({{"ids", Tensor::from<std::int64_t>({2, 3}, {0, 9, 0, 0, 0, 0})}, {"kinds", kind}}),
                 Error);
  }
}

// Whatever the number of rows, weights stay int8 in memory.
TEST(Dynamic, WeightOnlyProducts) {
  Builder b(62);
  const ValueId x = b.input("x", {Dim("N"), 48});
  b.graph.outputs = {b.node("Relu", {b.node("Add", {b.node("MatMul", {x, b.weights({48, 32}, 1)}), b.floats({32})})})};
  for (const std::int64_t rows : {1, 3, 30}) {
    const std::string lowered = expect_close(b.graph, {{"x", random_floats(b.random, {rows, 48})}}, 1e-4);
    EXPECT_THAT(lowered, HasSubstr("octet.rt.WeightOnlyLinear"));
    EXPECT_THAT(lowered, Not(HasSubstr("DequantizeLinear(")));
  }
}

// Weights of any of the four types, in blocks or not, with zero points or not; blocks of 12 are made float.
ValueId stored_weights(Builder& b, DType dtype, bool transposed, std::int64_t block, bool zero_points) {
  const std::int64_t k = 200, n = 40, groups = block == 0 ? 1 : (k + block - 1) / block;
  const int k_axis = transposed ? 1 : 0;
  const auto oriented = [&](std::int64_t rows) { return transposed ? Shape{n, rows} : Shape{rows, n}; };
  const Shape scale_shape = block == 0 ? Shape{n} : oriented(groups);
  const auto numbers = [&](const Shape& shape) {
    const float half = is_four_bits(dtype) ? 8 : 128, low = dtype == DType::u4 || dtype == DType::u8 ? 0 : -half;
    Tensor out = ops::random_tensor(b.random, DType::f32, shape, low, low + 2 * half - 0.1f)
                     .cast(dtype == DType::u4 || dtype == DType::u8 ? DType::u8 : DType::i8);
    return is_four_bits(dtype) ? pack_four_bits(out) : out;
  };
  std::vector<ValueId> inputs{b.constant(numbers(oriented(k))),
                              b.constant(ops::random_tensor(b.random, DType::f32, scale_shape, 0.001f, 0.01f))};
  if (zero_points) inputs.push_back(b.constant(numbers(scale_shape)));
  Attributes attributes;
  attributes.set("axis", std::int64_t{block == 0 ? 1 - k_axis : k_axis});
  if (block != 0) attributes.set("block_size", block);
  return b.node("DequantizeLinear", inputs, attributes);
}

TEST(Dynamic, WeightOnlyBlocks) {
  for (const DType dtype : {DType::i4, DType::u4, DType::i8, DType::u8}) {
    for (const std::int64_t block : {0, 32, 128, 256, 12}) {
      for (const bool zero_points : {false, true}) {
        for (const bool transposed : {false, true}) {
          Builder b(64);
          b.graph.opsets[""] = 21;
          const ValueId x = b.input("x", {Dim("N"), 200});
          const ValueId w = stored_weights(b, dtype, transposed, block, zero_points);
          b.graph.outputs = {transposed ? b.node("Gemm", {x, w, b.floats({40})}, with({{"transB", std::int64_t{1}}}))
                                        : b.node("Relu", {b.node("MatMul", {x, w})})};
          for (const std::int64_t rows : {1, 17}) {
            const std::string lowered = expect_close(b.graph, {{"x", random_floats(b.random, {rows, 200})}}, 2e-3);
            EXPECT_EQ(lowered.find("octet.rt.WeightOnlyLinear") == std::string::npos, block == 12) << lowered;
          }
        }
      }
    }
  }
}

// The same weights with other scales are other packed weights.
TEST(Dynamic, WeightOnlyBlocksShareNothingWrongly) {
  Builder b(65);
  b.graph.opsets[""] = 21;
  const ValueId x = b.input("x", {3, 200});
  const ValueId w = stored_weights(b, DType::i4, false, 32, false);
  const Node first = b.graph.nodes.back();
  const ValueId scale = b.constant(ops::random_tensor(b.random, DType::f32, {7, 40}, 0.001f, 0.01f));
  const ValueId again = b.node("DequantizeLinear", {first.inputs[0], scale}, first.attributes);
  b.graph.outputs = {b.node("MatMul", {x, w}), b.node("MatMul", {x, again})};
  expect_close(b.graph, {{"x", random_floats(b.random, {3, 200})}}, 2e-3);
}

// No other operator takes tensors of four bits, and says so.
TEST(Dynamic, FourBitsAreRefusedElsewhere) {
  Builder b(66);
  b.graph.opsets[""] = 21;
  const ValueId w = b.constant(pack_four_bits(Tensor::from<std::int8_t>({2, 2}, {1, 2, 3, 4})));
  const ValueId turned = b.node("Transpose", {w});
  b.graph.outputs = {b.node("DequantizeLinear", {turned, b.constant(Tensor::scalar(0.5f))})};
  for (const bool optimize : {false, true}) {
    try {
      Session(b.graph, {.threads = 1, .optimize = optimize}).run(NamedTensors{});
      FAIL() << "accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.info().kind, ErrorKind::unsupported);
      EXPECT_THAT(e.info().message, HasSubstr("Transpose takes no tensors of int4"));
    }
  }
}

Tensor random_bytes(Random& random, const Shape& shape) {
  Tensor out(DType::i8, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i)
    out.data<std::int8_t>()[i] = static_cast<std::int8_t>(random.integer(-127, 127));
  return out;
}

// DynamicQuantizeLinear -> MatMulInteger or ConvInteger -> Cast -> Mul -> Add, as exporters write it.
ValueId integer_layer(Builder& b, const char* op, ValueId x, Tensor weights, Tensor scale, Tensor bias) {
  const ValueId q = b.node("DynamicQuantizeLinear", {x});
  Node& quantize = b.graph.nodes.back();
  const ValueId x_scale = b.graph.add_value(), x_zero = b.graph.add_value();
  quantize.outputs = {q, x_scale, x_zero};
  const ValueId sum = b.node(op, {q, b.constant(std::move(weights)), x_zero});
  const ValueId real = b.node("Cast", {sum}, with({{"to", std::int64_t{1}}}));
  const ValueId both = b.node("Mul", {x_scale, b.constant(std::move(scale))});
  return b.node("Add", {b.node("Mul", {real, both}), b.constant(std::move(bias))});
}

TEST(Dynamic, IntegerOperatorsBecomeOneStep) {
  Builder b(63);
  const ValueId image = b.input("image", {Dim("N"), 6, 8, 8}), x = b.input("x", {Dim("N"), 40});
  const Tensor scale = random_floats(b.random, {24}, 0.005f, 0.01f);
  const ValueId y =
      integer_layer(b, "MatMulInteger", x, random_bytes(b.random, {40, 24}), scale, random_floats(b.random, {24}));
  const ValueId z = integer_layer(b, "ConvInteger", image, random_bytes(b.random, {5, 6, 3, 3}), Tensor::scalar(0.01f),
                                  random_floats(b.random, {1, 5, 1, 1}));
  b.graph.outputs = {b.node("Relu", {y}), z};
  const std::string lowered = expect_close(
      b.graph, {{"image", random_floats(b.random, {2, 6, 8, 8})}, {"x", random_floats(b.random, {3, 40})}}, 1e-4);
  EXPECT_THAT(lowered, HasSubstr("DynamicLinear"));
  EXPECT_THAT(lowered, HasSubstr("DynamicConv"));
  EXPECT_THAT(lowered, Not(HasSubstr("Integer")));
}

}  // namespace
}  // namespace octet::runtime
