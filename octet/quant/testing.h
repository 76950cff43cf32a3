// For the tests of this layer: data as the golden script draws them.
#pragma once

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "octet/base/random.h"
#include "octet/base/testing.h"

namespace octet::quant {

/// Sum of four uniforms less two, times scale; "relu" and "cube" shape it (make_quantization_goldens.py).
inline std::vector<float> draw(Random& random, std::int64_t count, const std::string& kind, float scale) {
  std::vector<float> out;
  for (std::int64_t i = 0; i < count; ++i) {
    float x = random.uniform();
    for (int k = 0; k < 3; ++k) x += random.uniform();
    x = (x - 2) * scale;
    if (kind == "relu") x = std::max(x, 0.0F);
    if (kind == "cube") x = x * x * x;
    out.push_back(x);
  }
  return out;
}

inline const nlohmann::json& goldens() {
  static const nlohmann::json all = [] {
    std::ifstream file(octet::testing::source_dir("tests/golden/quantization.json"));
    return nlohmann::json::parse(file);
  }();
  return all;
}

}  // namespace octet::quant
