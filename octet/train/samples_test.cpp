#include "octet/train/samples.h"

#include <gtest/gtest.h>

#include "octet/base/testing.h"
#include "octet/formats/npz/npz.h"
#include "octet/train/augment.h"

namespace octet::train {
namespace {

Tensor counting(const Shape& shape) {
  Tensor out(DType::f32, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i) out.data<float>()[i] = static_cast<float>(i);
  return out;
}

Tensor labels(std::int64_t count) {
  Tensor out(DType::i64, {count});
  for (std::int64_t i = 0; i < count; ++i) out.data<std::int64_t>()[i] = i;
  return out;
}

Graph network(const SymbolicShape& shape) {
  Graph graph;
  graph.opsets[""] = 17;
  const ValueId x = graph.add_input("x", DType::f32, shape);
  graph.outputs = {graph.add_node("Relu", {x})};
  return graph;
}

void expect_rows(const Samples& samples) {
  const std::vector<std::int64_t> wanted = {7, 0, 3};
  const std::vector<Batch> batches = samples.gather(wanted);
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(batches[0].samples, 3);
  EXPECT_EQ(batches[0].indices, wanted);
  EXPECT_EQ(batches[0].inputs.at(0).second.to_double(), (std::vector<double>{14, 15, 0, 1, 6, 7}));
  EXPECT_EQ(batches[0].target.to_double(), (std::vector<double>{7, 0, 3}));
}

TEST(Samples, RowsOfTensorsInAnyOrder) {
  const Samples samples({{"x", counting({10, 2})}}, labels(10));
  EXPECT_EQ(samples.size(), 10);
  EXPECT_TRUE(samples.in_memory());
  expect_rows(samples);
  EXPECT_THROW(Samples({{"x", counting({10, 2})}}, labels(9)), Error);
}

TEST(Samples, ADatasetInMemoryAndReadAnewGivesTheSame) {
  const octet::testing::TemporaryDirectory folder;
  formats::save_npz(folder.file("data.npz"), {{"x", counting({10, 2})}, {"labels", labels(10)}});
  const Graph graph = network({Dim("N"), 2});
  for (const std::int64_t memory : {std::int64_t{1} << 20, std::int64_t{8}}) {
    const Samples samples(formats::open_dataset(folder.file("data.npz"), graph, "", {}), {.memory = memory});
    EXPECT_EQ(samples.in_memory(), memory > 8);
    EXPECT_EQ(samples.warnings().size(), memory > 8 ? 0u : 1u);
    EXPECT_EQ(samples.size(), 10);
    expect_rows(samples);
  }
}

TEST(Samples, FeedsOfDifferentShapesStayApart) {
  const octet::testing::TemporaryDirectory folder;
  formats::save_npz(folder.file("a.npz"), {{"x", counting({1, 3})}});
  formats::save_npz(folder.file("b.npz"), {{"x", counting({1, 5})}});
  formats::save_npz(folder.file("c.npz"), {{"x", counting({1, 3})}});
  const Graph graph = network({Dim("N"), Dim("T")});
  const Samples samples(formats::open_dataset(folder.path().string(), graph, "", {}));
  ASSERT_EQ(samples.size(), 3);
  EXPECT_EQ(samples.gather(std::vector<std::int64_t>{0, 1, 2}).size(), 3u);
  EXPECT_EQ(samples.gather(std::vector<std::int64_t>{0, 2, 1}).size(), 2u);
}

TEST(Augment, TheSameForTheSameSampleWhateverTheOrder) {
  const Augment form{.flip = true, .crop_padding = 2};
  Tensor a = counting({3, 2, 5, 6}), b = counting({3, 2, 5, 6});
  augment(a, std::vector<std::int64_t>{4, 8, 15}, form, 1, 2);
  augment(b, std::vector<std::int64_t>{4, 8, 15}, form, 1, 2);
  EXPECT_EQ(a.to_double(), b.to_double());
  Tensor c = counting({3, 2, 5, 6});
  augment(c, std::vector<std::int64_t>{4, 8, 15}, form, 1, 3);
  EXPECT_NE(a.to_double(), c.to_double());
}

TEST(Augment, EveryShiftAndFlipOccursAndMovesPixelsAsSaid) {
  const Augment form{.flip = true, .crop_padding = 1};
  std::set<std::vector<double>> seen;
  for (std::int64_t sample = 0; sample < 400; ++sample) {
    Tensor x = counting({1, 1, 3, 3});
    for (std::int64_t i = 0; i < 9; ++i) x.data<float>()[i] += 1;
    augment(x, std::vector<std::int64_t>{sample}, form, 5, 0);
    seen.insert(x.to_double());
  }
  EXPECT_EQ(seen.size(), 18u);
  EXPECT_TRUE(seen.count({3, 2, 1, 6, 5, 4, 9, 8, 7}));  // flipped
  EXPECT_TRUE(seen.count({5, 6, 0, 8, 9, 0, 0, 0, 0}));  // from one below and one to the right
  Tensor last = counting({1, 3, 3, 1}), first = counting({1, 1, 3, 3});
  augment(last, std::vector<std::int64_t>{3}, {true, 1, true}, 5, 0);
  augment(first, std::vector<std::int64_t>{3}, form, 5, 0);
  EXPECT_EQ(last.to_double(), first.to_double());
}

TEST(Augment, NoPicturesAreRefused) {
  Tensor x = counting({3, 4});
  EXPECT_THROW(augment(x, std::vector<std::int64_t>{0, 1, 2}, {.flip = true}, 0, 0), Error);
}

}  // namespace
}  // namespace octet::train
