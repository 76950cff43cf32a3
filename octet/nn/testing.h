// For tests of nn and train: what torch gave (tests/golden/make_training_golden.py).
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "octet/base/testing.h"
#include "octet/tensor/tensor.h"

namespace octet::nn {

inline const nlohmann::json& goldens() {
  static const nlohmann::json all = [] {
    std::ifstream file(octet::testing::source_dir("tests/golden/training.json"));
    return nlohmann::json::parse(file);
  }();
  return all;
}

inline Shape shape_from(const nlohmann::json& dims) {
  const auto values = dims.get<std::vector<std::int64_t>>();
  return Shape(std::span<const std::int64_t>(values));
}

inline Tensor floats_from(const nlohmann::json& shape, const nlohmann::json& values) {
  const auto floats = values.get<std::vector<float>>();
  return Tensor::from<float>(shape_from(shape), std::span<const float>(floats));
}

}  // namespace octet::nn
