// MaxRoiPool: the maximum of each cell of a grid laid over each region of interest; an empty cell gives 0.
//   rois: R x 5 (batch, x0, y0, x1, y1), corners included.  Source: ONNX MaxRoiPool-1.
#include <algorithm>
#include <cmath>

#include "octet/ops/from_real.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

std::pair<std::int64_t, std::int64_t> pooled_size(const Attributes& attributes) {
  const std::vector<std::int64_t> shape = attributes.integers("pooled_shape");
  if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1) {
    throw Error(ErrorKind::bad_input, "MaxRoiPool: pooled_shape must be two positive numbers");
  }
  return {shape[0], shape[1]};
}

void infer(InferContext& ctx) {
  const auto [height, width] = pooled_size(ctx.attributes());
  Dim regions, channels;
  if (ctx.has_shape(1) && ctx.rank(1) > 0) regions = ctx.shape(1)[0];
  if (ctx.has_shape(0) && ctx.rank(0) > 1) channels = ctx.shape(0)[1];
  ctx.set_output(0, ctx.dtype(0), {regions, channels, Dim(height), Dim(width)});
}

// Cells of one axis of a region: [first, last) of each, inside the image.
std::vector<std::pair<std::int64_t, std::int64_t>> cells(double low, double high, std::int64_t count,
                                                         std::int64_t dim) {
  constexpr double kFar = 0x1p40;
  const double first = std::clamp(std::round(low), -kFar, kFar), last = std::clamp(std::round(high), -kFar, kFar);
  const double size = std::max(last - first + 1, 1.0) / static_cast<double>(count);
  std::vector<std::pair<std::int64_t, std::int64_t>> out;
  for (std::int64_t i = 0; i < count; ++i) {
    const double from = std::floor(static_cast<double>(i) * size) + first,
                 to = std::ceil(static_cast<double>(i + 1) * size) + first;
    out.emplace_back(static_cast<std::int64_t>(std::clamp(from, 0.0, static_cast<double>(dim))),
                     static_cast<std::int64_t>(std::clamp(to, 0.0, static_cast<double>(dim))));
  }
  return out;
}

template <class T>
T maximum(const T* plane, std::int64_t width, std::pair<std::int64_t, std::int64_t> rows,
          std::pair<std::int64_t, std::int64_t> columns) {
  if (rows.first >= rows.second || columns.first >= columns.second) return T{};
  RealOf<T> best = -std::numeric_limits<RealOf<T>>::infinity();
  for (std::int64_t y = rows.first; y < rows.second; ++y) {
    for (std::int64_t x = columns.first; x < columns.second; ++x)
      best = std::max(best, RealOf<T>(plane[y * width + x]));
  }
  return from_real<T>(best);
}

void eval(EvalContext& ctx) {
  const Tensor &x = ctx.input(0), &rois = ctx.input(1);
  if (x.rank() != 4 || rois.rank() != 2 || rois.dim(1) != 5 || !is_float(x.dtype())) {
    throw ctx.error(ErrorKind::bad_input, "the regions do not fit the input")
        .value(to_string(x.shape()) + " and " + to_string(rois.shape()))
        .expected("N x C x H x W floats and R x 5");
  }
  const auto [height, width] = pooled_size(ctx.attributes());
  const auto scale = static_cast<double>(ctx.attributes().real("spatial_scale", 1));
  const std::vector<double> values = rois.to_double();
  const std::int64_t regions = rois.dim(0), channels = x.dim(1), plane = x.dim(2) * x.dim(3);
  Tensor& y = ctx.output(0, x.dtype(), {regions, channels, height, width});
  if (y.elements() == 0) return;
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool>) {
      T* to = y.data<T>();
      for (std::int64_t r = 0; r < regions; ++r) {
        const double* roi = values.data() + r * 5;
        const bool sane = std::all_of(roi, roi + 5, [](double v) { return std::isfinite(v); });
        if (!sane) throw ctx.error(ErrorKind::bad_input, "a region of interest is not finite").value(std::to_string(r));
        const std::int64_t image =
            checked_index(ctx, static_cast<std::int64_t>(std::clamp(roi[0], -0x1p40, 0x1p40)), x.dim(0));
        const auto rows = cells(roi[2] * scale, roi[4] * scale, height, x.dim(2)),
                   columns = cells(roi[1] * scale, roi[3] * scale, width, x.dim(3));
        for (std::int64_t c = 0; c < channels; ++c) {
          const T* from = x.data<T>() + (image * channels + c) * plane;
          for (const auto& row : rows) {
            for (const auto& column : columns) *to++ = maximum(from, x.dim(3), row, column);
          }
        }
      }
    }
  });
}

std::vector<Sample> samples(Random& random) {
  Sample sample{.attributes = {},
                .inputs = {random_tensor(random, DType::f32, {2, 2, 6, 7}),
                           Tensor::from<float>({3, 5}, {0, 0, 0, 6, 5, 1, 2, 3, 12, 9, 1, 20, 20, 25, 25})}};
  sample.attributes.set("pooled_shape", std::vector<std::int64_t>{2, 3});
  Sample scaled = sample;
  scaled.attributes.set("spatial_scale", 0.5f);
  return {sample, scaled};
}

}  // namespace

Rows max_roi_pool() {
  return {{
      .name = "MaxRoiPool",
      .inputs = {2, 2},
      .attributes = {"pooled_shape", "spatial_scale"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
