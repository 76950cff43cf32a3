#include "octet/quant/qat/qat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "octet/quant/qat/plan.h"
#include "octet/quant/qat/sites.h"
#include "octet/quant/testing_graphs.h"
#include "octet/runtime/session.h"

namespace octet::quant {
namespace {

ValueId batch_norm(Builder& b, ValueId x, std::int64_t channels, const std::string& name) {
  const ValueId gamma = b.constant(name + ".weight", {channels}, 1),
                beta = b.constant(name + ".bias", {channels}, 0.3F);
  const ValueId mean = b.constant(name + ".mean", {channels}, 0.2F),
                variance = b.constant(name + ".variance", {channels}, 1);
  Tensor v = *b.graph.initializer(variance), g = *b.graph.initializer(gamma);
  for (std::int64_t i = 0; i < channels; ++i) {
    v.data<float>()[i] = 0.5F + std::abs(v.data<float>()[i]);
    g.data<float>()[i] = 0.5F + std::abs(g.data<float>()[i]);
  }
  return b.node("BatchNormalization", {x, gamma, beta, mean, variance}, name);
}

// conv - norm - relu - [conv - norm] + shortcut - relu - maxpool - flatten - gemm
Graph residual_network() {
  Builder b(3);
  ValueId x = b.node("Relu", {batch_norm(b, b.conv(b.input("x", {4, 3, 8, 8}), 8, "conv1"), 8, "norm1")}, "relu1");
  const ValueId y = batch_norm(b, b.conv(x, 8, "conv2"), 8, "norm2");
  x = b.node("Relu", {b.node("Add", {y, x}, "sum")}, "relu2");
  Attributes pool;
  pool.set("kernel_shape", std::vector<std::int64_t>{2, 2});
  pool.set("strides", std::vector<std::int64_t>{2, 2});
  x = b.node("Flatten", {b.node("MaxPool", {x}, "pool", pool)}, "flat");
  const ValueId weight = b.constant("fc.weight", {128, 10}, 0.1F), bias = b.constant("fc.bias", {10}, 0.1F);
  b.output(b.node("Gemm", {x, weight, bias}, "logits"));
  return std::move(b.graph);
}

Tensor random_input(std::uint64_t seed, float low = -1, float high = 1) {
  Random random(seed);
  Tensor out(DType::f32, {4, 3, 8, 8});
  for (std::int64_t i = 0; i < out.elements(); ++i) out.data<float>()[i] = random.uniform(low, high);
  return out;
}

CalibrationSource batches(std::uint64_t count) {
  return [count, next = std::uint64_t{0}](bool first) mutable -> std::optional<NamedTensors> {
    if (first) next = 0;
    if (next == count) return std::nullopt;
    return NamedTensors{{"x", random_input(100 + next++)}};
  };
}

std::map<std::string, Tensor> values_of(const Graph& graph, const Tensor& x) {
  std::map<std::string, Tensor> out;
  const Session session(clone(graph), {.optimize = false});
  session.run({{"x", x}}, [&](const std::string& name, const Tensor& tensor) { out[name] = tensor.clone(); });
  return out;
}

// Every fake-quantized value against the pair in its place: equal, or a step apart at a tie.
void expect_same_integers(const Trainable& prepared, const Graph& integers, int* checked) {
  const Stripped stripped = strip(prepared);
  const Graph fake = fake_quantized_form(prepared);
  std::int64_t elements = 0, ties = 0;
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const auto ours = values_of(integers, random_input(seed)), theirs = values_of(fake, random_input(seed));
    for (const auto& [value, site] : stripped.activations) {
      const std::string name = stripped.graph.value(value).name;
      const float scale = stripped.params[static_cast<std::size_t>(site)]->at(0).scale;
      auto pair = ours.find(name + "_dequantized"), fq = theirs.find(name + "/fake_quantized");
      if (pair == ours.end()) pair = ours.find(name);  // an output of the network keeps its name
      if (fq == theirs.end()) fq = theirs.find(name);
      ASSERT_TRUE(pair != ours.end()) << name;
      ASSERT_TRUE(fq != theirs.end()) << name;
      for (std::int64_t i = 0; i < pair->second.elements(); ++i) {
        const float steps = std::abs(pair->second.data<float>()[i] - fq->second.data<float>()[i]) / scale;
        ASSERT_LT(steps, 2.001F) << name;  // a sum of two values that each flipped at a tie
        ties += steps > 0.001F;
        ++elements;
      }
      ++*checked;
    }
  }
  // Biases are whole steps of input scale * weight scale in integers: about a thousandth of an output step.
  EXPECT_LE(ties * 300, elements) << ties << " of " << elements;
}

TEST(Qat, SharesTheParametersOfTheModel) {
  const Graph network = residual_network();
  const Trainable model = make_trainable(network);
  const Trainable prepared = prepare_qat(model, qconfig("octet"));
  ASSERT_FALSE(model.parameters.empty());
  EXPECT_EQ(prepared.parameters, model.parameters);
  for (const std::string& name : model.parameters) {
    EXPECT_EQ(prepared.graph.initializer(prepared.graph.find(name))->identity(),
              model.graph.initializer(model.graph.find(name))->identity());
    EXPECT_EQ(prepared.graph.initializer(prepared.graph.find(name))->identity(),
              network.initializer(network.find(name))->identity());
  }
  EXPECT_GT(prepared.states.size(), model.states.size());
}

TEST(Qat, FollowsTheFusionsOfTheEngine) {
  QatReport report;
  const Trainable prepared = prepare_qat(make_trainable(residual_network()), qconfig("octet"), &report);
  std::vector<std::string> names;
  for (const FakeQuantSite& site : find_sites(prepared.graph)) names.push_back(site.name);
  // Nothing between a layer and its norm, activation or residual sum; nothing twice behind a pool.
  EXPECT_THAT(names,
              ::testing::UnorderedElementsAre("x", "relu1", "relu2", "conv1.weight", "conv2.weight", "fc.weight"));
  for (const NodeRecord& node : report.nodes) EXPECT_TRUE(node.quantized) << node.name << ": " << node.reason;
}

TEST(Qat, ConvertGivesTheFakeQuantizedIntegers) {
  for (const char* name : {"octet", "x86", "onednn", "qnnpack"}) {
    SCOPED_TRACE(name);
    Trainable prepared = prepare_qat(make_trainable(residual_network()), qconfig(name));
    calibrate_qat(prepared, batches(4));
    const Stripped stripped = strip(prepared);
    if (std::string(name) != "octet") {  // their weights' ranges are observed too, by training
      for (const FakeQuantSite& site : find_sites(prepared.graph)) {
        if (!site.weight) continue;
        Tensor min = *prepared.graph.initializer(site.min), max = *prepared.graph.initializer(site.max);
        std::fill_n(min.data<float>(), min.elements(), -0.5F);
        std::fill_n(max.data<float>(), max.elements(), 0.4F);
      }
    }
    const QuantizeResult result = convert(prepared);
    EXPECT_GT(result.coverage, 0.99);
    int checked = 0;
    expect_same_integers(prepared, result.model, &checked);
    EXPECT_GE(checked, 9);
    // The engine's fused form gives the same answers as the references.
    const Tensor x = random_input(9);
    const Tensor fast = Session(clone(result.model)).run({{"x", x}})[0];
    const Tensor plain = Session(clone(result.model), {.optimize = false}).run({{"x", x}})[0];
    for (std::int64_t i = 0; i < fast.elements(); ++i) EXPECT_NEAR(fast.data<float>()[i], plain.data<float>()[i], 0.1F);
  }
}

TEST(Qat, FewerBitsKeepTheirLevels) {
  for (const int bits : {2, 4, 6}) {
    SCOPED_TRACE(bits);
    Trainable prepared = prepare_qat(make_trainable(residual_network()),
                                     qconfig("octet", {.weight_bits = bits, .activation_bits = bits}));
    EXPECT_THROW(convert(prepared), Error);  // learned scales wait for data
    calibrate_qat(prepared, batches(4));
    const QuantizeResult result = convert(prepared);
    int checked = 0;
    expect_same_integers(prepared, result.model, &checked);
    EXPECT_GE(checked, 9);
    for (const auto& [name, tensor] : values_of(result.model, random_input(5, -3, 3))) {
      if (tensor.dtype() != DType::u8) continue;
      for (const std::uint8_t q : tensor.values<std::uint8_t>()) ASSERT_LT(q, 1 << bits) << name;
    }
    for (const auto& [id, tensor] : result.model.initializers()) {
      if (tensor.dtype() != DType::i8 || tensor.rank() < 2) continue;
      for (const std::int8_t q : tensor.values<std::int8_t>()) ASSERT_LT(std::abs(int{q}), 1 << (bits - 1));
    }
    for (const Node& node : result.model.nodes) EXPECT_TRUE(node.domain.empty()) << node.op_type;
  }
}

TEST(Qat, PowersOfTwo) {
  Trainable prepared = prepare_qat(make_trainable(residual_network()), qconfig("octet", {.power_of_two = true}));
  calibrate_qat(prepared, batches(2));
  const QuantizeResult result = convert(prepared);
  int scales = 0;
  for (const Node& node : result.model.nodes) {
    if (node.op_type != "QuantizeLinear" && node.op_type != "DequantizeLinear") continue;
    for (const float s : result.model.initializer(node.inputs[1])->values<float>()) {
      int exponent = 0;
      EXPECT_EQ(std::frexp(s, &exponent), 0.5F);
      ++scales;
    }
  }
  EXPECT_GT(scales, 20);
}

TEST(Qat, LearnedScalesAreParameters) {
  const Trainable model = make_trainable(residual_network());
  const Trainable prepared = prepare_qat(model, qconfig("octet", {.learned = true}));
  for (const char* name : {"conv1.weight/scale", "x/scale", "x/zero_point", "relu1/scale"}) {
    EXPECT_THAT(prepared.parameters, ::testing::Contains(name));
  }
  EXPECT_THAT(prepared.parameters, ::testing::Not(::testing::Contains("conv1.weight/zero_point")));
  const Tensor& scale = *prepared.graph.initializer(prepared.graph.find("fc.weight/scale_start"));
  EXPECT_EQ(scale.elements(), 10);
  const Tensor& w = *prepared.graph.initializer(prepared.graph.find("fc.weight"));
  float largest = 0;
  for (std::int64_t i = 0; i < 128; ++i) largest = std::max(largest, std::abs(w.data<float>()[i * 10]));
  EXPECT_LE(scale.data<float>()[0], largest / 127 * 1.0001F);
  EXPECT_GE(scale.data<float>()[0], largest / 127 * 0.5F);  // eight bits clip little
}

// The article's first mistake: a configuration that reaches nothing. It ends in an error that names the layers.
TEST(QatMistakes, ConvertingWhatWasNeverPreparedNamesTheLayers) {
  try {
    convert(make_trainable(residual_network()));
    FAIL() << "nothing was quantized, without a word";
  } catch (const Error& error) {
    EXPECT_EQ(error.info().kind, ErrorKind::gate);
    for (const char* layer : {"conv1", "conv2", "logits"}) EXPECT_THAT(error.what(), ::testing::HasSubstr(layer));
  }
}

TEST(QatMistakes, PreparingNothingNamesTheLayersAndTheReasons) {
  QConfig config = qconfig("octet");
  config.exclude.nodes = {"conv*"};
  config.exclude.operators = {"Gemm"};
  try {
    prepare_qat(make_trainable(residual_network()), config);
    FAIL() << "nothing was prepared, without a word";
  } catch (const Error& error) {
    EXPECT_EQ(error.info().kind, ErrorKind::gate);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("conv1"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("left out: matches conv*"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("left out: operator Gemm"));
  }
}

TEST(QatMistakes, ObserversThatNeverSawDataAreNamed) {
  const Trainable prepared = prepare_qat(make_trainable(residual_network()), qconfig("octet"));
  try {
    convert(prepared);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("never saw data"));
    for (const char* value : {"'x'", "'relu1'", "'relu2'"}) EXPECT_THAT(error.what(), ::testing::HasSubstr(value));
  }
  EXPECT_THROW(prepare_qat(prepared, qconfig("octet")), Error);
  Trainable empty = prepared;
  EXPECT_THROW(calibrate_qat(empty, [](bool) { return std::nullopt; }), Error);
  EXPECT_THROW(qconfig("x87"), Error);
  EXPECT_THROW(qconfig("octet", {.weight_bits = 9}), Error);
  EXPECT_THROW(qconfig("x86", {.weight_bits = 4}), Error);
}

// What a step of training does to the states, by the number of the step.
TEST(Qat, ScheduleSwitchesByTheStep) {
  QConfig config = qconfig("octet");
  config.schedule = {.observe_from = 1, .observe_until = 3, .quantize_from = 2};
  const Trainable prepared = prepare_qat(make_trainable(residual_network(), {.batch_norm = false}), config);
  Graph graph = clone(prepared.graph);
  graph.outputs.push_back(graph.find("x/fake_quantized"));
  graph.outputs.push_back(graph.find("x/new_range_max"));
  const Session session(std::move(graph));
  const Tensor x = random_input(7);
  for (const std::int64_t step : {0, 1, 2, 3, 9}) {
    const auto out = session.run({{"x", x}, {"octet.step", Tensor::scalar(step)}});
    const bool observed = std::isfinite(out[2].data<float>()[0]);
    EXPECT_EQ(observed, step >= 1 && step < 3) << step;
    const bool same = std::equal(x.data<float>(), x.data<float>() + x.elements(), out[1].data<float>());
    EXPECT_EQ(same, step < 2) << step;
  }
  const Trainable always = with_schedule(prepared, {});
  Graph other = clone(always.graph);
  other.outputs.push_back(other.find("x/new_range_max"));
  const auto out = Session(std::move(other)).run({{"x", x}, {"octet.step", Tensor::scalar<std::int64_t>(0)}});
  EXPECT_TRUE(std::isfinite(out[1].data<float>()[0]));
}

TEST(Qat, FrozenBatchNormsKeepTheirStatistics) {
  const Trainable prepared = prepare_qat(make_trainable(residual_network()), qconfig("octet"));
  const Trainable frozen = freeze_batch_norms(prepared);
  EXPECT_EQ(frozen.states.size() + 4, prepared.states.size());
  for (const Node& node : frozen.graph.nodes) EXPECT_NE(node.op_type, "BatchNormTraining");
  EXPECT_EQ(frozen.parameters, prepared.parameters);
}

TEST(Qat, WarnsOfWhatKeepsClipping) {
  Trainable prepared = prepare_qat(make_trainable(residual_network()), qconfig("onednn"));
  EXPECT_TRUE(clipping_warnings(prepared).empty());
  Tensor share = *prepared.graph.initializer(prepared.graph.find("x/clipped"));
  share.data<float>()[0] = 0.25F;
  const std::vector<std::string> warnings = clipping_warnings(prepared);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0], ::testing::HasSubstr("'x'"));
  EXPECT_THAT(warnings[0], ::testing::HasSubstr("25.0 %"));
}

TEST(Qat, ConfigurationsSurviveTheMetadata) {
  for (const std::string& name : qconfig_names()) {
    QConfig config = qconfig(name);
    config.exclude.nodes = {"a*"};
    config.schedule.quantize_from = 7;
    EXPECT_EQ(to_json(qconfig_from_json(to_json(config))), to_json(config));
  }
  EXPECT_THROW(qconfig_from_json("{}"), Error);
}

}  // namespace
}  // namespace octet::quant
