// RoiAlign: each region of interest pooled to a fixed size from bilinear samples.
//   y[r, c, i, j] = mean (or max) over the samples of bin (i, j) of x[batch[r], c]
//   In max mode each sample's four weighted corners count on their own, as the specification's reference has it.
// Source: ONNX RoiAlign-10, RoiAlign-16 (coordinate_transformation_mode).
#include <algorithm>
#include <cmath>

#include "octet/ops/from_real.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

constexpr int kHasTransformation = 16;
constexpr double kMostSamples = 1 << 20;  // in one bin; a region that needs more is a broken one

struct Options {
  bool max = false, half_pixel = true;
  std::int64_t height = 1, width = 1, sampling = 0;
  double scale = 1;
};

Options options_of(const Attributes& attributes, int opset) {
  Options out;
  const std::string mode = attributes.text("mode", "avg");
  const std::string pixel = attributes.text("coordinate_transformation_mode",
                                            opset < kHasTransformation ? "output_half_pixel" : "half_pixel");
  if (mode != "avg" && mode != "max")
    throw Error(ErrorKind::bad_input, "RoiAlign: unknown mode").value(mode).expected("avg or max");
  if (pixel != "half_pixel" && pixel != "output_half_pixel") {
    throw Error(ErrorKind::bad_input, "RoiAlign: unknown coordinate_transformation_mode")
        .value(pixel)
        .expected("half_pixel or output_half_pixel");
  }
  out.max = mode == "max";
  out.half_pixel = pixel == "half_pixel";
  out.height = attributes.integer("output_height", 1);
  out.width = attributes.integer("output_width", 1);
  out.sampling = attributes.integer("sampling_ratio", 0);
  out.scale = static_cast<double>(attributes.real("spatial_scale", 1));
  if (out.height < 1 || out.width < 1) {
    throw Error(ErrorKind::bad_input, "RoiAlign: the output size must be positive")
        .value(std::to_string(out.height) + " x " + std::to_string(out.width));
  }
  return out;
}

void infer(InferContext& ctx) {
  const Options options = options_of(ctx.attributes(), ctx.opset());
  Dim regions, channels;
  if (ctx.has_shape(1) && ctx.rank(1) > 0) regions = ctx.shape(1)[0];
  if (ctx.has_shape(0) && ctx.rank(0) > 1) channels = ctx.shape(0)[1];
  ctx.set_output(0, ctx.dtype(0), {regions, channels, Dim(options.height), Dim(options.width)});
}

// One bilinear sample: four places in a channel and their weights.
struct Corners {
  std::int64_t offset[4] = {};
  double weight[4] = {};
};

Corners corners_at(double y, double x, std::int64_t height, std::int64_t width) {
  Corners out;
  if (!(y >= -1 && y <= static_cast<double>(height) && x >= -1 && x <= static_cast<double>(width))) return out;
  const auto split = [](double v, std::int64_t dim, std::int64_t& low, std::int64_t& high, double& part) {
    v = std::max(v, 0.0);
    low = static_cast<std::int64_t>(v);
    if (low >= dim - 1) {
      low = high = dim - 1;
      part = 0;
    } else {
      high = low + 1;
      part = v - static_cast<double>(low);
    }
  };
  std::int64_t y0 = 0, y1 = 0, x0 = 0, x1 = 0;
  double py = 0, px = 0;
  split(y, height, y0, y1, py);
  split(x, width, x0, x1, px);
  const std::int64_t offsets[4] = {y0 * width + x0, y0 * width + x1, y1 * width + x0, y1 * width + x1};
  const double weights[4] = {(1 - py) * (1 - px), (1 - py) * px, py * (1 - px), py * px};
  std::copy_n(offsets, 4, out.offset);
  std::copy_n(weights, 4, out.weight);
  return out;
}

struct Region {
  double y, x, bin_height, bin_width;
  std::int64_t grid_height, grid_width;
};

Region region_of(const EvalContext& ctx, const Options& options, const double* roi) {
  const double offset = options.half_pixel ? 0.5 : 0;
  const double x0 = roi[0] * options.scale - offset, y0 = roi[1] * options.scale - offset;
  double width = roi[2] * options.scale - offset - x0, height = roi[3] * options.scale - offset - y0;
  if (!options.half_pixel) {
    width = std::max(width, 1.0);
    height = std::max(height, 1.0);
  }
  Region out{y0, x0, height / static_cast<double>(options.height), width / static_cast<double>(options.width), 0, 0};
  const double rows =
      options.sampling > 0 ? static_cast<double>(options.sampling) : std::max(0.0, std::ceil(out.bin_height));
  const double columns =
      options.sampling > 0 ? static_cast<double>(options.sampling) : std::max(0.0, std::ceil(out.bin_width));
  if (!(rows * columns <= kMostSamples)) {
    throw ctx.error(ErrorKind::limit, "a region of interest is not finite, or too large")
        .value(std::to_string(width) + " x " + std::to_string(height));
  }
  out.grid_height = static_cast<std::int64_t>(rows);
  out.grid_width = static_cast<std::int64_t>(columns);
  return out;
}

template <class T>
double pool(const std::vector<Corners>& samples, const T* channel, bool max) {
  double total = 0;
  bool first = true;
  for (const Corners& sample : samples) {
    for (int k = 0; k < 4; ++k) {
      const double value = sample.weight[k] * static_cast<double>(RealOf<T>(channel[sample.offset[k]]));
      total = !max ? total + value : first ? value : std::max(total, value);
      first = false;
    }
  }
  return max || samples.empty() ? total : total / static_cast<double>(samples.size());
}

template <class T>
void align_region(const Options& options, const Region& region, const T* image, std::int64_t channels,
                  std::int64_t height, std::int64_t width, T* to) {
  std::vector<Corners> samples;
  for (std::int64_t i = 0; i < options.height; ++i) {
    for (std::int64_t j = 0; j < options.width; ++j) {
      samples.clear();
      for (std::int64_t row = 0; row < region.grid_height; ++row) {
        const double y =
            region.y + region.bin_height * (static_cast<double>(i) +
                                            (static_cast<double>(row) + 0.5) / static_cast<double>(region.grid_height));
        for (std::int64_t column = 0; column < region.grid_width; ++column) {
          const double x =
              region.x + region.bin_width * (static_cast<double>(j) + (static_cast<double>(column) + 0.5) /
                                                                          static_cast<double>(region.grid_width));
          samples.push_back(corners_at(y, x, height, width));
        }
      }
      for (std::int64_t c = 0; c < channels; ++c) {
        to[(c * options.height + i) * options.width + j] =
            from_real<T>(pool(samples, image + c * height * width, options.max));
      }
    }
  }
}

void check(const EvalContext& ctx) {
  const Tensor &x = ctx.input(0), &rois = ctx.input(1), &batch = ctx.input(2);
  const bool fits =
      x.rank() == 4 && rois.rank() == 2 && rois.dim(1) == 4 && batch.rank() == 1 && batch.dim(0) == rois.dim(0);
  if (fits && is_float(x.dtype())) return;
  throw ctx.error(ErrorKind::bad_input, "the regions do not fit the input")
      .value(to_string(x.shape()) + ", " + to_string(rois.shape()) + ", " + to_string(batch.shape()))
      .expected("N x C x H x W floats, R x 4 and R");
}

void eval(EvalContext& ctx) {
  check(ctx);
  const Tensor& x = ctx.input(0);
  const Options options = options_of(ctx.attributes(), ctx.opset());
  const std::vector<double> rois = ctx.input(1).to_double();
  std::vector<std::int64_t> batch = ctx.input(2).to_int64();
  for (std::int64_t& b : batch) b = checked_index(ctx, b, x.dim(0));
  const auto regions = static_cast<std::int64_t>(batch.size()), image = x.shape().elements(1, 4);
  Tensor& y = ctx.output(0, x.dtype(), {regions, x.dim(1), options.height, options.width});
  if (y.elements() == 0) return;
  if (x.elements() == 0)
    throw ctx.error(ErrorKind::bad_input, "an empty input cannot be sampled").value(to_string(x.shape()));
  const std::int64_t size = y.elements() / regions;
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool>) {
      ctx.threads().parallel_for(regions, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r) {
          const Region region = region_of(ctx, options, rois.data() + r * 4);
          align_region<T>(options, region, x.data<T>() + batch[static_cast<std::size_t>(r)] * image, x.dim(1), x.dim(2),
                          x.dim(3), y.data<T>() + r * size);
        }
      });
    }
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const char* mode : {"avg", "max"}) {
    for (const int opset : {10, 16}) {
      for (const std::int64_t sampling : {0, 2}) {
        Sample sample{
            .attributes = {},
            .inputs = {random_tensor(random, DType::f32, {2, 2, 8, 9}),
                       Tensor::from<float>({3, 4}, {0, 0, 9, 9, 2, 1, 15, 8, -3, 4, 6, 30}), int64_tensor({0, 1, 0})},
            .opset = opset};
        sample.attributes.set("mode", std::string(mode));
        sample.attributes.set("output_height", std::int64_t{3});
        sample.attributes.set("output_width", std::int64_t{2});
        sample.attributes.set("sampling_ratio", sampling);
        sample.attributes.set("spatial_scale", 0.5f);
        out.push_back(std::move(sample));
      }
    }
  }
  return out;
}

}  // namespace

Rows roi_align() {
  return {{
      .name = "RoiAlign",
      .since = 10,
      .inputs = {3, 3},
      .attributes = {"mode", "coordinate_transformation_mode", "output_height", "output_width", "sampling_ratio",
                     "spatial_scale"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
