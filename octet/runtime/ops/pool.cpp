// MaxPool and AveragePool of channels-last images, f32 or u8; GlobalAveragePool is one window over all.
//   attributes of ONNX's operators, `global` 1 for a single window; u8 averages have x_scale, x_zero, y_scale, y_zero:
//   y = clamp(rint(sum(x - x_zero) * (x_scale / (count * y_scale))) + y_zero)
// A window's input pixels are listed when the step is prepared; the loops run over channels.
#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/ops/pool.h"
#include "octet/runtime/ops/fused.h"

namespace octet::runtime {
namespace {

constexpr std::int64_t kBlock = 64;  // channels summed at a time

// For every output pixel of an image the input pixels that its window covers.
struct Windows {
  std::vector<std::int64_t> pixels, starts{0};
  std::vector<float> share;  ///< 1 / number of elements that an average counts
  std::int64_t in_pixels = 1, count = 1, channels = 1, batch = 1;
  Shape output;
};

SymbolicShape channels_first(const Shape& x) {
  SymbolicShape out{x[0], x.back()};
  for (int i = 1; i + 1 < x.rank(); ++i) out.push_back(x[i]);
  return out;
}

Windows list_windows(const Node& node, const Shape& x) {
  Windows out;
  out.batch = x[0];
  out.channels = x.back();
  out.in_pixels = x.elements(1, x.rank() - 1);
  out.output = x;
  if (node.attributes.integer("global", 0) != 0) {
    for (std::int64_t i = 0; i < out.in_pixels; ++i) out.pixels.push_back(i);
    out.starts.push_back(out.in_pixels);
    out.share.push_back(1 / static_cast<float>(out.in_pixels));
    for (int i = 1; i + 1 < x.rank(); ++i) out.output[i] = 1;
    return out;
  }
  const ops::Window window = ops::pool_window(node.attributes, channels_first(x));
  const bool count_padding = node.attributes.integer("count_include_pad", 0) != 0;
  for (int i = 0; i < window.rank; ++i) out.output[i + 1] = window.output[static_cast<std::size_t>(i)];
  out.count = window.positions();
  std::vector<std::int64_t> covered;
  for (std::int64_t p = 0; p < out.count; ++p) {
    ops::covered(window, p, covered);
    out.pixels.insert(out.pixels.end(), covered.begin(), covered.end());
    out.starts.push_back(static_cast<std::int64_t>(out.pixels.size()));
    const std::int64_t counted = count_padding ? ops::taps_within_padding(window, p) : static_cast<std::int64_t>(covered.size());
    out.share.push_back(counted == 0 ? 0 : 1 / static_cast<float>(counted));
  }
  return out;
}

// One output pixel: its windows' pixels and where its channels go.
template <class T>
struct Pixel {
  const T* image;                          ///< first channel of the first pixel
  const std::int64_t *first, *last;        ///< pixels of the window
  std::int64_t channels;
};

template <class T>
void take_largest(const Pixel<T>& pixel, T* out) {
  const T lowest = std::is_same_v<T, float> ? -std::numeric_limits<T>::infinity() : T{0};
  std::fill_n(out, pixel.channels, lowest);
  for (const std::int64_t* p = pixel.first; p != pixel.last; ++p) {
    const T* in = pixel.image + *p * pixel.channels;
    for (std::int64_t c = 0; c < pixel.channels; ++c) out[c] = in[c] > out[c] || in[c] != in[c] ? in[c] : out[c];
  }
}

void take_mean(const Pixel<float>& pixel, float share, float* out) {
  std::fill_n(out, pixel.channels, 0.0f);
  for (const std::int64_t* p = pixel.first; p != pixel.last; ++p) {
    const float* in = pixel.image + *p * pixel.channels;
    for (std::int64_t c = 0; c < pixel.channels; ++c) out[c] += in[c];
  }
  for (std::int64_t c = 0; c < pixel.channels; ++c) out[c] *= share;
}

struct Requantize {
  float x_scale = 1, inv_y_scale = 1;
  std::int32_t x_zero = 0, y_zero = 0;
};

void take_mean(const Pixel<std::uint8_t>& pixel, float share, const Requantize& how, std::uint8_t* out) {
  const auto taps = static_cast<std::int32_t>(pixel.last - pixel.first);
  const float factor = share * how.x_scale;
  for (std::int64_t c0 = 0; c0 < pixel.channels; c0 += kBlock) {
    const std::int64_t count = std::min(kBlock, pixel.channels - c0);
    std::int32_t sum[kBlock];
    std::fill_n(sum, kBlock, -taps * how.x_zero);
    for (const std::int64_t* p = pixel.first; p != pixel.last; ++p) {
      const std::uint8_t* in = pixel.image + *p * pixel.channels + c0;
      for (std::int64_t c = 0; c < count; ++c) sum[c] += in[c];
    }
    for (std::int64_t c = 0; c < count; ++c) {
      const float level = std::nearbyint(static_cast<float>(sum[c]) * factor * how.inv_y_scale) + static_cast<float>(how.y_zero);
      out[c0 + c] = static_cast<std::uint8_t>(std::min(std::max(level, 0.0f), 255.0f));
    }
  }
}

class PoolStep : public PreparedStep {
 public:
  explicit PoolStep(const PrepareContext& ctx)
      : windows_(list_windows(ctx.node, *ctx.inputs[0])), average_(ctx.node.op_type == "AveragePool") {
    const Attributes& a = ctx.node.attributes;
    requantize_ = {.x_scale = a.real("x_scale", 1), .inv_y_scale = 1 / a.real("y_scale", 1),
                   .x_zero = static_cast<std::int32_t>(a.integer("x_zero", 0)),
                   .y_zero = static_cast<std::int32_t>(a.integer("y_zero", 0))};
  }

  void run(EvalContext& ctx) const override {
    if (ctx.input(0).dtype() == DType::u8) {
      run_as<std::uint8_t>(ctx);
    } else {
      run_as<float>(ctx);
    }
  }

  std::string kernel() const override { return "pool"; }

 private:
  template <class T>
  void run_as(EvalContext& ctx) const {
    const T* x = ctx.input(0).data<T>();
    T* y = ctx.output(0, DTypeOf<T>::value, windows_.output).template data<T>();
    const std::int64_t channels = windows_.channels, count = windows_.count;
    const std::int64_t work = channels * static_cast<std::int64_t>(windows_.pixels.size()) / std::max<std::int64_t>(1, count);
    ctx.threads().parallel_for(windows_.batch * count, std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, work)),
                               [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto p = static_cast<std::size_t>(i % count);
        const Pixel<T> pixel{x + i / count * windows_.in_pixels * channels, windows_.pixels.data() + windows_.starts[p],
                             windows_.pixels.data() + windows_.starts[p + 1], channels};
        if (!average_) {
          take_largest(pixel, y + i * channels);
        } else if constexpr (std::is_same_v<T, float>) {
          take_mean(pixel, windows_.share[p], y + i * channels);
        } else {
          take_mean(pixel, windows_.share[p], requantize_, y + i * channels);
        }
      }
    });
  }

  Windows windows_;
  bool average_;
  Requantize requantize_;
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (ctx.node.attributes.integer("channels_last") == 0 || !ctx.inputs[0]) return nullptr;
  return std::make_unique<PoolStep>(ctx);
}

RuntimeOp row(const char* name) {
  OpDef def{.name = name, .domain = kDomain, .inputs = {1, 1}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  return {.def = def, .prepare = prepare, .images = {0}};
}

}  // namespace

std::vector<RuntimeOp> pool_ops() { return {row("MaxPool"), row("AveragePool")}; }

}  // namespace octet::runtime
