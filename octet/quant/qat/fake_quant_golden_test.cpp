// Fake quantization against the numbers of torch (tests/golden/make_qat_goldens.py).
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "octet/base/testing.h"
#include "octet/ops/fake_quant_params.h"
#include "octet/ops/op.h"

namespace octet::ops {
namespace {

nlohmann::json goldens() {
  std::ifstream file(octet::testing::source_dir("tests/golden/qat.json"));
  return nlohmann::json::parse(file);
}

// As draw() of the golden script.
Tensor drawn(std::uint64_t seed, const std::vector<std::int64_t>& shape, float scale) {
  Random random(seed);
  Tensor out(DType::f32, Shape(shape));
  for (std::int64_t i = 0; i < out.elements(); ++i) {
    float x = random.uniform();
    for (int k = 0; k < 3; ++k) x += random.uniform();
    out.data<float>()[i] = (x - 2) * scale;
  }
  return out;
}

Tensor tensor_of(const nlohmann::json& numbers, const Shape& shape) {
  return Tensor::from<float>(shape, std::span<const float>(numbers.get<std::vector<float>>()));
}

void expect_same(const Tensor& actual, const nlohmann::json& expected, float relative, const std::string& what) {
  const auto values = expected.get<std::vector<float>>();
  ASSERT_EQ(actual.elements(), static_cast<std::int64_t>(values.size())) << what;
  float largest = 0;
  for (const float v : values) largest = std::max(largest, std::abs(v));
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_NEAR(actual.data<float>()[i], values[i], relative * largest) << what << " at " << i;
  }
}

std::vector<Tensor> run(const std::string& op, const Attributes& attributes, const std::vector<Tensor>& inputs,
                        std::size_t outputs, bool fast) {
  const OpDef* def = find(op, "octet", 1);
  Node node;
  node.op_type = op;
  node.domain = "octet";
  node.inputs.assign(inputs.size(), 0);
  node.outputs.assign(outputs, 0);
  node.attributes = attributes;
  ThreadPool pool(2);
  std::vector<Tensor> out(outputs);
  EvalContext ctx(node, 1, inputs, out, pool);
  if (fast) {
    def->prepare(node, 1, std::vector<const Tensor*>(inputs.size()))->run(ctx);
  } else {
    def->eval(ctx);
  }
  return out;
}

class FakeQuantGolden : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Ways, FakeQuantGolden, ::testing::Bool(),
                         [](const auto& row) { return row.param ? "Fast" : "Reference"; });

TEST_P(FakeQuantGolden, GivenParametersAndTheirGradients) {
  const nlohmann::json rows_of = goldens().at("fixed");
  for (const auto& row : rows_of) {
    const auto shape = row.at("shape").get<std::vector<std::int64_t>>();
    const auto seed = row.at("seed").get<std::uint64_t>();
    const int axis = row.at("axis");
    Attributes attributes;
    attributes.set("quant_min", row.at("quant_min").get<std::int64_t>());
    attributes.set("quant_max", row.at("quant_max").get<std::int64_t>());
    if (axis >= 0) attributes.set("axis", std::int64_t{axis});
    const Shape channels = axis < 0 ? Shape{} : Shape{shape[static_cast<std::size_t>(axis)]};
    const Tensor x = drawn(200 + seed, shape, 0.3F), dy = drawn(300 + seed, shape, 1);
    const Tensor scale = tensor_of(row.at("scale"), channels), zero = tensor_of(row.at("zero_point"), channels);
    const std::string name = "row " + std::to_string(seed);
    expect_same(run("FakeQuant", attributes, {x, scale, zero}, 1, GetParam())[0], row.at("y"), 0, name);
    expect_same(run("FakeQuantGrad", attributes, {dy, x, scale, zero}, 1, GetParam())[0], row.at("dx"), 0, name);

    const auto& learned = row.at("learned");
    attributes.set("learned", std::int64_t{1});
    const Tensor learned_zero = tensor_of(learned.at("zero_point"), channels);
    expect_same(run("FakeQuant", attributes, {x, scale, learned_zero}, 1, GetParam())[0], learned.at("y"), 0, name);
    const auto gradients = run("LearnedFakeQuantGrad", attributes, {dy, x, scale, learned_zero}, 3, GetParam());
    expect_same(gradients[0], learned.at("dx"), 0, name);
    expect_same(gradients[1], learned.at("dscale"), 2e-6F, name + " scale");
    expect_same(gradients[2], learned.at("dzero_point"), 2e-6F, name + " zero point");
  }
}

// The fused modules of the presets over three batches: every number to the last bit.
TEST_P(FakeQuantGolden, FusedModulesOfThePresets) {
  int modules = 0;
  const nlohmann::json rows_of = goldens().at("observed");
  for (const auto& row : rows_of) {
    const bool per_channel = row.at("per_channel");
    RangeRule rule{row.at("quant_min"), row.at("quant_max"), row.at("symmetric"), true, 0x1p-23F, false};
    Attributes attributes;
    set_range_rule(attributes, rule);
    attributes.set("averaging_constant", row.at("averaging_constant").get<float>());
    if (per_channel) attributes.set("axis", std::int64_t{0});
    const Shape channels = per_channel ? Shape{4} : Shape{};
    Tensor min(DType::f32, channels), max(DType::f32, channels);
    std::fill_n(min.data<float>(), min.elements(), INFINITY);
    std::fill_n(max.data<float>(), max.elements(), -INFINITY);
    for (std::size_t step = 0; step < 3; ++step) {
      const auto& expected = row.at("steps")[step];
      Tensor x = drawn(400 + step, {4, 3, 5}, 0.3F * static_cast<float>(1 + step));
      if (step == 2) {
        for (int i = 15; i < 30; ++i) x.data<float>()[i] = std::abs(x.data<float>()[i]);
      }
      const auto out = run("ObservedFakeQuant", attributes, {x, min, max}, 6, GetParam());
      const std::string name = row.at("preset").get<std::string>() + " " + row.at("role").get<std::string>();
      expect_same(out[0], expected.at("y"), 0, name);
      expect_same(out[1], expected.at("min"), 0, name + " min");
      expect_same(out[2], expected.at("max"), 0, name + " max");
      expect_same(out[4], expected.at("scale"), 0, name + " scale");
      expect_same(out[5], expected.at("zero_point"), 0, name + " zero point");
      const Tensor dy = drawn(500 + step, {4, 3, 5}, 1);
      expect_same(run("FakeQuantGrad", attributes, {dy, x, out[4], out[5]}, 1, GetParam())[0], expected.at("dx"), 0,
                  name);
      min = out[1];
      max = out[2];
    }
    ++modules;
  }
  EXPECT_EQ(modules, 8);
}

TEST(FakeQuantParams, AgreeWithAtenAndTheObservers) {
  int rows = 0;
  const nlohmann::json rows_of = goldens().at("params");
  for (const auto& row : rows_of) {
    RangeRule rule{row.at("quant_min"), row.at("quant_max"), row.at("symmetric"), true, 0x1p-23F, false};
    const float low = row.at("range")[0], high = row.at("range")[1];
    for (const bool fused : {true, false}) {
      rule.fused = fused;
      const auto p = params_of(low, high, rule);
      const auto& expected = row.at(fused ? "fused" : "observer");
      EXPECT_EQ(p.scale, expected[0].get<float>()) << row;
      EXPECT_EQ(p.zero_point, expected[1].get<float>()) << row;
      ++rows;
    }
  }
  EXPECT_GE(rows, 200);
}

TEST(FakeQuantParams, PowersOfTwoCoverTheRange) {
  for (const float scale : {0.3F, 0.25F, 1.0F, 1.1F, 3e-5F, 0x1p-20F}) {
    const float up = next_power_of_two(scale);
    EXPECT_GE(up, scale);
    EXPECT_LT(up / 2, scale);
    EXPECT_EQ(std::ldexp(1.0F, std::ilogb(up)), up);
  }
  const RangeRule rule{0, 255, false, false, 0x1p-23F, true};
  const auto p = params_of(-1, 3, rule);
  EXPECT_EQ(p.scale, 0.03125F);  // 4 / 255 = 0.0157 lies above 2^-6
  EXPECT_LE((p.qmin - p.zero_point) * p.scale, -1.0F);
  EXPECT_GE((p.qmax - p.zero_point) * p.scale, 3.0F);
}

TEST(FakeQuantErrors, UnsetScaleIsRefused) {
  const Tensor x = drawn(1, {4}, 1);
  for (const float scale : {0.0F, INFINITY, NAN}) {
    EXPECT_THROW(run("FakeQuant", {}, {x, Tensor::scalar(scale), Tensor::scalar(0.0F)}, 1, false), Error);
  }
  Attributes per_channel;
  per_channel.set("axis", std::int64_t{0});
  EXPECT_THROW(run("FakeQuant", per_channel, {x, Tensor::scalar(1.0F), Tensor::scalar(0.0F)}, 1, true), Error);
  Attributes rule;
  rule.set("rule", std::string("unheard of"));
  EXPECT_THROW(range_rule(rule), Error);
  Attributes levels;
  levels.set("quant_min", std::int64_t{3});
  EXPECT_THROW(range_rule(levels), Error);
}

// Only shrinking is averaged where a range expands at once.
TEST(FakeQuantObserver, ExpandsAtOnceAndShrinksSlowly) {
  Attributes attributes;
  attributes.set("averaging_constant", 0.1F);
  attributes.set("expand", std::int64_t{1});
  const Tensor wide = Tensor::from<float>({2}, {-4, 8}), narrow = Tensor::from<float>({2}, {-1, 2});
  auto out = run("ObservedFakeQuant", attributes, {narrow, Tensor::scalar(-1.0F), Tensor::scalar(2.0F)}, 6, true);
  out = run("ObservedFakeQuant", attributes, {wide, out[1], out[2]}, 6, true);
  EXPECT_EQ(out[1].data<float>()[0], -4);
  EXPECT_EQ(out[2].data<float>()[0], 8);
  out = run("ObservedFakeQuant", attributes, {narrow, out[1], out[2]}, 6, true);
  EXPECT_FLOAT_EQ(out[1].data<float>()[0], -3.7F);
  EXPECT_FLOAT_EQ(out[2].data<float>()[0], 7.4F);
}

TEST(FakeQuantObserver, FollowsTheShareOfClippedValues) {
  Attributes attributes;
  const Tensor x = Tensor::from<float>({4}, {0.5F, 3, 4, 0.1F});
  const Tensor low = Tensor::scalar(0.0F), high = Tensor::scalar(1.0F), off = Tensor::scalar(0.0F);
  const auto out = run("ObservedFakeQuant", attributes, {x, low, high, Tensor::scalar(0.5F), off}, 6, true);
  EXPECT_FLOAT_EQ(out[3].data<float>()[0], 0.5F);  // half are clipped, as before
  EXPECT_EQ(out[2].data<float>()[0], 1);           // and nothing is observed
}

}  // namespace
}  // namespace octet::ops
