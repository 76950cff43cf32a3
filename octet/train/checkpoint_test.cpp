#include "octet/train/checkpoint.h"

#include <gtest/gtest.h>

#include "octet/base/testing.h"

namespace octet::train {
namespace {

namespace fs = std::filesystem;

Checkpoint example(std::int64_t step) {
  return {"model",
          "config",
          step,
          2,
          64,
          R"({"loss_sum":1.5})",
          {{"parameter a\n\"b", Tensor::from<float>({2, 3}, {1, 2, 3, 4, 5, 6})},
           {"codes", Tensor::from<std::uint8_t>({5}, {1, 2, 3, 4, 5})},
           {"empty", Tensor::zeros(DType::i64, {0})}}};
}

void expect_equal(const Checkpoint& a, const Checkpoint& b) {
  EXPECT_EQ(a.model_hash, b.model_hash);
  EXPECT_EQ(a.config_hash, b.config_hash);
  EXPECT_EQ(a.step, b.step);
  EXPECT_EQ(a.epoch, b.epoch);
  EXPECT_EQ(a.position, b.position);
  EXPECT_EQ(a.progress, b.progress);
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (std::size_t i = 0; i < a.tensors.size(); ++i) {
    EXPECT_EQ(a.tensors[i].first, b.tensors[i].first);
    EXPECT_EQ(a.tensors[i].second.dtype(), b.tensors[i].second.dtype());
    EXPECT_EQ(a.tensors[i].second.shape(), b.tensors[i].second.shape());
    EXPECT_EQ(a.tensors[i].second.to_double(), b.tensors[i].second.to_double());
  }
}

TEST(Checkpoint, ComesBackAsItWas) {
  const octet::testing::TemporaryDirectory folder;
  const fs::path file = save_checkpoint(folder.path() / "new", example(7));
  expect_equal(load_checkpoint(file), example(7));
}

TEST(Checkpoint, TheNewestTwoAreKept) {
  const octet::testing::TemporaryDirectory folder;
  folder.write(".octet-1-0.tmp", "left over");
  for (const std::int64_t step : {1, 20, 3, 100}) save_checkpoint(folder.path(), example(step));
  std::vector<std::string> warnings;
  const auto found = newest_checkpoint(folder.path(), warnings);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->second.step, 100);
  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 2);
}

TEST(Checkpoint, ADamagedOneIsPassedOverWithAWarning) {
  const octet::testing::TemporaryDirectory folder;
  save_checkpoint(folder.path(), example(1));
  const fs::path newest = save_checkpoint(folder.path(), example(2));
  const std::string bytes = octet::testing::read_file(newest);
  for (std::size_t at = 0; at < bytes.size(); at += 17) {  // cut short, and a bit turned over
    for (const bool cut : {true, false}) {
      std::string broken = cut ? bytes.substr(0, at) : bytes;
      if (!cut) broken[at] = static_cast<char>(broken[at] ^ 4);
      folder.write(newest.filename().string(), broken);
      std::vector<std::string> warnings;
      const auto found = newest_checkpoint(folder.path(), warnings);
      ASSERT_TRUE(found);
      EXPECT_EQ(found->second.step, 1) << at;
      ASSERT_EQ(warnings.size(), 1u);
      EXPECT_NE(warnings[0].find(newest.string()), std::string::npos) << warnings[0];
    }
  }
}

TEST(Checkpoint, AFolderServesOneTraining) {
  const octet::testing::TemporaryDirectory folder;
  {
    const FileDescriptor lock = lock_checkpoints(folder.path() / "ck");
    try {
      lock_checkpoints(folder.path() / "ck");
      FAIL() << "two trainings would remove each other's checkpoints";
    } catch (const Error& error) {
      EXPECT_EQ(error.info().kind, ErrorKind::usage);
    }
  }
  EXPECT_TRUE(lock_checkpoints(folder.path() / "ck").valid());
}

TEST(Checkpoint, AllDamagedIsAnError) {
  const octet::testing::TemporaryDirectory folder;
  folder.write("step-000000000001.checkpoint", "OCTETCK1");
  std::vector<std::string> warnings;
  EXPECT_THROW(newest_checkpoint(folder.path(), warnings), Error);
  EXPECT_FALSE(newest_checkpoint(folder.path() / "none", warnings));
}

}  // namespace
}  // namespace octet::train
