#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "octet/quant/calibrate.h"
#include "octet/quant/sensitivity.h"
#include "octet/quant/testing_graphs.h"

namespace octet::quant {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// conv - relu - conv + residual - relu - global average - gemm
Graph small_network(std::uint64_t seed = 3) {
  Builder b(seed);
  const ValueId x = b.graph.add_input("x", DType::f32, {Dim("N"), 3, 8, 8});
  const ValueId a = b.node("Relu", {b.conv(x, 8, "conv1")}, "a");
  const ValueId c = b.conv(b.node("Relu", {b.conv(a, 8, "conv2")}, "r2"), 8, "conv3");
  const ValueId r = b.node("Relu", {b.node("Add", {c, a}, "sum")}, "r");
  const ValueId pooled = b.node("GlobalAveragePool", {r}, "pooled");
  Attributes flat;
  flat.set("axis", std::int64_t{1});
  const ValueId f = b.node("Flatten", {pooled}, "flat", flat);
  b.output(b.node("Gemm", {f, b.constant("head.weight", {8, 5}), b.constant("head.bias", {5})}, "y"));
  return b.graph;
}

CalibrationSource source(std::vector<NamedTensors> batches) {
  return [batches = std::move(batches), next = std::size_t{0}](bool first) mutable -> std::optional<NamedTensors> {
    if (first) next = 0;
    if (next >= batches.size()) return std::nullopt;
    return batches[next++];
  };
}

std::vector<NamedTensors> random_batches(int count, std::uint64_t seed = 9) {
  Builder b(seed);
  std::vector<NamedTensors> out;
  for (int i = 0; i < count; ++i) out.push_back({{"x", b.data({2, 3, 8, 8})}});
  return out;
}

double end_sqnr(const Graph& reference, const Graph& quantized, const Tensor& x) {
  ThreadPool pool(1);
  SignalToNoise noise;
  noise.add(ops::evaluate_graph(reference, {x}, pool)[0], ops::evaluate_graph(quantized, {x}, pool)[0]);
  return decibels(noise.ratio());
}

const NodeRecord& node(const QuantizeResult& result, const std::string& name) {
  for (const NodeRecord& entry : result.nodes) {
    if (entry.name == name) return entry;
  }
  throw std::runtime_error("no record of " + name);
}

TEST(Static, SmallNetworkKeepsItsAnswers) {
  const Graph graph = small_network();
  const Tensor x = Builder(20).data({4, 3, 8, 8});
  for (const Observer observer : {Observer::min_max, Observer::moving_average, Observer::percentile,
                                  Observer::histogram, Observer::entropy, Observer::mse}) {
    for (const Numerics numerics : {Numerics::onnx, Numerics::torch}) {
      const QuantizeResult result = quantize(
          graph, Static{.calibration = source(random_batches(20)), .observer = observer, .numerics = numerics});
      EXPECT_GT(end_sqnr(graph, result.model, x), 25) << to_string(observer);
      EXPECT_EQ(result.coverage, 1.0) << to_string(observer);
      for (const NodeRecord& entry : result.nodes)
        EXPECT_TRUE(entry.quantized) << to_string(observer) << " " << entry.name << ": " << entry.reason;
      EXPECT_EQ(node(result, "sum").reason, "computed with conv3");
      EXPECT_TRUE(node(result, "conv1").end_sqnr_db.has_value());
    }
  }
}

TEST(Static, EveryTypeAndGranularity) {
  const Graph graph = small_network();
  const Tensor x = Builder(20).data({4, 3, 8, 8});
  for (const DType activation : {DType::u8, DType::i8}) {
    for (const bool symmetric : {false, true}) {
      for (const bool per_channel : {false, true}) {
        for (const bool reduce_range : {false, true}) {
          const QuantizeResult result = quantize(graph, Static{.calibration = source(random_batches(10)),
                                                               .activation = activation,
                                                               .symmetric_activation = symmetric,
                                                               .per_channel = per_channel,
                                                               .reduce_range = reduce_range,
                                                               .keep_sensitive_float = false});
          EXPECT_GT(end_sqnr(graph, result.model, x), 18);
          std::set<DType> types;
          for (const auto& [id, tensor] : result.model.initializers()) {
            if (result.model.value(id).name.find("zero_point") != std::string::npos) types.insert(tensor.dtype());
          }
          EXPECT_THAT(types, Contains(activation));
        }
      }
    }
  }
}

TEST(Static, NoFloatBetweenLayersThatStayInt8) {
  const QuantizeResult result = quantize(small_network(), Static{.calibration = source(random_batches(4))});
  const Graph& g = result.model;
  const Uses uses(g);
  int pairs = 0;
  for (const Node& n : g.nodes) {
    if (n.op_type != "QuantizeLinear") continue;
    ++pairs;
    const int producer = uses.producer(n.inputs[0]);
    if (producer >= 0) {
      EXPECT_NE(g.nodes[static_cast<std::size_t>(producer)].op_type, "Conv") << "the epilogue ends later";
    }
  }
  EXPECT_EQ(pairs, 6) << "x, a, r2, r, pooled, flat";
  EXPECT_EQ(*g.info.find_metadata("octet.method"), "static");
  EXPECT_EQ(*g.info.find_metadata("octet.numerics"), "onnx");
  EXPECT_THAT(*g.info.find_metadata("octet.quantization"), HasSubstr("\"coverage\":1.0"));
}

TEST(Static, StatisticsCanBeSavedAndUsedAgain) {
  const std::string file = testing::TempDir() + "statistics.json";
  const Graph graph = small_network();
  const QuantizeResult first = quantize(graph, Static{.calibration = source(random_batches(5)),
                                                      .save_statistics = file,
                                                      .rounding = Rounding::nearest,
                                                      .keep_sensitive_float = false});
  const QuantizeResult second = quantize(graph, Static{.statistics = file, .keep_sensitive_float = false});
  EXPECT_EQ(print_graph(first.model), print_graph(second.model));
  EXPECT_THROW(quantize(graph, Static{.statistics = file + ".missing"}), Error);
  EXPECT_THROW(quantize(small_network(), Static{}), Error);
  EXPECT_THROW(quantize(graph, Static{.statistics = file, .rounding = Rounding::compensated}), Error);
}

TEST(Static, CompensatedRoundingBringsTheEndNearer) {
  const Graph graph = small_network();
  const auto end_error = [&](Rounding rounding) {
    const QuantizeResult result =
        quantize(graph, Static{.calibration = source(random_batches(8)), .rounding = rounding});
    const std::string* record = result.model.info.find_metadata("octet.quantization");
    EXPECT_NE(record, nullptr);
    const auto json = nlohmann::json::parse(*record);
    EXPECT_EQ(json.at("weight_rounding"), rounding == Rounding::nearest ? "nearest" : "compensated");
    return std::stod(json.at("end_sqnr_db").get<std::string>());
  };
  EXPECT_GT(end_error(Rounding::compensated), end_error(Rounding::nearest));
}

ErrorInfo refused(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.info();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(StaticFaults, NonFiniteCalibrationValues) {
  auto batches = random_batches(3);
  batches[1][0].second.data<float>()[7] = std::numeric_limits<float>::quiet_NaN();
  const ErrorInfo info = refused([&] { quantize(small_network(), Static{.calibration = source(batches)}); });
  EXPECT_EQ(info.kind, ErrorKind::bad_input);
  EXPECT_EQ(info.tensor, "x");
  EXPECT_THAT(info.value, HasSubstr("index 7"));
  const QuantizeResult result =
      quantize(small_network(), Static{.calibration = source(batches)}, {.skip_nonfinite = true});
  EXPECT_THAT(result.warnings, Contains(HasSubstr("1 calibration batches were left out")));
}

TEST(StaticFaults, OverflowInsideNamesTheFirstBadLayer) {
  auto batches = random_batches(2);
  for (float* p = batches[0][0].second.data<float>(); p != batches[0][0].second.data<float>() + 384; ++p) *p = 3e38F;
  const ErrorInfo info = refused([&] { quantize(small_network(), Static{.calibration = source(batches)}); });
  EXPECT_EQ(info.kind, ErrorKind::bad_input);
  EXPECT_EQ(info.node, "conv1");
  EXPECT_EQ(info.tensor, "conv1") << "not the activation that takes it up";
}

TEST(StaticFaults, PoorCalibrationIsWarnedOf) {
  auto one = random_batches(1);
  one[0][0].second = Builder(1).data({1, 3, 8, 8});
  EXPECT_THAT(quantize(small_network(), Static{.calibration = source(one)}).warnings,
              Contains(HasSubstr("only one calibration sample")));
  one.push_back(one[0]);
  one.push_back(one[0]);
  EXPECT_THAT(quantize(small_network(), Static{.calibration = source(one)}).warnings,
              Contains(HasSubstr("all calibration samples are the same")));
  EXPECT_EQ(refused([] { quantize(small_network(), Static{.calibration = source({})}); }).kind, ErrorKind::bad_input);
  auto wild = random_batches(30);
  wild[4][0].second.data<float>()[0] = 1e30F;
  EXPECT_THAT(quantize(small_network(), Static{.calibration = source(wild)}).warnings,
              Contains(HasSubstr("percentile observer")));
}

TEST(StaticFaults, NothingToQuantizeIsAGateThatListsReasons) {
  Static method{.calibration = source(random_batches(2))};
  method.exclude.operators = {"Conv", "Gemm"};
  const ErrorInfo info = refused([&] { quantize(small_network(), method); });
  EXPECT_EQ(info.kind, ErrorKind::gate);
  EXPECT_THAT(info.message, HasSubstr("conv2 (Conv): left out: operator Conv"));
}

TEST(StaticFaults, QuantizedGraphIsRefused) {
  const QuantizeResult result = quantize(small_network(), Static{.calibration = source(random_batches(2))});
  EXPECT_EQ(refused([&] { quantize(result.model, Static{.calibration = source(random_batches(2))}); }).kind,
            ErrorKind::usage);
  EXPECT_EQ(refused([&] { quantize(result.model, Dynamic{}); }).kind, ErrorKind::usage);
  EXPECT_EQ(refused([&] { quantize(result.model, WeightOnly{}); }).kind, ErrorKind::usage);
}

TEST(StaticFaults, BiasThatWouldOverflowEnlargesTheWeightScale) {
  Graph graph = small_network();
  const ValueId weight = graph.find("conv2.weight"), bias = graph.find("conv2.bias");
  Tensor w = graph.initializer(weight)->clone(), b = graph.initializer(bias)->clone();
  for (int i = 0; i < 72; ++i) w.data<float>()[i] *= 1e-12F;  // channel 0
  b.data<float>()[0] = 30;
  graph.set_initializer(weight, w);
  graph.set_initializer(bias, b);
  const QuantizeResult result = quantize(graph, Static{.calibration = source(random_batches(4))});
  EXPECT_THAT(result.warnings, Contains(HasSubstr("'conv2.weight': the scale of 1 of 8 channels was enlarged")));
  EXPECT_GT(end_sqnr(graph, result.model, Builder(20).data({4, 3, 8, 8})), 25);
}

TEST(StaticFaults, ConstantActivationsGetAScale) {
  std::vector<NamedTensors> zeros(3);
  for (auto& batch : zeros) batch = {{"x", Tensor::zeros(DType::f32, {1, 3, 8, 8})}};
  const QuantizeResult result = quantize(small_network(), Static{.calibration = source(zeros)});
  for (const auto& [id, tensor] : result.model.initializers()) {
    if (result.model.value(id).name.find("_scale") == std::string::npos) continue;
    for (const float scale : tensor.values<float>()) EXPECT_TRUE(std::isnormal(scale) && scale > 0);
  }
}

TEST(Static, DryRunDecidesWithoutData) {
  const QuantizeResult result = quantize(small_network(), Static{}, {.dry_run = true});
  EXPECT_EQ(result.coverage, 1.0);
  EXPECT_TRUE(node(result, "conv1").quantized);
  for (const Node& n : result.model.nodes) EXPECT_THAT(n.op_type, Not(HasSubstr("QuantizeLinear")));
}

// A layer whose input needs more than eight bits: small values matter beside large ones.
TEST(Static, LayerThatHurtsIsFoundAndKeptFloat) {
  Builder b(5);
  const ValueId x = b.graph.add_input("x", DType::f32, {Dim("N"), 16});
  const ValueId spread =
      b.graph.add_initializer("spread", Tensor::from<float>({16}, {1, 1e4F, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
  const ValueId wide = b.node("Mul", {x, spread}, "wide");
  const ValueId blind = b.matmul(wide, 32, "blind");
  Tensor w = b.graph.initializer(b.graph.find("blind.weight"))->clone();
  for (int column = 0; column < 32; ++column) w.data<float>()[32 + column] = 0;  // the large value is not looked at
  b.graph.set_initializer(b.graph.find("blind.weight"), w);
  ValueId h = b.node("Relu", {blind}, "h");
  for (int i = 0; i < 3; ++i) h = b.node("Relu", {b.matmul(h, 256, "m" + std::to_string(i))}, "r" + std::to_string(i));
  b.output(b.matmul(h, 4, "y"));
  std::vector<NamedTensors> batches;
  for (int i = 0; i < 10; ++i) batches.push_back({{"x", b.data({4, 16})}});
  const QuantizeResult rescued = quantize(b.graph, Static{.calibration = source(batches)});
  EXPECT_FALSE(node(rescued, "blind").quantized);
  EXPECT_THAT(node(rescued, "blind").reason, HasSubstr("kept float"));
  EXPECT_TRUE(node(rescued, "m1").quantized);
  EXPECT_GT(rescued.coverage, 0.9);
  EXPECT_GT(end_sqnr(b.graph, rescued.model, b.data({4, 16})), 20);
  const QuantizeResult blind_run =
      quantize(b.graph, Static{.calibration = source(batches), .keep_sensitive_float = false});
  EXPECT_TRUE(node(blind_run, "blind").quantized);
  EXPECT_LT(end_sqnr(b.graph, blind_run.model, b.data({4, 16})), 5);
}

// A layer whose rows differ in range by more than eight bits, and all matter: each is quantized by its own.
TEST(Static, LayerWhoseRowsDifferTakesThemAsTheyCome) {
  Builder b(6);
  const ValueId x = b.graph.add_input("x", DType::f32, {Dim("N"), 16}),
                size = b.graph.add_input("size", DType::f32, {Dim("N"), 1});
  const ValueId rows = b.matmul(b.node("Mul", {x, size}, "wide"), 32, "rows");
  const ValueId even = b.node("Div", {rows, size}, "even");
  ValueId h = b.node("Relu", {even}, "h");
  for (int i = 0; i < 3; ++i) h = b.node("Relu", {b.matmul(h, 256, "m" + std::to_string(i))}, "r" + std::to_string(i));
  b.output(b.matmul(h, 4, "y"));
  const auto feed = [&] {
    return NamedTensors{{"x", b.data({4, 16})}, {"size", Tensor::from<float>({4, 1}, {1, 1e4F, 30, 1e3F})}};
  };
  std::vector<NamedTensors> batches;
  for (int i = 0; i < 10; ++i) batches.push_back(feed());
  const QuantizeResult result = quantize(b.graph, Static{.calibration = source(batches)});
  EXPECT_TRUE(node(result, "rows").quantized);
  EXPECT_THAT(node(result, "rows").reason, HasSubstr("per row as it comes: with one scale it gives"));
  EXPECT_EQ(result.coverage, 1.0);
  const Session fast(result.model, {.threads = 1}), exact(b.graph, {.threads = 1});
  const NamedTensors inputs = feed();
  SignalToNoise end;
  end.add(exact.run(inputs)[0], fast.run(inputs)[0]);
  EXPECT_GT(decibels(end.ratio()), 25);
  EXPECT_THAT(fast.lowered(), HasSubstr("DynamicLinear"));
}

}  // namespace
}  // namespace octet::quant
