// The worked examples print what torch 1.13.1 was measured to give (losses to the digits printed, weights within 2e-6).
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "octet/base/subprocess.h"
#include "octet/base/testing.h"

namespace octet {
namespace {

std::string printed(const std::string& name) {
  const Finished finished = run_program({octet::testing::kBinaryDir + std::string("/examples/") + name});
  EXPECT_EQ(finished.code, 0) << finished.errors;
  return finished.output;
}

// The numbers of all lines that begin with `label`, in order.
std::vector<double> numbers(const std::string& text, const std::string& label) {
  std::vector<double> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(label, 0) != 0) continue;
    std::istringstream words(line.substr(label.size()));
    for (std::string word; words >> word;) {
      char* end = nullptr;
      const double value = std::strtod(word.c_str(), &end);
      if (end != word.c_str()) out.push_back(value);
    }
  }
  return out;
}

void expect_near(const std::string& text, const std::string& label, const std::vector<double>& wanted,
                 double tolerance) {
  const std::vector<double> got = numbers(text, label);
  ASSERT_EQ(got.size(), wanted.size()) << label << '\n' << text;
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(got[i], wanted[i], tolerance) << label << ' ' << i;
}

TEST(Examples, DynamicQuantization) {
  const std::string text = printed("dynamic_quantization");
  expect_near(text, "float test loss", {0.003716}, 1.1e-6);
  expect_near(text, "fc1.weight",
              {-0.075717, -0.267992, -1.130007, -0.558165, -0.873833, 0.095513, 0.869061, 1.545088, 2.492569}, 2.1e-6);
  expect_near(text, "int8 test loss, x86, onednn", {0.004899}, 1.1e-6);
  expect_near(text, "int8 test loss, qnnpack", {0.004695}, 1.1e-6);
  expect_near(text, "fc1 int8", {-4, -14, -58, -29, -45, 5, 44, 79, 127}, 0);
  expect_near(text, "fc1 scale", {0.0195495579, 0}, 2e-6 / 127.5);
}

TEST(Examples, StaticQuantization) {
  const std::string text = printed("static_quantization");
  expect_near(text, "float test loss", {0.006206}, 1.1e-6);
  expect_near(text, "int8 test loss, onednn", {0.006122}, 2.1e-6);
  expect_near(text, "int8 test loss, qnnpack", {0.006404}, 2.1e-6);
  expect_near(text, "fc1 output scale", {0.0275894757, 114}, 2e-8);
}

// Numerics: at most 0.0062 in eight bits from scratch, 0.0035 after float training; the presets lag and say so.
TEST(Examples, QuantizationAwareTraining) {
  const std::string text = printed("quantization_aware_training");
  const std::vector<double> octet = numbers(text, "octet");
  ASSERT_EQ(octet.size(), 4U) << text;
  EXPECT_LE(octet[1], 0.0062);
  EXPECT_LE(octet[3], 0.0035);
  EXPECT_NEAR(octet[0], octet[1], 2e-4);
  EXPECT_NEAR(octet[2], octet[3], 2e-4);
  const std::vector<double> x86 = numbers(text, "x86");
  ASSERT_EQ(x86.size(), 2U) << text;
  EXPECT_NEAR(x86[0], 4.79, 0.05);
  EXPECT_NEAR(x86[1], x86[0], 2e-3);
  EXPECT_NE(text.find("keeps clipping"), std::string::npos);
}

// With masters within a tenth of the float loss.
TEST(Examples, EightBitTraining) {
  const std::string text = printed("eight_bit_training");
  const std::vector<double> plain = numbers(text, "float"), masters = numbers(text, "8 bits, masters");
  ASSERT_EQ(plain.size(), 1U) << text;
  ASSERT_EQ(masters.size(), 1U) << text;
  EXPECT_LE(masters[0], 1.1 * plain[0]);
  const std::vector<double> none = numbers(text, "8 bits, no master");
  ASSERT_EQ(none.size(), 1U) << text;
  EXPECT_LE(none[0], 1.1 * plain[0]);
  EXPECT_NE(text.find("bytes a parameter"), std::string::npos);
}

}  // namespace
}  // namespace octet
