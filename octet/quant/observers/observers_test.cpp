#include <gtest/gtest.h>

#include <cmath>

#include "octet/quant/observer.h"
#include "octet/quant/testing.h"

namespace octet::quant {
namespace {

const Scheme kU8 = activation_scheme(DType::u8, false, false, Numerics::onnx);
const Scheme kSymmetric = activation_scheme(DType::i8, true, false, Numerics::onnx);

std::vector<std::vector<float>> batches(const nlohmann::json& row) {
  Random random(row.at("seed").get<std::uint64_t>());
  std::vector<std::vector<float>> out;
  for (const auto& scale : row.at("scales")) out.push_back(draw(random, row.at("count"), row.at("kind"), scale));
  return out;
}

Range observe_all(Observer kind, const std::vector<std::vector<float>>& data, double percentile = 99) {
  const auto state = make_observer(kind);
  for (const auto& batch : data) state->observe(batch);
  return state->range(kU8, {percentile});
}

void expect_range(Range range, const nlohmann::json& golden, double tolerance) {
  EXPECT_NEAR(range.min, golden[0].get<double>(), tolerance);
  EXPECT_NEAR(range.max, golden[1].get<double>(), tolerance);
}

TEST(Observers, AgreeWithTorch) {
  const nlohmann::json& golden = goldens();
  ASSERT_GE(golden.at("observers").size(), 6U);
  for (const auto& row : golden.at("observers")) {
    SCOPED_TRACE(row.dump());
    const auto data = batches(row);
    expect_range(observe_all(Observer::min_max, data), row.at("min_max"), 0);
    expect_range(observe_all(Observer::moving_average, data), row.at("moving_average"), 0);
    expect_range(observe_all(Observer::histogram, data), row.at("histogram"), 0);
    const double span = row.at("min_max")[1].get<double>() - row.at("min_max")[0].get<double>();
    expect_range(observe_all(Observer::percentile, data), row.at("percentile_99"), span / 200);
  }
}

TEST(Observers, HistogramOfTorch1AgreesWithIt) {
  std::ifstream file(octet::testing::source_dir("tests/golden/torch1.json"));
  for (const auto& row : nlohmann::json::parse(file)) {
    SCOPED_TRACE(row.dump());
    const auto state = make_observer(Observer::histogram_torch1);
    for (const auto& batch : batches(row)) state->observe(batch);
    expect_range(state->seen(), row.at("seen"), 1e-6);
    const double bin = (row.at("seen")[1].get<double>() - row.at("seen")[0].get<double>()) / 2048;
    expect_range(state->range(kU8, {}), row.at("range"), bin / 100);
  }
}

double error(const std::vector<float>& values, Range range, const Scheme& scheme) {
  const Affine affine = choose_affine(range, scheme);
  double sum = 0;
  for (const float x : values) {
    const double e = double{dequantize_one(quantize_one(x, affine, scheme), affine)} - x;
    sum += e * e;
  }
  return sum;
}

TEST(Observers, MeanSquaredErrorIsLeastNearItsRange) {
  Random random(11);
  for (const char* kind : {"plain", "relu", "cube"}) {
    const auto values = draw(random, 20000, kind, 2);
    for (const Scheme& scheme : {kU8, kSymmetric}) {
      const auto state = make_observer(Observer::mse);
      state->observe(values);
      const Range best = state->range(scheme, {}), seen = state->seen();
      const double least = error(values, best, scheme);
      EXPECT_LE(least, error(values, seen, scheme) * 1.001);
      for (const float factor : {0.5F, 0.8F, 0.9F, 1.1F}) {
        const Range other{std::max(seen.min, best.min * factor), std::min(seen.max, best.max * factor)};
        EXPECT_LE(least, error(values, other, scheme) * 1.02) << kind << " " << factor;
      }
    }
  }
}

TEST(Observers, EntropySearchesBelowTheMaximum) {
  Random random(12);
  const auto even = draw(random, 400000, "relu", 1);
  auto tailed = even;
  for (int i = 0; i < 5; ++i) tailed.push_back(12.0F);
  const Range range = observe_all(Observer::entropy, {tailed});
  EXPECT_LT(range.max, 6.0F);
  EXPECT_GT(range.max, 1.0F);
  const Range spread = observe_all(Observer::entropy, {even});
  EXPECT_GT(spread.max, 1.2F);
}

// A few hundred values in clusters, as the means of a layer's channels are: a range around one cluster fits its shape.
TEST(Observers, EntropyKeepsClusters) {
  Random random(21);
  std::vector<float> values;
  for (int i = 0; i < 320; ++i) values.push_back(0.2F * static_cast<float>(i % 8 + 1) + random.uniform(-0.05F, 0.05F));
  const Range range = observe_all(Observer::entropy, {values});
  EXPECT_GT(range.max, 1.55F) << "the largest cluster is around 1.6";
}

TEST(Observers, PercentileSurvivesAnOutlier) {
  Random random(13);
  auto values = draw(random, 100000, "plain", 1);
  values[500] = 1e30F;
  const Range range = observe_all(Observer::percentile, {values}, 99.99);
  EXPECT_LT(range.max, 2.1F);
  EXPECT_GT(range.max, 1.5F);
}

// Order of the data, splitting and merging must not matter where the state says so.
TEST(Observers, MergedStatesEqualOneState) {
  Random random(14);
  std::vector<std::vector<float>> data;
  for (int i = 0; i < 6; ++i)
    data.push_back(draw(random, 700, i % 2 == 0 ? "plain" : "cube", 0.1F * static_cast<float>(i * i + 1)));
  for (const Observer kind : {Observer::min_max, Observer::percentile, Observer::entropy, Observer::mse}) {
    const auto whole = make_observer(kind), front = make_observer(kind), back = make_observer(kind);
    for (std::size_t i = 0; i < data.size(); ++i) {
      whole->observe(data[i]);
      (i < 2 ? back : front)->observe(data[i]);
    }
    front->merge(*back);
    EXPECT_EQ(front->save(), whole->save()) << to_string(kind);
  }
}

TEST(Observers, MergedHistogramsStayClose) {
  Random random(15);
  const auto a = draw(random, 5000, "plain", 1), b = draw(random, 5000, "plain", 3);
  const auto whole = make_observer(Observer::histogram), front = make_observer(Observer::histogram),
             back = make_observer(Observer::histogram), empty = make_observer(Observer::histogram);
  for (const auto* part : {&a, &b}) whole->observe(*part);
  front->observe(a);
  back->observe(b);
  front->merge(*back);
  front->merge(*empty);
  empty->merge(*front);
  EXPECT_EQ(empty->save(), front->save());
  EXPECT_NEAR(front->range(kU8, {}).max, whole->range(kU8, {}).max, 0.02);
  EXPECT_NEAR(front->range(kU8, {}).min, whole->range(kU8, {}).min, 0.02);
}

TEST(Observers, SaveAndLoad) {
  Random random(16);
  for (const ObserverRow& row : observers()) {
    const auto state = row.make(), loaded = row.make(), fresh = row.make();
    EXPECT_GT(state->seen().min, state->seen().max);
    fresh->load(state->save());
    EXPECT_EQ(fresh->save(), state->save()) << row.name << ": nothing observed";
    for (const float scale : {1.0F, 3.0F}) state->observe(draw(random, 500, "plain", scale));
    loaded->load(nlohmann::json::parse(state->save().dump()));
    EXPECT_EQ(loaded->save(), state->save()) << row.name;
    EXPECT_EQ(loaded->range(kU8, {}).max, state->range(kU8, {}).max) << row.name;
    EXPECT_EQ(observer_from_name(row.name), row.kind);
    for (const char* bad :
         {"{}", "[]", "3", R"({"seen": [2, 1], "average": [], "batches": 1, "bins": [], "pages": []})",
          R"({"seen": [0], "average": [0, 1], "batches": -1, "bins": [1], "pages": [{"page": 512, "runs": []}]})",
          R"({"seen": [0, "x"], "average": 3, "bins": 1, "pages": [{"page": 1, "runs": [[1023, 1, 1]]}]})"}) {
      EXPECT_THROW(loaded->load(nlohmann::json::parse(bad)), Error) << row.name << " " << bad;
    }
  }
  EXPECT_THROW(observer_from_name("minmax"), Error);
}

// Exact zeros after a Relu, over many large pictures, are more than 32 bits count.
TEST(Observers, CountsPass32Bits) {
  const auto state = make_observer(Observer::percentile), more = make_observer(Observer::percentile);
  const std::uint64_t most = 0xfffffffful;
  const nlohmann::json saved = nlohmann::json::parse(
      R"({"seen": [0, 2], "pages": [{"page": 0, "runs": [[0, 4294967295]]}, {"page": 128, "runs": [[0, 7]]}]})");
  const auto zeros = [](const ObserverState& s) { return s.save()["pages"][0]["runs"][0][1].get<std::uint64_t>(); };
  state->load(saved);
  state->observe(std::vector<float>(3, 0.0F));
  EXPECT_EQ(zeros(*state), most + 3);
  more->load(saved);
  more->merge(*state);
  EXPECT_EQ(zeros(*more), 2 * most + 3);
  const auto loaded = make_observer(Observer::percentile);
  loaded->load(more->save());
  EXPECT_EQ(loaded->save(), more->save());
  EXPECT_EQ(loaded->range(kU8, {50}).max, 0);  // seven of nine thousand million are no quarter
}

TEST(Observers, ConstantAndEmptyBatches) {
  for (const ObserverRow& row : observers()) {
    const auto state = row.make();
    state->observe({});
    for (const float value : {0.0F, 2.5F, -2.5F}) {
      const auto constant = row.make();
      constant->observe(std::vector<float>(100, value));
      const Range range = constant->range(kU8, {});
      const Affine affine = choose_affine(range, kU8);
      EXPECT_GT(affine.scale, 0) << row.name;
      EXPECT_NEAR(dequantize_one(quantize_one(value, affine, kU8), affine), value, 0.02 * std::abs(value)) << row.name;
    }
  }
}

}  // namespace
}  // namespace octet::quant
