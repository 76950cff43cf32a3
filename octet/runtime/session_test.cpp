#include "octet/runtime/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cfenv>
#include <cmath>
#include <thread>

#include "octet/runtime/test_graphs.h"

namespace octet::runtime {
namespace {

using testing::Builder;
using ::testing::HasSubstr;
using testing::ints;
using testing::random_floats;

// The largest difference, relative to the largest number.
double relative_difference(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(to_string(a.shape()), to_string(b.shape()));
  double worst = 0, top = 1e-30;
  for (std::int64_t i = 0; i < std::min(a.elements(), b.elements()); ++i) {
    const double x = a.data<float>()[i], y = b.data<float>()[i];
    if (std::isnan(x) != std::isnan(y)) return 1e30;
    if (std::isnan(x)) continue;
    worst = std::max(worst, std::abs(x - y));
    top = std::max(top, std::abs(y));
  }
  return worst / top;
}

// Residual blocks, depthwise, strides, pooling, a classifier: what image networks are made of.
Graph image_network(std::uint64_t seed, int opset = 17) {
  Builder b(seed, opset);
  ValueId x = b.input("x", {Dim("N"), 3, Dim("H"), Dim("W")});
  x = b.node("Relu", {b.conv(x, 3, 16, 3, ints({{"pads", {1, 1, 1, 1}}, {"strides", {2, 2}}}))});
  ValueId y = b.node("Relu", {b.conv(x, 16, 16, 3, ints({{"pads", {1, 1, 1, 1}}}))});
  y = b.conv(y, 16, 16, 3, ints({{"pads", {1, 1, 1, 1}}}));
  x = b.node("Relu", {b.node("Add", {y, x})});
  y = b.node("HardSwish", {b.conv(x, 16, 16, 3, ints({{"pads", {1, 1, 1, 1}}}), 16)});
  y = b.node("Mul", {y, b.floats({1, 16, 1, 1})});
  x = b.node("Concat", {x, y}, [] {
    Attributes a;
    a.set("axis", std::int64_t{1});
    return a;
  }());
  x = b.node("LeakyRelu", {b.conv(x, 32, 24, 1)});
  x = b.node("Sigmoid", {b.conv(x, 24, 24, 3, ints({{"pads", {0, 1, 1, 0}}}), 4)});
  x = b.node("Flatten", {b.node("GlobalAveragePool", {x})});
  b.graph.outputs = {b.node("Gemm", {x, b.floats({24, 10}), b.floats({10})})};
  return b.graph;
}

TEST(Session, OptimizedAgreesWithTheReference) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const Graph graph = image_network(seed);
    const Session fast(graph, {.threads = 2}), plain(graph, {.threads = 1, .optimize = false});
    Random random(seed);
    for (const Shape& shape : {Shape{1, 3, 16, 16}, Shape{3, 3, 17, 12}, Shape{1, 3, 16, 16}}) {
      const Tensor x = random_floats(random, shape);
      EXPECT_LT(relative_difference(fast.run({{"x", x}})[0], plain.run({{"x", x}})[0]), 1e-5) << to_string(shape);
    }
    EXPECT_THAT(fast.lowered(), HasSubstr("octet.rt"));
    EXPECT_GT(fast.arena_bytes(), 0);
    EXPECT_GT(fast.packed_bytes(), 0);
  }
}

TEST(Session, OutputsOwnTheirMemory) {
  const Session session(image_network(4), {.threads = 1});
  Random random(4);
  const Tensor a = random_floats(random, {2, 3, 16, 16}), b = random_floats(random, {2, 3, 16, 16});
  const Tensor first = session.run({{"x", a}})[0];
  const Tensor copy = first.clone();
  const Tensor second = session.run({{"x", b}})[0];
  EXPECT_EQ(relative_difference(first, copy), 0);
  EXPECT_GT(relative_difference(first, second), 0);
}

TEST(Session, InputsAndConstantsAreCopiedOut) {
  Builder b(5);
  const ValueId x = b.input("x", {2});
  const ValueId c = b.floats({2});
  const ValueId same = b.node("Identity", {x});
  const ValueId shaped = b.node("Reshape", {x, b.constant(Tensor::from<std::int64_t>({2}, {1, 2}))});
  b.graph.outputs = {same, shaped, b.node("Identity", {c}), x};
  const Session session(b.graph);
  const Tensor given = Tensor::from<float>({2}, {3, 4});
  const auto out = session.run({{"x", given}});
  for (std::size_t i = 0; i < out.size(); ++i) {
    EXPECT_NE(out[i].raw(), given.raw()) << i;
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(out[i].raw(), out[j].raw());
  }
  EXPECT_EQ(out[1].data<float>()[1], 4);
  EXPECT_EQ(out[1].rank(), 2);
}

TEST(Session, AnObserverSeesEveryValue) {
  const Graph graph = image_network(6);
  const Session fast(graph, {.threads = 2}), plain(graph, {.threads = 1, .optimize = false});
  Random random(6);
  const Tensor x = random_floats(random, {2, 3, 14, 15});
  std::map<std::string, Tensor> seen, expected;
  fast.run({{"x", x}}, [&](const std::string& name, const Tensor& t) { seen[name] = t.clone(); });
  plain.run({{"x", x}}, [&](const std::string& name, const Tensor& t) { expected[name] = t.clone(); });
  for (const Node& node : graph.nodes) {
    const std::string& name = graph.value(node.outputs[0]).name;
    ASSERT_TRUE(seen.contains(name)) << name;
    EXPECT_LT(relative_difference(seen[name], expected[name]), 1e-5) << name;
  }
}

TEST(Session, ManyThreadsGetTheSameBits) {
  const Session session(image_network(7), {.threads = 2});
  Random random(7);
  const Tensor x = random_floats(random, {1, 3, 16, 16});
  const Tensor expected = session.run({{"x", x}})[0];
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        const Tensor y = session.run({{"x", x}})[0];
        if (std::memcmp(y.raw(), expected.raw(), y.bytes()) != 0) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Session, ManySessionsAtOnce) {
  const Session first(image_network(17), {.threads = 2}), second(image_network(18), {.threads = 2});
  Random random(17);
  const Tensor x = random_floats(random, {2, 3, 16, 16});
  const Session* const sessions[] = {&first, &second};
  const Tensor expected[] = {first.run({{"x", x}})[0], second.run({{"x", x}})[0]};
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      const Session own(image_network(17 + static_cast<std::uint64_t>(t) % 2), {.threads = 1});  // its own, beside both
      for (int i = 0; i < 4; ++i) {
        for (const Session* session : {sessions[t % 2], &own}) {
          const Tensor y = session->run({{"x", x}})[0];
          if (std::memcmp(y.raw(), expected[t % 2].raw(), y.bytes()) != 0) ++wrong;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// A host that rounds otherwise, or keeps subnormal numbers, gets the same bits and finds its own settings again.
TEST(Session, TheHostsRoundingIsRestored) {
  const Session session(image_network(19), {.threads = 2});
  Random random(19);
  const Tensor x = random_floats(random, {1, 3, 16, 16});
  const Tensor expected = session.run({{"x", x}})[0];
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO, FE_TONEAREST}) {
    std::fesetround(mode);
    const Tensor y = session.run({{"x", x}})[0];
    const int after = std::fegetround();
    volatile float smallest = std::numeric_limits<float>::min();
    const bool subnormals_kept = smallest / 2 != 0;
    std::fesetround(FE_TONEAREST);
    EXPECT_EQ(after, mode);
    EXPECT_TRUE(subnormals_kept);
    EXPECT_EQ(std::memcmp(y.raw(), expected.raw(), y.bytes()), 0) << mode;
  }
}

TEST(Session, WrongInputsAreNamed) {
  const Session session(image_network(8), {.threads = 1});
  Random random(8);
  const Tensor x = random_floats(random, {1, 3, 16, 16});
  const auto message = [&](const NamedTensors& inputs) -> std::string {
    try {
      session.run(inputs);
    } catch (const Error& e) {
      EXPECT_EQ(e.info().kind, ErrorKind::usage);
      return e.what();
    }
    return "";
  };
  EXPECT_THAT(message({}), HasSubstr("missing"));
  EXPECT_THAT(message({{"y", x}}), HasSubstr("no such input"));
  EXPECT_THAT(message({{"x", x}, {"x", x}}), HasSubstr("twice"));
  EXPECT_THAT(message({{"x", random_floats(random, {1, 4, 16, 16})}}), HasSubstr("Nx3xHxW"));
  EXPECT_THAT(message({{"x", x.cast(DType::f64)}}), HasSubstr("float32"));
  EXPECT_THAT(message({{"x", Tensor()}}), HasSubstr("no tensor"));
  EXPECT_THROW(Session(image_network(8), {.shapes = {{"z", Shape{1}}}}), Error);
}

TEST(Session, ProfileTimesEveryStep) {
  const Session session(image_network(9), {.threads = 1, .profile = true, .shapes = {{"x", {1, 3, 32, 32}}}});
  EXPECT_FALSE(session.steps().empty()) << "planned at construction";
  Random random(9);
  session.run({{"x", random_floats(random, {1, 3, 32, 32})}});
  std::int64_t macs = 0;
  double seconds = 0;
  for (const StepInfo& step : session.steps()) {
    macs += step.macs;
    seconds += step.seconds;
  }
  EXPECT_EQ(macs, 16 * 16 * (16 * 27 + 2 * 16 * 144 + 16 * 9 + 32 * 24) + 15 * 15 * 24 * 54 + 240);
  EXPECT_GT(seconds, 0);
}

}  // namespace
}  // namespace octet::runtime
