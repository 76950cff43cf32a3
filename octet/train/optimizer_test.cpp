// Optimizers update as torch.optim's do; 8-bit states keep to the code of Dettmers et al.; threads change nothing.
#include "octet/train/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "octet/base/random.h"
#include "octet/nn/testing.h"
#include "octet/train/optimizer_code.h"

namespace octet::train {
namespace {

using nlohmann::json;

OptimizerOptions options_from(const json& golden) {
  const json& o = golden.at("options");
  if (golden.at("optimizer") == "sgd") {
    return Sgd{o.at("lr"), o.value("momentum", 0.0), o.value("dampening", 0.0), o.value("weight_decay", 0.0),
               o.value("nesterov", false)};
  }
  const auto common = [&](auto kind) {
    kind.lr = o.at("lr");
    kind.beta1 = o.value("beta1", kind.beta1);
    kind.beta2 = o.value("beta2", kind.beta2);
    kind.epsilon = o.value("eps", kind.epsilon);
    kind.weight_decay = o.value("weight_decay", kind.weight_decay);
    kind.amsgrad = o.value("amsgrad", false);
    return kind;
  };
  if (golden.at("optimizer") == "adam") return common(Adam{});
  return common(AdamW{});
}

TEST(Optimizer, UpdatesAreTorchs) {
  ThreadPool threads(1);
  for (const json& golden : nn::goldens().at("optimizers")) {
    const OptimizerOptions options = options_from(golden);
    Tensor p = nn::floats_from({10}, golden.at("start"));
    const auto optimizer = make_optimizer(options, {{"p", p}});
    for (const json& g : golden.at("gradients"))
      optimizer->step({nn::floats_from({10}, g)}, base_rate(options), threads);
    const auto end = golden.at("end").get<std::vector<float>>();
    for (std::size_t i = 0; i < end.size(); ++i)
      EXPECT_NEAR(p.data<float>()[i], end[i], 2e-6f) << golden.at("optimizer") << golden.at("options") << ' ' << i;
  }
}

Tensor drawn(const Shape& shape, std::uint64_t seed, float scale = 1) {
  Random random(seed);
  Tensor out(DType::f32, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i) out.data<float>()[i] = scale * random.uniform(-1, 1);
  return out;
}

TEST(Optimizer, TheSameBitsWithAnyNumberOfThreads) {
  for (const OptimizerOptions& options :
       {OptimizerOptions(Sgd{.momentum = 0.9}), OptimizerOptions(Adam{}), OptimizerOptions(AdamW{.bits = 8})}) {
    std::vector<Tensor> ends;
    for (const int count : {1, 2, 5}) {
      ThreadPool threads(count);
      Tensor p = drawn({257, 129}, 1);
      const auto optimizer = make_optimizer(options, {{"p", p}});
      for (std::uint64_t step = 0; step < 5; ++step) optimizer->step({drawn({257, 129}, 10 + step)}, 0.01, threads);
      ends.push_back(p);
    }
    for (const Tensor& end : ends)
      EXPECT_EQ(std::memcmp(end.raw(), ends[0].raw(), end.bytes()), 0) << to_string(options);
  }
}

TEST(Optimizer, DynamicCodeIsThePapers) {
  const DynamicCode with_sign(true), without(false);
  for (const DynamicCode* code : {&with_sign, &without}) {
    for (std::size_t i = 1; i < 256; ++i) EXPECT_LT(code->values()[i - 1], code->values()[i]);
    EXPECT_EQ(code->values()[255], 1.0f);
    EXPECT_EQ(code->value(code->nearest(0)), 0.0f);
  }
  // The largest step below 1: 64 (128) intervals of (0.1, 1), each stood for by its middle.
  EXPECT_FLOAT_EQ(with_sign.values()[254], 1 - 0.9f / 64 / 2);
  EXPECT_FLOAT_EQ(without.values()[254], 1 - 0.9f / 128 / 2);
  EXPECT_FLOAT_EQ(with_sign.values()[0], -(1 - 0.9f / 64 / 2));
  EXPECT_FLOAT_EQ(without.values()[1], 0.1e-6f + 0.9e-6f / 4);
  EXPECT_FLOAT_EQ(with_sign.values()[128], 0.55e-6f);
}

TEST(Optimizer, NearestCodeIsTheNearest) {
  for (const bool with_sign : {true, false}) {
    const DynamicCode code(with_sign);
    Random random(3);
    for (int i = 0; i < 100000; ++i) {
      float x = random.uniform(with_sign ? -1.0f : 0.0f, 1);
      if (i % 3 == 0) x *= x * x * x;
      if (i % 7 == 0) x = code.values()[static_cast<std::size_t>(i) % 256];
      const float got = std::abs(code.value(code.nearest(x)) - x);
      float best = 2;
      for (const float value : code.values()) best = std::min(best, std::abs(value - x));
      ASSERT_LE(got, best + 1e-7f) << x;  // the middle of two codes is rounded
    }
  }
}

// A quadratic bowl: 8-bit states must lead where 32-bit ones lead.
TEST(Optimizer, EightBitStatesFollowThirtyTwo) {
  ThreadPool threads(1);
  const Tensor target = drawn({64, 128}, 5);
  const auto distance = [&](const OptimizerOptions& options, std::int64_t* bytes) {
    Tensor p = drawn({64, 128}, 6);
    const auto optimizer = make_optimizer(options, {{"p", p}});
    for (int step = 0; step < 300; ++step) {
      Tensor g(DType::f32, p.shape());
      for (std::int64_t i = 0; i < p.elements(); ++i) g.data<float>()[i] = p.data<float>()[i] - target.data<float>()[i];
      optimizer->step({g}, 0.02 * (1 - step / 300.0), threads);
    }
    *bytes = optimizer->state_bytes();
    double sum = 0;
    for (std::int64_t i = 0; i < p.elements(); ++i)
      sum += std::pow(static_cast<double>(p.data<float>()[i] - target.data<float>()[i]), 2);
    return sum / static_cast<double>(p.elements());
  };
  std::int64_t small = 0, large = 0;
  const double eight = distance(Adam{.bits = 8}, &small), full = distance(Adam{}, &large);
  EXPECT_LT(full, 1e-3);
  EXPECT_LT(eight, 1.3 * full);
  EXPECT_EQ(large, 64 * 128 * 8 + 8);
  EXPECT_EQ(small, 64 * 128 * 2 + 2 * 4 * 64 * 128 / 256 + 8);
}

TEST(Optimizer, SmallTensorsStayInThirtyTwoBits) {
  const auto optimizer = make_optimizer(Adam{.bits = 8}, {{"p", drawn({100}, 1)}});
  for (const auto& [name, tensor] : optimizer->state()) EXPECT_NE(tensor.dtype(), DType::u8) << name;
}

TEST(Optimizer, OptionsOutOfRangeAreRefused) {
  for (const OptimizerOptions& options :
       {OptimizerOptions(Sgd{.momentum = 1}), OptimizerOptions(Sgd{.nesterov = true}),
        OptimizerOptions(Adam{.beta1 = 1}), OptimizerOptions(Adam{.bits = 4}),
        OptimizerOptions(Adam{.amsgrad = true, .bits = 8}), OptimizerOptions(AdamW{.weight_decay = -1})}) {
    EXPECT_THROW(make_optimizer(options, {{"p", drawn({3}, 1)}}), Error);
  }
  EXPECT_THROW(make_optimizer(Sgd{}, {{"p", Tensor::zeros(DType::f64, {3})}}), Error);
}

TEST(Optimizer, ClippingIsTorchs) {
  const json golden = nn::goldens().at("clip");
  for (const char* limit : {"0.5", "100.0"}) {
    std::vector<Tensor> gradients;
    for (const json& g : golden.at("gradients")) gradients.push_back(nn::floats_from({g.size()}, g));
    EXPECT_NEAR(clip_norm(gradients, std::stod(limit)), golden.at(limit).at("norm").get<double>(), 1e-5);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const auto wanted = golden.at(limit).at("clipped").at(i).get<std::vector<float>>();
      for (std::size_t k = 0; k < wanted.size(); ++k) EXPECT_NEAR(gradients[i].data<float>()[k], wanted[k], 1e-6f);
    }
  }
  std::vector<Tensor> one{Tensor::from<float>({3}, {-2, 0.5f, 3})};
  clip_value(one, 1);
  EXPECT_EQ(one[0].to_double(), (std::vector<double>{-1, 0.5, 1}));
}

}  // namespace
}  // namespace octet::train
