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

void expect_near(const std::string& text, const std::string& label, const std::vector<double>& wanted, double tolerance) {
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

}  // namespace
}  // namespace octet
