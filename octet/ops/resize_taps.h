// Resize along one axis: which input positions each output position reads, and with which weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "octet/graph/graph.h"

namespace octet::ops {

enum class ResizeMode { nearest, linear, cubic };

/// The attributes of Resize and Upsample, older forms translated.
struct ResizeOptions {
  ResizeMode mode = ResizeMode::nearest;
  std::string coordinates = "half_pixel";      ///< coordinate_transformation_mode
  std::string nearest = "round_prefer_floor";  ///< nearest_mode; "simple" before opset 11
  std::string aspect = "stretch";              ///< keep_aspect_ratio_policy
  double cubic_a = -0.75;
  float outside_value = 0;
  bool exclude_outside = false, antialias = false;
};

/// Throws bad_input for an unknown word.
ResizeOptions resize_options(const Attributes& attributes, const std::string& op_type, int opset);

/// One axis of a resize: `out` positions read from `in`, at `scale`. `length` is the output's length before
/// it was rounded down (in * scale where scales are given), which aligned corners are measured by. The
/// region of interest counts only for tf_crop_and_resize.
struct ResizeAxis {
  std::int64_t in = 0, out = 0;
  float scale = 1, length = 0, roi_start = 0, roi_end = 1;
};

/// out[p] = sum_t weight[p * count + t] * in[index[p * count + t]]; outside[p]: a constant instead.
struct Taps {
  std::int64_t count = 1;
  std::vector<std::int64_t> index;
  std::vector<float> weight;
  std::vector<bool> outside;
  bool identity = false, any_outside = false;
};

/// in > 0 and out > 0.
Taps make_taps(const ResizeOptions& options, const ResizeAxis& axis);

}  // namespace octet::ops
