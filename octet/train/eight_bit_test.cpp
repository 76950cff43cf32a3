#include "octet/train/eight_bit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "octet/nn/nn.h"
#include "octet/train/eight_bit_weights.h"
#include "octet/train/lora.h"
#include "octet/train/trainer.h"

namespace octet::train {
namespace {

Tensor uniform(const Shape& shape, std::uint64_t seed, float spread = 1) {
  Random random(seed);
  Tensor out(DType::f32, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i) out.data<float>()[i] = random.uniform(-spread, spread);
  return out;
}

TEST(LossScale, HalvesSkipsAndDoubles) {
  LossScale scale;
  EXPECT_EQ(scale.value(), 65536);
  EXPECT_EQ(scale.inverse(), 1.0 / 65536);
  EXPECT_FALSE(scale.update(false));
  EXPECT_EQ(scale.value(), 32768);
  for (int i = 0; i < 1999; ++i) EXPECT_TRUE(scale.update(true));
  EXPECT_EQ(scale.value(), 32768);
  EXPECT_TRUE(scale.update(true));
  EXPECT_EQ(scale.value(), 65536);
  for (int i = 0; i < 1999; ++i) scale.update(true);
  EXPECT_FALSE(scale.update(false));  // the count starts anew
  EXPECT_EQ(scale.value(), 32768);
  EXPECT_EQ(scale.skipped(), 2);
}

TEST(StoredWeight, HoldsEveryValueWithinHalfAStep) {
  for (const std::int64_t block : {0, 64, 128}) {
    const Tensor w = uniform({5, 70}, 1);
    const StoredWeight stored(w, block, "w");
    EXPECT_EQ(stored.scales().elements(), block == 0 ? 5 : (350 + block - 1) / block);
    Tensor back(DType::f32, w.shape());
    stored.decompress(back);
    for (std::int64_t i = 0; i < 350; ++i) {
      const float scale = stored.scales().data<float>()[block == 0 ? i / 70 : i / block];
      EXPECT_LE(std::abs(back.data<float>()[i] - w.data<float>()[i]), scale * 0.5001F);
    }
  }
}

TEST(StoredWeight, StochasticRoundingIsUnbiasedAndLeavesTheRestAlone) {
  Tensor w = uniform({1, 1000}, 2);
  StoredWeight stored(w, 0, "w");
  const Tensor before = stored.values().clone();
  Tensor now(DType::f32, w.shape());
  stored.decompress(now);
  const PositionedRandom none{7, 0};
  stored.store(now, &none);  // nothing was updated: nothing moves
  EXPECT_EQ(std::memcmp(before.raw(), stored.values().raw(), before.bytes()), 0);
  // Updates of a tenth of a step arrive in the mean.
  const float step = stored.scales().data<float>()[0];
  for (std::int64_t i = 0; i < 1000; ++i) now.data<float>()[i] = std::clamp(now.data<float>()[i], -0.9F, 0.9F);
  StoredWeight small(now, 0, "w");
  double moved = 0;
  Tensor start(DType::f32, w.shape());
  small.decompress(start);
  for (std::uint64_t t = 1; t <= 20; ++t) {
    small.decompress(now);
    for (std::int64_t i = 0; i < 1000; ++i) now.data<float>()[i] += 0.1F * step;
    const PositionedRandom random{7, t};
    small.store(now, &random);
  }
  small.decompress(now);
  for (std::int64_t i = 0; i < 1000; ++i) moved += double{now.data<float>()[i] - start.data<float>()[i]};
  EXPECT_NEAR(moved / 1000 / double{step}, 2.0, 0.15);
}

TEST(StoredWeight, RefusesWhatIsNotFinite) {
  Tensor w = uniform({2, 2}, 3);
  w.data<float>()[1] = std::numeric_limits<float>::infinity();
  EXPECT_THROW(StoredWeight(w, 0, "w"), Error);
  EXPECT_THROW(StoredWeight(uniform({2, 2}, 3), -1, "w"), Error);
}

// A network wide enough that what each parameter costs shows.
struct Wide {
  Random random{3};
  nn::Sequential net;
  Trainable model;
  Batch batch;

  explicit Wide(std::int64_t width = 256) {
    net.append<nn::Linear>(16, width, random)
        .append<nn::ReLU>()
        .append<nn::Linear>(width, width, random)
        .append<nn::ReLU>()
        .append<nn::Linear>(width, 4, random);
    model = nn::to_trainable(net, {{"x", DType::f32, {32, 16}}});
    Tensor labels(DType::i64, {32});
    const Tensor x = uniform({32, 16}, 9);
    for (std::int64_t i = 0; i < 32; ++i)
      labels.data<std::int64_t>()[i] = x.data<float>()[i * 16] > 0 ? (x.data<float>()[i * 16 + 1] > 0 ? 3 : 2) : 0;
    batch = {.inputs = {{"x", x}}, .target = labels, .samples = 32, .indices = {}};
  }
};

TEST(EightBitTraining, LearnsWithoutMastersAtThreePointOneBytes) {
  Wide wide(1024);
  EightBitTraining training(wide.model, AdamW{.lr = 1e-3, .bits = 8}, {.seed = 5});
  double first = 0, last = 0;
  for (int step = 0; step < 30; ++step) {
    const EightBitStep out = training.step(wide.batch);
    if (step == 0) first = out.loss;
    last = out.loss;
  }
  EXPECT_LT(last, 0.2 * first);
  const EightBitBytes bytes = training.bytes();
  std::printf("%.4f bytes a parameter\n", bytes.per_parameter());
  EXPECT_LE(bytes.per_parameter(), 3.1);
}

TEST(EightBitTraining, MastersFollowFloatTraining) {
  Wide eight, plain;
  EightBitTraining training(eight.model, Adam{.lr = 1e-3}, {.block = 0, .master = true});
  TrainingStep step(plain.model, {});
  std::vector<Parameter> parameters;
  for (const auto& [name, tensor] : plain.net.named_parameters()) parameters.push_back({name, tensor});
  auto optimizer = make_optimizer(Adam{.lr = 1e-3}, parameters);
  ThreadPool pool(1);
  double ours = 0, theirs = 0;
  for (int i = 0; i < 20; ++i) {
    ours = training.step(eight.batch).loss;
    const StepOutput out = step.run(plain.batch, i);
    theirs = out.loss;
    optimizer->step(out.gradients, 1e-3, pool);
  }
  EXPECT_NEAR(ours, theirs, 0.05 * theirs);
  EXPECT_EQ(training.loss_scale().skipped(), 0);
}

// The plan that runs holds one decompressed weight at a time, forward and backward.
TEST(EightBitTraining, DecompressedWeightsLiveOneLayerAtATime) {
  Wide wide;
  EightBitTraining training(wide.model, Adam{}, {});
  training.step(wide.batch);
  const DecompressedBytes bytes = training.decompressed();
  EXPECT_EQ(bytes.largest, 256 * 256 * 6);  // float16 and its float32 form
  EXPECT_LE(bytes.peak, bytes.largest);
}

TEST(EightBitTraining, GradientsThatOverflowSkipTheStep) {
  Wide wide;
  Batch huge = wide.batch;
  huge.inputs[0].second = wide.batch.inputs[0].second.clone();
  for (std::int64_t i = 0; i < 512; ++i) huge.inputs[0].second.data<float>()[i] *= 2000;
  EightBitTraining training(wide.model, Adam{}, {.seed = 1});
  const Graph before = training.trained();
  const EightBitStep out = training.step(huge);
  EXPECT_TRUE(out.skipped);
  EXPECT_EQ(out.loss_scale, 32768);
  const Graph after = training.trained();
  const Tensor &a = *before.initializer(before.find("0.weight")), &b = *after.initializer(after.find("0.weight"));
  EXPECT_EQ(std::memcmp(a.raw(), b.raw(), a.bytes()), 0);
}

TEST(EightBitTraining, SameBitsForAnyThreadsAndAfterRestoring) {
  Wide one, two;
  EightBitTraining a(one.model, AdamW{.bits = 8}, {.seed = 4, .threads = 1}),
      b(two.model, AdamW{.bits = 8}, {.seed = 4, .threads = 2});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(a.step(one.batch).loss, b.step(two.batch).loss);
  Wide three;
  EightBitTraining c(three.model, AdamW{.bits = 8}, {.seed = 4});
  const auto from = a.state();
  auto to = c.state();
  ASSERT_EQ(from.size(), to.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    ASSERT_EQ(from[i].first, to[i].first);
    std::memcpy(to[i].second.raw(), from[i].second.raw(), to[i].second.bytes());
  }
  c.restored();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(a.step(one.batch).loss, c.step(three.batch).loss);
}

TEST(EightBitTraining, NothingToStoreIsAnError) {
  Wide wide;
  wide.model.parameters = {"0.bias"};
  EXPECT_THROW(EightBitTraining(wide.model, Adam{}, {}), Error);
}

double loss_of(const Graph& graph, const Batch& batch) {
  return mean_loss(graph, CrossEntropy{}, Samples(batch.inputs, batch.target), 32);
}

TEST(Lora, StartsAsTheNetworkTrainsOnAnInt8BaseAndMerges) {
  Wide wide;
  const double before = loss_of(inference_form(wide.model), wide.batch);
  const Trainable adapted = add_lora(wide.model, {.rank = 4, .alpha = 8});
  EXPECT_EQ(adapted.parameters.size(), 6U);
  EXPECT_NEAR(loss_of(inference_form(adapted), wide.batch), before, 1e-6);
  const Tensor base = adapted.graph.initializer(adapted.graph.find("2.weight"))->clone();

  EightBitTraining training(adapted, AdamW{.lr = 1e-2}, {.block = 0, .seed = 1}, lora_bases(adapted));
  double last = 0;
  for (int i = 0; i < 60; ++i) last = training.step(wide.batch).loss;
  EXPECT_LT(last, 0.5 * before);
  Graph trained = training.trained();
  const Tensor& kept = *trained.initializer(trained.find("2.weight"));  // frozen: its nearest eight-bit form
  for (std::int64_t i = 0; i < base.elements(); ++i) EXPECT_NEAR(kept.data<float>()[i], base.data<float>()[i], 1e-3F);
  const double apart = loss_of(trained, wide.batch);
  Graph merged = clone(trained);
  EXPECT_EQ(merge_lora(merged), 3);
  EXPECT_TRUE(lora_tensors(merged).empty());
  EXPECT_NEAR(loss_of(merged, wide.batch), apart, 1e-5);
  EXPECT_LT(merged.nodes.size(), trained.nodes.size());

  // Kept apart: the adapters alone, put beside a fresh base.
  Wide fresh;
  Graph again = inference_form(add_lora(fresh.model, {.rank = 4, .alpha = 8}));
  load_lora(again, lora_tensors(trained));
  EXPECT_NEAR(loss_of(again, wide.batch), apart, 0.02);
  EXPECT_THROW(load_lora(merged, lora_tensors(trained)), Error);
}

TEST(Lora, ConvolutionsMergeToo) {
  Random random(8);
  nn::Sequential net;
  net.append<nn::Conv2d>(3, 6, 3, random, nn::ConvOptions{.stride = 2, .padding = 1})
      .append<nn::ReLU>()
      .append<nn::Flatten>()
      .append<nn::Linear>(96, 4, random);
  const Trainable adapted =
      add_lora(nn::to_trainable(net, {{"x", DType::f32, {2, 3, 8, 8}}}), {.rank = 2, .alpha = 4, .layers = {"*"}});
  Graph graph = inference_form(adapted);
  for (const auto& [name, tensor] : lora_tensors(graph)) {
    if (name.ends_with("/lora_b")) graph.set_initializer(graph.find(name), uniform(tensor.shape(), 5, 0.3F));
  }
  const Tensor x = uniform({2, 3, 8, 8}, 6);
  const Tensor apart = Session(clone(graph)).run({{"x", x}})[0];
  EXPECT_EQ(merge_lora(graph), 2);
  const Tensor merged = Session(clone(graph)).run({{"x", x}})[0];
  for (std::int64_t i = 0; i < apart.elements(); ++i)
    EXPECT_NEAR(merged.data<float>()[i], apart.data<float>()[i], 1e-4F);
}

TEST(Lora, PatternsThatMatchNothingNameTheLayers) {
  Wide wide;
  try {
    add_lora(wide.model, {.layers = {"attention*"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("attention*"), std::string::npos);
  }
  EXPECT_THROW(add_lora(wide.model, {.rank = 0}), Error);
}

}  // namespace
}  // namespace octet::train
