// Replays the fuzz target's corpus: seeds, and every input that once broke something.
#include <gtest/gtest.h>

#include "octet/base/testing.h"
#include "octet/formats/onnx/exercise.h"

namespace octet::formats {
namespace {

TEST(OnnxCorpus, EveryFileIsAModelOrAnError) {
  int files = 0, models = 0;
  for (const auto& entry : std::filesystem::directory_iterator(octet::testing::source_dir("tests/corpus/onnx"))) {
    SCOPED_TRACE(entry.path().filename().string());
    const std::string bytes = octet::testing::read_file(entry.path());
    bool model = false;
    EXPECT_NO_THROW(model = testing::exercise({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}));
    ++files;
    models += model;
  }
  EXPECT_GE(files, 20);
  EXPECT_GE(models, 10);  // a corpus of nothing but refusals would test little
}

}  // namespace
}  // namespace octet::formats
