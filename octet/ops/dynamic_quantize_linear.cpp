// DynamicQuantizeLinear: y uint8, scale = (max - min) / 255 over the whole tensor with 0 taken in,
//   zero_point = round_half_even(clip(0 - min / scale, 0, 255)), y = saturate(round_half_even(x / scale) + zero_point)
// A tensor of zeros (or without elements) gives scale 1 and zero point 0. NaN and infinity are refused.
// Source: ONNX DynamicQuantizeLinear-11.
#include <algorithm>
#include <cmath>

#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

void infer(InferContext& ctx) {
  if (ctx.has_shape(0)) {
    ctx.set_output(0, DType::u8, ctx.shape(0));
  } else {
    ctx.set_output(0, DType::u8);
  }
  if (ctx.output_count() > 1) ctx.set_output(1, DType::f32, {});
  if (ctx.output_count() > 2) ctx.set_output(2, DType::u8, {});
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  if (x.dtype() != DType::f32) {
    throw ctx.error(ErrorKind::bad_input, "dynamic quantization takes float32").value(to_string(x.dtype()));
  }
  float low = 0, high = 0;
  for (const float v : x.values<float>()) {
    if (!std::isfinite(v)) {
      throw ctx.error(ErrorKind::bad_input, "a value that is not finite cannot be quantized").value(std::to_string(v));
    }
    low = std::min(low, v);
    high = std::max(high, v);
  }
  const float scale = high == low ? 1.0f : (high - low) / 255.0f;
  if (!std::isfinite(scale) || scale == 0) {
    throw ctx.error(ErrorKind::bad_input, "the range of a tensor is too wide or too narrow to quantize")
        .value(std::to_string(low) + " to " + std::to_string(high));
  }
  const float zero = std::nearbyint(std::clamp(0.0f - low / scale, 0.0f, 255.0f));
  Tensor& y = ctx.output(0, DType::u8, x.shape());
  ctx.threads().parallel_for(x.elements(), 16384, [&](std::int64_t begin, std::int64_t end) {
    const float* from = x.data<float>();
    auto* to = y.data<std::uint8_t>();
    for (std::int64_t i = begin; i < end; ++i) {
      to[i] = static_cast<std::uint8_t>(std::clamp(std::nearbyint(from[i] / scale) + zero, 0.0f, 255.0f));
    }
  });
  if (ctx.wants_output(1)) *ctx.output(1, DType::f32, {}).data<float>() = scale;
  if (ctx.wants_output(2)) *ctx.output(2, DType::u8, {}).data<std::uint8_t>() = static_cast<std::uint8_t>(zero);
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](const Tensor& x) { out.push_back({{}, {x}, 17, 3}); };
  for (const auto& [low, high] : {std::pair{-2.0f, 2.0f}, {0.5f, 2.0f}, {-3.0f, -1.0f}, {-1e-5f, 1e6f}}) {
    add(random_tensor(random, DType::f32, {3, 7}, low, high));
  }
  add(Tensor::zeros(DType::f32, {4}));
  add(Tensor::zeros(DType::f32, {0, 3}));
  return out;
}

}  // namespace

Rows dynamic_quantize_linear() {
  return {{
      .name = "DynamicQuantizeLinear",
      .since = 11,
      .inputs = {1, 1},
      .outputs = {3, 3},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
