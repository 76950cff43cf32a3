// The loop: learns, is the same for any number of threads, resumes to the last bit, and refuses what would silently
// train nothing.
#include "octet/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "octet/base/testing.h"
#include "octet/formats/onnx/onnx.h"
#include "octet/nn/nn.h"

namespace octet::train {
namespace {

using ::testing::HasSubstr;

struct Net : nn::Module {
  nn::Linear fc1, fc2;
  nn::BatchNorm1d norm{16};
  nn::Dropout drop{0.1f};
  explicit Net(Random& random) : fc1(4, 16, random), fc2(16, 3, random) {
    add("fc1", fc1);
    add("norm", norm);
    add("drop", drop);
    add("fc2", fc2);
  }
  nn::Value forward(const nn::Value& x) override { return fc2(drop(nn::relu(norm(fc1(x))))); }
};

// Four numbers; the class is which of the first three is the largest.
Samples classes(std::int64_t count, std::uint64_t seed) {
  Random random(seed);
  const Tensor x = nn::rand({count, 4}, random);
  Tensor y(DType::i64, {count});
  for (std::int64_t i = 0; i < count; ++i) {
    const float* row = x.data<float>() + 4 * i;
    y.data<std::int64_t>()[i] = std::max_element(row, row + 3) - row;
  }
  return Samples({{"x", x}}, y);
}

Trainable network(std::uint64_t seed = 1) {
  Random random(seed);
  Net net(random);
  return nn::to_trainable(net, {{"x", DType::f32, {Dim("N"), 4}}});
}

struct Outcome {
  TrainResult result;
  std::vector<double> losses;
  std::string file;
};

Outcome train(TrainerOptions options, const OptimizerOptions& optimizer = Adam{.lr = 0.01}, std::int64_t stop_at = -1) {
  Outcome run;
  options.on_step = [&](const StepReport& step) {
    run.losses.push_back(step.loss);
    return step.step != stop_at;
  };
  Trainer trainer(network(), optimizer, options);
  run.result = trainer.fit(classes(300, 5));
  run.file = formats::serialize_onnx(trainer.trained());
  return run;
}

TEST(Trainer, Learns) {
  const Samples test = classes(500, 9);
  TrainerOptions options{.epochs = 40, .batch = 32, .seed = 3};
  std::vector<double> evaluations;
  options.evaluate = [&](const Graph& graph) {
    evaluations.push_back(mean_loss(graph, CrossEntropy{}, test));
    return evaluations.back();
  };
  const Outcome run = train(options);
  EXPECT_EQ(run.losses.size(), 40u * 10);
  EXPECT_LT(run.result.epochs.back().train_loss, 0.35);
  EXPECT_LT(evaluations.back(), 0.3);
  EXPECT_EQ(run.result.epochs.back().eval, evaluations.back());
  EXPECT_EQ(run.result.parameter_count, 4 * 16 + 16 + 32 + 16 * 3 + 3);
}

TEST(Trainer, TheSameBitsWithAnyNumberOfThreads) {
  const Outcome one = train({.epochs = 2, .seed = 3, .threads = 1}),
                two = train({.epochs = 2, .seed = 3, .threads = 2});
  EXPECT_EQ(one.losses, two.losses);
  EXPECT_EQ(one.file, two.file);
  EXPECT_NE(one.losses, train({.epochs = 2, .seed = 4}).losses);
}

TEST(Trainer, ResumesToTheLastBitFromAnyStep) {
  for (const OptimizerOptions& optimizer :
       {OptimizerOptions(Sgd{.lr = 0.05, .momentum = 0.9}), OptimizerOptions(AdamW{.lr = 0.01, .bits = 8})}) {
    TrainerOptions options{.epochs = 3, .batch = 32, .accumulate = 2, .clip_norm = 1, .ema = 0.9, .seed = 7};
    options.freeze_batch_norm_from = 7;
    options.schedule = {.kind = Schedule::Kind::cosine, .warm_up = 3};
    const Outcome whole = train(options, optimizer);
    for (const std::int64_t stop : {1, 4, 5, 6, 9, 14}) {
      const octet::testing::TemporaryDirectory folder;
      options.checkpoints = folder.path();
      options.resume = false;
      const Outcome first = train(options, optimizer, stop);
      EXPECT_TRUE(first.result.stopped);
      options.resume = true;
      const Outcome second = train(options, optimizer);
      std::vector<double> losses = first.losses;
      losses.insert(losses.end(), second.losses.begin(), second.losses.end());
      EXPECT_EQ(losses, whole.losses) << stop;
      EXPECT_EQ(second.file, whole.file) << stop;
      ASSERT_EQ(second.result.epochs.size(), whole.result.epochs.size());
      for (std::size_t i = 0; i < whole.result.epochs.size(); ++i) {
        EXPECT_EQ(second.result.epochs[i].train_loss, whole.result.epochs[i].train_loss) << stop << ' ' << i;
        EXPECT_EQ(second.result.epochs[i].rate, whole.result.epochs[i].rate) << stop << ' ' << i;
      }
    }
  }
}

TEST(Trainer, BatchNormsKeepTheirStatisticsFromAStep) {
  for (const std::int64_t from : {-1, 6}) {
    const Trainable model = network();
    std::vector<std::vector<double>> means;
    TrainerOptions options{.epochs = 2, .batch = 32, .seed = 3, .freeze_batch_norm_from = from};
    options.on_step = [&](const StepReport&) {
      means.push_back(tensor_of(model.graph, "norm.running_mean").to_double());
      return true;
    };
    Trainer trainer(model, Adam{.lr = 0.01}, options);
    const TrainResult result = trainer.fit(classes(300, 5));
    EXPECT_LT(result.epochs[1].train_loss, result.epochs[0].train_loss);
    ASSERT_EQ(means.size(), 20u);
    EXPECT_NE(means[4], means[5]);
    EXPECT_EQ(means[5] == means[6], from == 6);
    EXPECT_EQ(means[5] == means[19], from == 6);
  }
}

std::string message_of(const std::function<void()>& f, ErrorKind kind) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(error.info().kind, kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(Trainer, ACheckpointOfAnotherConfigurationIsRefusedWithBothHashes) {
  const octet::testing::TemporaryDirectory folder;
  TrainerOptions options{.epochs = 2, .seed = 7, .checkpoints = folder.path()};
  train(options, Adam{}, 3);
  options.resume = true;
  const Checkpoint kept = newest_checkpoint(folder.path(), *std::make_unique<std::vector<std::string>>())->second;
  options.seed = 8;
  EXPECT_THAT(message_of([&] { train(options, Adam{}); }, ErrorKind::bad_input),
              ::testing::AllOf(HasSubstr("configuration"), HasSubstr(kept.config_hash)));
  options.seed = 7;
  const auto another_model = [&] {
    Trainer trainer(network(2), Adam{}, options);
    trainer.fit(classes(300, 5));
  };
  EXPECT_THAT(message_of(another_model, ErrorKind::bad_input),
              ::testing::AllOf(HasSubstr("model"), HasSubstr(kept.model_hash)));
}

TEST(Trainer, ADamagedCheckpointIsPassedOver) {
  const octet::testing::TemporaryDirectory folder;
  TrainerOptions options{.epochs = 2, .seed = 7, .checkpoints = folder.path(), .checkpoint_every = 2};
  const Outcome whole = train({.epochs = 2, .seed = 7});
  train(options, Adam{.lr = 0.01}, 5);
  std::vector<std::string> warnings;
  const auto newest = newest_checkpoint(folder.path(), warnings)->first;
  folder.write(newest.filename().string(), "OCTETCK1 spoiled");
  options.resume = true;
  const Outcome second = train(options);
  ASSERT_EQ(second.result.warnings.size(), 1u);
  EXPECT_THAT(second.result.warnings[0], HasSubstr(newest.string()));
  EXPECT_EQ(second.file, whole.file);
  EXPECT_EQ(second.losses.size(), whole.losses.size() - 4);  // step 4's is the one before
}

// The first historic mistake's sibling: a parameter that no loss depends on.
TEST(Trainer, AParameterThatNoLossDependsOnIsRefusedByName) {
  Trainable model = network();
  const ValueId x = model.graph.find("x");
  const ValueId extra = model.graph.add_initializer("forgotten.weight", Tensor::from<float>({4}, {1, 2, 3, 4}));
  model.graph.outputs.push_back(model.graph.add_node("Mul", {x, extra}));
  model.parameters.push_back("forgotten.weight");
  EXPECT_THAT(message_of([&] { Trainer(model, Adam{}); }, ErrorKind::usage), HasSubstr("forgotten.weight"));
}

// The historic mistake: the optimizer holds the parameters of the model before it was copied.
TEST(Trainer, AnOptimizerOfACopyIsRefusedByName) {
  const Trainable before = network(), after = network();
  std::vector<Parameter> parameters;
  for (const std::string& name : before.parameters) parameters.push_back({name, tensor_of(before.graph, name)});
  EXPECT_THAT(message_of([&] { Trainer(after, make_optimizer(Sgd{}, parameters), 0.1); }, ErrorKind::usage),
              ::testing::AllOf(HasSubstr("copy"), HasSubstr("fc1.weight")));
  Trainer(before, make_optimizer(Sgd{}, parameters), 0.1);
}

TEST(Trainer, ANonFiniteLossNamesTheLayerAndTheCheckpoint) {
  const octet::testing::TemporaryDirectory folder;
  nn::Sequential net;
  Random random(1);
  net.append<nn::Linear>(4, 8, random).append<nn::ReLU>().append<nn::Linear>(8, 3, random);
  Trainable model = nn::to_trainable(net, {{"x", DType::f32, {Dim("N"), 4}}});
  TrainerOptions options{.epochs = 2, .seed = 7, .checkpoints = folder.path(), .checkpoint_every = 1};
  options.on_step = [&](const StepReport& step) {
    if (step.step == 3) tensor_of(model.graph, "2.weight").data<float>()[1] = 3e38f;  // overflows in the layer
    return true;
  };
  Trainer trainer(model, Sgd{.lr = 1e-3}, options);
  Random data(5);
  Tensor x = nn::rand({64, 4}, data);
  for (std::int64_t i = 0; i < x.elements(); ++i) x.data<float>()[i] *= 100;
  const Samples samples({{"x", x}}, Tensor::zeros(DType::i64, {64}));
  const std::string message = message_of([&] { trainer.fit(samples); }, ErrorKind::gate);
  EXPECT_THAT(message, HasSubstr("2"));
  EXPECT_THAT(message, HasSubstr(".checkpoint"));
  EXPECT_THAT(message, HasSubstr("step 4"));
}

TEST(Trainer, AccumulatedBatchesAreOneLargeBatch) {
  nn::Sequential net;  // without batch norm and dropout, which see the batch
  Random random(1);
  net.append<nn::Linear>(4, 8, random).append<nn::ReLU>().append<nn::Linear>(8, 3, random);
  const auto losses_of = [&](TrainerOptions options) {
    std::vector<double> losses;
    options.on_step = [&](const StepReport& step) {
      losses.push_back(step.loss);
      return true;
    };
    Trainable model = nn::to_trainable(net, {{"x", DType::f32, {Dim("N"), 4}}});
    for (const std::string& name : model.parameters) {
      const ValueId id = model.graph.find(name);
      model.graph.set_initializer(id, model.graph.initializer(id)->clone());
    }
    Trainer(model, Sgd{.lr = 0.1}, options).fit(classes(100, 5));
    return losses;
  };
  const auto large = losses_of({.epochs = 3, .batch = 40, .seed = 1}),
             small = losses_of({.epochs = 3, .batch = 10, .accumulate = 4, .seed = 1});
  ASSERT_EQ(large.size(), small.size());
  for (std::size_t i = 0; i < large.size(); ++i) EXPECT_NEAR(large[i], small[i], 1e-6);
}

TEST(Trainer, ATeacherAloneNeedsNoAnswers) {
  Random random(4);
  nn::Sequential teacher, student;
  teacher.append<nn::Linear>(4, 3, random);
  student.append<nn::Linear>(4, 3, random);
  const std::vector<nn::Input> inputs{{"x", DType::f32, {Dim("N"), 4}}};
  TrainerOptions options{.epochs = 60, .batch = 50, .seed = 1};
  options.teacher = Teacher{nn::to_graph(teacher, inputs), 2, 1};
  const Trainable model = nn::to_trainable(student, inputs);
  Trainer trainer(model, Adam{.lr = 0.05}, options);
  Random data(5);
  const TrainResult result = trainer.fit(Samples({{"x", nn::rand({200, 4}, data)}}, {}));
  EXPECT_LT(result.epochs.back().train_loss, 1e-4);
  EXPECT_GT(result.epochs.front().train_loss, 1e-2);
}

TEST(Trainer, LabelsOutsideTheClassesAndOptionsOutOfRangeAreRefused) {
  const Samples wrong({{"x", Tensor::zeros(DType::f32, {2, 4})}}, Tensor::from<std::int64_t>({2}, {0, 3}));
  EXPECT_THAT(message_of([&] { Trainer(network(), Adam{}).fit(wrong); }, ErrorKind::bad_input), HasSubstr("0 to 2"));
  EXPECT_THROW(Trainer(network(), Adam{}, {.epochs = 0}), Error);
  EXPECT_THROW(Trainer(network(), Adam{}, {.ema = 1}), Error);
  EXPECT_THROW(Trainer(network(), Adam{}, {.resume = true}), Error);
  EXPECT_THROW(Trainer(network(), Adam{}, {.output = "nothing"}), Error);
}

}  // namespace
}  // namespace octet::train
