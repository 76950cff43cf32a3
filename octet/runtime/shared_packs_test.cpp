#include "octet/runtime/shared_packs.h"

#include <gtest/gtest.h>

#include "octet/runtime/session.h"
#include "octet/runtime/test_graphs.h"

namespace octet::runtime {
namespace {

TEST(SharedPacks, TheSameNumbersArePackedOnce) {
  SharedPacks cache;
  int made = 0;
  const std::function<int()> make = [&made] { return ++made; };
  const Tensor a = Tensor::from<float>({3}, {1, 2, 3}), twin = a.clone();
  Tensor other = Tensor::from<float>({3}, {1, 2, 4});
  const auto first = cache.get<int>(a, "form", make), again = cache.get<int>(twin, "form", make);
  EXPECT_EQ(first, again);
  EXPECT_EQ(*cache.get<int>(a, "another form", make), 2);
  EXPECT_EQ(*cache.get<int>(other, "form", make), 3);
  EXPECT_EQ(*cache.get<int>(a.reshaped({1, 3}), "form", make), 4) << "another shape";
}

TEST(SharedPacks, WhatNobodyUsesIsForgotten) {
  SharedPacks cache;
  const std::function<int()> make = [] { return 1; };
  const Tensor a = Tensor::from<float>({2}, {1, 2});
  auto held = cache.get<int>(a, "form", make);
  EXPECT_EQ(cache.size(), 1);
  held.reset();
  EXPECT_EQ(cache.size(), 0);
}

TEST(SharedPacks, NumbersThatChangedSinceArePackedAnew) {
  SharedPacks cache;
  int made = 0;
  const std::function<int()> make = [&made] { return ++made; };
  Tensor a = Tensor::from<float>({2}, {1, 2});
  const Tensor before = a.clone();
  const auto old = cache.get<int>(a, "form", make);
  a.data<float>()[0] = 5;
  const auto changed = cache.get<int>(a, "form", make);
  EXPECT_EQ(*changed, 2);
  const auto restored = cache.get<int>(before, "form", make);
  EXPECT_EQ(*restored, 3) << "the source of the old one holds other numbers now";
}

TEST(SharedPacks, SessionsShareWeights) {
  const auto network = [] {
    testing::Builder b(7);
    b.graph.outputs = {b.node("MatMul", {b.input("x", {40, 64}), b.floats({64, 32})})};
    return b.graph;
  };
  const Tensor x = Tensor::zeros(DType::f32, {40, 64});
  const Session one(network(), {.threads = 1});
  one.run({{"x", x}});
  const std::int64_t alone = SharedPacks::of_process().size();
  const Session two(network(), {.threads = 1});
  two.run({{"x", x}});
  EXPECT_GT(alone, 0);
  EXPECT_EQ(SharedPacks::of_process().size(), alone);
  EXPECT_EQ(one.packed_bytes(), two.packed_bytes());
}

}  // namespace
}  // namespace octet::runtime
