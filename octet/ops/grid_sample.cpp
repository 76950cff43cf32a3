// GridSample: y[n, c, p...] = x[n, c] interpolated at grid[n, p...], coordinates in [-1, 1], innermost first.
//   nearest, linear (bilinear) or cubic (bicubic); outside: zeros, border or reflection. Any number of
//   spatial dimensions.  Source: ONNX GridSample-16, GridSample-20.
#include <algorithm>
#include <cmath>

#include "octet/ops/from_real.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"
#include "octet/ops/strided_copy.h"

namespace octet::ops {
namespace {

constexpr int kMaxTaps = 4;
constexpr double kCubic = -0.75;
constexpr double kFar = 0x1p40;  // coordinates beyond this are all alike

enum class Mode { nearest, linear, cubic };
enum class Padding { zeros, border, reflection };

struct Options {
  Mode mode = Mode::linear;
  Padding padding = Padding::zeros;
  bool align_corners = false;
};

Options options_of(const EvalContext& ctx) {
  Options out;
  const std::string mode = ctx.attributes().text("mode", "linear"),
                    padding = ctx.attributes().text("padding_mode", "zeros");
  if (mode == "nearest") {
    out.mode = Mode::nearest;
  } else if (mode == "cubic" || mode == "bicubic") {
    out.mode = Mode::cubic;
  } else if (mode != "linear" && mode != "bilinear") {
    throw ctx.error(ErrorKind::bad_input, "unknown mode").value(mode).expected("nearest, linear or cubic");
  }
  if (padding == "border") {
    out.padding = Padding::border;
  } else if (padding == "reflection") {
    out.padding = Padding::reflection;
  } else if (padding != "zeros") {
    throw ctx.error(ErrorKind::bad_input, "unknown padding_mode")
        .value(padding)
        .expected("zeros, border or reflection");
  }
  out.align_corners = ctx.attributes().integer("align_corners", 0) != 0;
  return out;
}

// One axis of one sample: where to read and with which weights; -1 reads nothing.
struct Point {
  int count = 0;
  std::int64_t index[kMaxTaps] = {};
  double weight[kMaxTaps] = {};
};

class Axis {
 public:
  Axis(const Options& options, std::int64_t dim) : options_(options), dim_(dim) {
    low_ = options.align_corners ? 0 : -0.5;
    high_ = static_cast<double>(dim) - (options.align_corners ? 1 : 0.5);
  }

  Point at(double coordinate) const {
    const auto size = static_cast<double>(dim_);
    double x = options_.align_corners ? (coordinate + 1) / 2 * (size - 1) : ((coordinate + 1) * size - 1) / 2;
    // NaN reads nothing in particular; any fixed place will do.
    x = std::isnan(x) ? -kFar : std::clamp(x, -kFar, kFar);
    if (options_.mode == Mode::nearest) x = std::nearbyint(x);
    // A cubic filter keeps its phase and pads tap by tap; clamping it first would flatten the border.
    const bool whole = options_.mode != Mode::cubic;
    if (whole && options_.padding == Padding::border) x = std::clamp(x, 0.0, size - 1);
    if (options_.padding == Padding::reflection) x = reflected(x);
    Point point;
    const double left = std::floor(x), part = x - left;
    const auto base = static_cast<std::int64_t>(left);
    if (options_.mode == Mode::nearest) {
      add(point, static_cast<std::int64_t>(std::nearbyint(x)), 1.0);
    } else if (options_.mode == Mode::linear) {
      add(point, base, 1 - part);
      add(point, base + 1, part);
    } else {
      for (int t = -1; t <= 2; ++t) add(point, base + t, cubic(part - t));
    }
    return point;
  }

 private:
  double reflected(double x) const {
    const double range = high_ - low_;
    if (range <= 0) return 0;
    if (x >= low_ && x <= high_) return x;
    const double phase = std::fmod(std::abs(x - low_), 2 * range);
    return low_ + (phase > range ? 2 * range - phase : phase);
  }

  void add(Point& point, std::int64_t index, double weight) const {
    if (index < 0 || index >= dim_) {
      if (options_.padding == Padding::border) index = std::clamp<std::int64_t>(index, 0, dim_ - 1);
      if (options_.padding == Padding::reflection) {
        index = std::clamp<std::int64_t>(static_cast<std::int64_t>(reflected(static_cast<double>(index))), 0, dim_ - 1);
      }
      if (options_.padding == Padding::zeros) index = -1;
    }
    point.index[point.count] = index;
    point.weight[point.count++] = weight;
  }

  static double cubic(double distance) {
    const double x = std::abs(distance), x2 = x * x, x3 = x2 * x;
    if (x <= 1) return (kCubic + 2) * x3 - (kCubic + 3) * x2 + 1;
    return kCubic * x3 - 5 * kCubic * x2 + 8 * kCubic * x - 4 * kCubic;
  }

  Options options_;
  std::int64_t dim_;
  double low_, high_;
};

// The product of the axes' points: offsets into one channel, and weights.
struct Reads {
  std::vector<std::int64_t> offset;
  std::vector<double> weight;

  void set(const std::vector<Point>& points, const std::int64_t* strides) {
    offset.assign(1, 0);
    weight.assign(1, 1.0);
    for (std::size_t axis = 0; axis < points.size(); ++axis) {
      std::vector<std::int64_t> next_offset;
      std::vector<double> next_weight;
      const Point& point = points[axis];
      for (std::size_t i = 0; i < offset.size(); ++i) {
        for (int t = 0; t < point.count; ++t) {
          if (point.index[t] < 0) continue;
          next_offset.push_back(offset[i] + point.index[t] * strides[axis]);
          next_weight.push_back(weight[i] * point.weight[t]);
        }
      }
      offset.swap(next_offset);
      weight.swap(next_weight);
    }
  }
};

void infer(InferContext& ctx) {
  if (!ctx.has_shape(0)) return ctx.set_output(0, ctx.dtype(0));
  SymbolicShape shape(ctx.shape(0).begin(), ctx.shape(0).begin() + std::min(2, ctx.rank(0)));
  const bool grid = ctx.has_shape(1) && ctx.rank(1) == ctx.rank(0);
  for (int i = 1; i < ctx.rank(0) - 1; ++i) shape.push_back(grid ? ctx.shape(1)[static_cast<std::size_t>(i)] : Dim());
  ctx.set_output(0, ctx.dtype(0), shape);
}

void check(const EvalContext& ctx) {
  const Tensor &x = ctx.input(0), &grid = ctx.input(1);
  const bool fits =
      x.rank() >= 3 && grid.rank() == x.rank() && grid.dim(0) == x.dim(0) && grid.shape().back() == x.rank() - 2;
  if (fits && is_float(grid.dtype())) return;
  throw ctx.error(ErrorKind::bad_input, "the grid does not fit the input")
      .value(to_string(grid.shape()) + " " + to_string(grid.dtype()))
      .expected("N x ... x " + std::to_string(std::max(x.rank() - 2, 1)) + " floats for an input of " +
                to_string(x.shape()));
}

template <class T>
void sample_as(EvalContext& ctx, const Options& options, const std::vector<double>& grid, Tensor& y) {
  const Tensor& x = ctx.input(0);
  const int spatial = x.rank() - 2;
  const std::int64_t channels = x.dim(1), plane = x.shape().elements(2, x.rank()),
                     points = y.shape().elements(2, y.rank());
  const auto strides = strides_of(x.shape());
  std::vector<Axis> axes;
  for (int i = 0; i < spatial; ++i) axes.emplace_back(options, x.dim(i + 2));
  ctx.threads().parallel_for(x.dim(0) * points, 256, [&](std::int64_t begin, std::int64_t end) {
    Reads reads;
    std::vector<Point> at(static_cast<std::size_t>(spatial));
    for (std::int64_t i = begin; i < end; ++i) {
      for (int k = 0; k < spatial; ++k) {
        at[static_cast<std::size_t>(k)] =
            axes[static_cast<std::size_t>(k)].at(grid[static_cast<std::size_t>(i * spatial + spatial - 1 - k)]);
      }
      reads.set(at, strides.data() + 2);
      const std::int64_t image = i / points, point = i % points;
      for (std::int64_t c = 0; c < channels; ++c) {
        const T* from = x.data<T>() + (image * channels + c) * plane;
        double total = 0;
        for (std::size_t r = 0; r < reads.offset.size(); ++r)
          total += reads.weight[r] * static_cast<double>(RealOf<T>(from[reads.offset[r]]));
        y.data<T>()[(image * channels + c) * points + point] = from_real<T>(total);
      }
    }
  });
}

void eval(EvalContext& ctx) {
  check(ctx);
  const Tensor &x = ctx.input(0), &grid = ctx.input(1);
  const Options options = options_of(ctx);
  Shape shape{x.dim(0), x.dim(1)};
  for (int i = 1; i < grid.rank() - 1; ++i) shape.push_back(grid.dim(i));
  Tensor& y = ctx.output(0, x.dtype(), shape);
  if (y.elements() == 0) return;
  if (x.elements() == 0)
    throw ctx.error(ErrorKind::bad_input, "an empty input cannot be sampled").value(to_string(x.shape()));
  const std::vector<double> coordinates = grid.to_double();
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (std::is_same_v<T, bool>) {
      throw ctx.error(ErrorKind::bad_input, "booleans cannot be interpolated");
    } else {
      sample_as<T>(ctx, options, coordinates, y);
    }
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    for (const char* padding : {"zeros", "border", "reflection"}) {
      for (const std::int64_t align : {0, 1}) {
        Sample sample{.attributes = {},
                      .inputs = {random_tensor(random, DType::f32, {2, 2, 4, 3}),
                                 random_tensor(random, DType::f32, {2, 3, 5, 2}, -1.5f, 1.5f)},
                      .opset = 20};
        sample.attributes.set("mode", std::string(mode));
        sample.attributes.set("padding_mode", std::string(padding));
        sample.attributes.set("align_corners", align);
        out.push_back(std::move(sample));
      }
    }
  }
  out.push_back({.attributes = {},
                 .inputs = {random_tensor(random, DType::f32, {1, 2, 3, 4, 2}),
                            random_tensor(random, DType::f32, {1, 2, 2, 2, 3}, -1.2f, 1.2f)},
                 .opset = 20});
  out.push_back({.attributes = {},
                 .inputs = {random_tensor(random, DType::f16, {1, 1, 3, 3}),
                            random_tensor(random, DType::f16, {1, 2, 2, 2}, -1, 1)},
                 .opset = 16});
  out.push_back(
      {.attributes = {},
       .inputs = {random_tensor(random, DType::f32, {0, 1, 3, 3}), random_tensor(random, DType::f32, {0, 2, 2, 2})},
       .opset = 16});
  return out;
}

}  // namespace

Rows grid_sample() {
  return {{
      .name = "GridSample",
      .since = 16,
      .inputs = {2, 2},
      .attributes = {"mode", "padding_mode", "align_corners"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
