// ConvGradInput and ConvGradWeight: octet's gradient operators on channels-last images.
//   ConvGradInput   dy f32 image, w f32 [out, in / group, kernel...]; residual f32 image of dx's shape or none
//                   dx = gradient + residual. The outputs of each phase of the strides are a convolution of dy by the
//                   weights' taps of that phase, channels exchanged and taps reversed: the forward kernels do it.
//   ConvGradWeight  x f32 image, dy f32 image -> dw in ONNX's order (kernels/weight_grad_f32)
// Attributes are Conv's; x_shape or w_shape [dims] is the result's.
#include <algorithm>
#include <numeric>

#include "octet/kernels/weight_grad_f32/weight_grad_f32.h"
#include "octet/kernels/winograd_f32/weight_grad.h"
#include "octet/runtime/ops/fused.h"
#include "octet/runtime/ops/packed_conv.h"
#include "octet/runtime/ops/scratch.h"

namespace octet::runtime {
namespace {

using kernels::ConvShape;

constexpr std::int64_t kManyPixels = 4096;  // below, the transforms of the weights' gradient are not worth their while

Shape last_order(const std::vector<std::int64_t>& dims) {
  Shape out{dims[0]};
  for (std::size_t i = 2; i < dims.size(); ++i) out.push_back(dims[i]);
  out.push_back(dims[1]);
  return out;
}

// Along one axis: the taps that reach places phase + j * stride, and the convolution of dy that they make.
struct AxisPhase {
  std::int64_t count = 0;          ///< places of the phase
  std::vector<std::int64_t> taps;  ///< of the forward kernel, in the order of the new one; -1: a tap of zeros
  std::int64_t dilation = 1, pad = 0;
};

AxisPhase phase_of(std::int64_t phase, std::int64_t size, std::int64_t kernel, std::int64_t stride,
                   std::int64_t dilation, std::int64_t pad) {
  AxisPhase out;
  out.count = phase < size ? (size - phase - 1) / stride + 1 : 0;
  // Place i = phase + j stride is read by tap t at output (i + pad - t dilation) / stride = j + start.
  std::int64_t start = 0;
  for (std::int64_t t = kernel - 1; t >= 0; --t) {
    if ((phase + pad - t * dilation) % stride != 0) continue;
    if (out.taps.empty()) start = (phase + pad - t * dilation) / stride;
    out.taps.push_back(t);
  }
  out.dilation = dilation / std::gcd(stride, dilation);
  for (; start > 0 && !out.taps.empty(); start -= out.dilation) out.taps.insert(out.taps.begin(), -1);
  out.pad = -start;
  return out;
}

class InputStep : public PreparedStep {
 public:
  explicit InputStep(const PrepareContext& ctx)
      : output_(last_order(ctx.node.attributes.integers("x_shape"))),
        forward_(conv_shape(ctx.node, output_, *ctx.inputs[1])),
        threads_(ctx.threads) {
    epilogue_.read(ctx.node, forward_.in_channels);
    const ConvShape& f = forward_;
    for (std::int64_t y = 0; y < f.stride_h; ++y) {
      const AxisPhase rows = phase_of(y, f.in_height, f.kernel_height, f.stride_h, f.dilation_h, f.pad_top);
      for (std::int64_t x = 0; x < f.stride_w; ++x) {
        const AxisPhase columns = phase_of(x, f.in_width, f.kernel_width, f.stride_w, f.dilation_w, f.pad_left);
        if (rows.count == 0 || columns.count == 0) continue;
        add_phase(y, x, rows, columns);
      }
    }
  }

  void run(EvalContext& ctx) const override {
    Tensor& dx = ctx.output(0, DType::f32, output_);
    if (dx.elements() == 0) return;
    const Tensor* residual = ctx.has_input(2) ? &ctx.input(2) : nullptr;
    const float* dy = ctx.input(0).data<float>();
    for (const Phase& phase : phases_) {
      auto* const weights = reinterpret_cast<float*>(ctx.scratch);
      char* const image = reinterpret_cast<char*>(weights) + weight_bytes_;
      char* const rest = image + image_bytes_;
      if (phase.conv == nullptr) {
        spread(ctx, phase, nullptr, residual, dx);
        continue;
      }
      turn_weights(phase, ctx.input(1).data<float>(), weights);
      if (whole()) {
        phase.conv->run_with(weights, dy, epilogue_.bind(residual, dx, forward_.in_channels), rest, ctx.threads());
        continue;
      }
      kernels::Epilogue epilogue;
      epilogue.out = image;
      epilogue.out_stride = forward_.in_channels;
      phase.conv->run_with(weights, dy, epilogue, rest, ctx.threads());
      spread(ctx, phase, reinterpret_cast<const float*>(image), residual, dx);
    }
  }

  std::string kernel() const override {
    for (const Phase& phase : phases_) {
      if (phase.conv) return phase.conv->kernel() + ", packed in the run";
    }
    return "none";
  }
  std::int64_t scratch_bytes() const override { return weight_bytes_ + image_bytes_ + rest_bytes_; }

 private:
  struct Phase {
    std::int64_t y = 0, x = 0;
    AxisPhase rows, columns;
    std::unique_ptr<PackedConv> conv;  ///< null: no tap reaches these places
  };

  bool whole() const { return forward_.stride_h == 1 && forward_.stride_w == 1; }

  void add_phase(std::int64_t y, std::int64_t x, const AxisPhase& rows, const AxisPhase& columns) {
    const ConvShape& f = forward_;
    Phase phase{y, x, rows, columns, nullptr};
    if (!rows.taps.empty() && !columns.taps.empty() && f.out_height > 0 && f.out_width > 0) {
      ConvShape s{.batch = f.batch,
                  .in_height = f.out_height,
                  .in_width = f.out_width,
                  .in_channels = f.out_channels,
                  .out_height = rows.count,
                  .out_width = columns.count,
                  .out_channels = f.in_channels,
                  .kernel_height = static_cast<std::int64_t>(rows.taps.size()),
                  .kernel_width = static_cast<std::int64_t>(columns.taps.size()),
                  .groups = f.groups};
      s.dilation_h = rows.taps.size() > 1 ? rows.dilation : 1;
      s.dilation_w = columns.taps.size() > 1 ? columns.dilation : 1;
      s.pad_top = rows.pad;
      s.pad_left = columns.pad;
      phase.conv = std::make_unique<PackedConv>(s, threads_);
      const std::int64_t taps = s.kernel_height * s.kernel_width;
      weight_bytes_ = std::max(weight_bytes_, aligned(4 * taps * f.in_channels * (f.out_channels / f.groups)));
      rest_bytes_ = std::max(rest_bytes_, phase.conv->scratch_bytes());
      if (!whole())
        image_bytes_ = std::max(image_bytes_, aligned(4 * s.batch * s.out_height * s.out_width * f.in_channels));
    }
    phases_.push_back(std::move(phase));
  }

  // w [g m][c][ky][kx] as [g c][m][taps of the phase].
  void turn_weights(const Phase& phase, const float* w, float* to) const {
    const ConvShape& f = forward_;
    const std::int64_t c = f.in_channels / f.groups, m = f.out_channels / f.groups;
    for (std::int64_t g = 0; g < f.groups; ++g) {
      for (std::int64_t ic = 0; ic < c; ++ic) {
        for (std::int64_t oc = 0; oc < m; ++oc) {
          const float* from = w + ((g * m + oc) * c + ic) * f.kernel_height * f.kernel_width;
          for (const std::int64_t ty : phase.rows.taps) {
            for (const std::int64_t tx : phase.columns.taps) {
              *to++ = ty < 0 || tx < 0 ? 0.0f : from[ty * f.kernel_width + tx];
            }
          }
        }
      }
    }
  }

  // The places of a phase from its image (zeros without one), and the residual.
  void spread(EvalContext& ctx, const Phase& phase, const float* image, const Tensor* residual, Tensor& dx) const {
    const ConvShape& f = forward_;
    const std::int64_t c = f.in_channels, width = phase.columns.count;
    const float* added = residual == nullptr ? nullptr : residual->data<float>();
    float* out = dx.data<float>();
    ctx.threads().parallel_for(f.batch * phase.rows.count, std::max<std::int64_t>(1, 16384 / (width * c)),
                               [&](std::int64_t begin, std::int64_t end) {
                                 for (std::int64_t r = begin; r < end; ++r) {
                                   const std::int64_t b = r / phase.rows.count, j = r % phase.rows.count;
                                   const std::int64_t row = (b * f.in_height + phase.y + j * f.stride_h) * f.in_width;
                                   for (std::int64_t i = 0; i < width; ++i) {
                                     const std::int64_t at = (row + phase.x + i * f.stride_w) * c;
                                     const float* from = image == nullptr ? nullptr : image + (r * width + i) * c;
                                     for (std::int64_t k = 0; k < c; ++k) {
                                       const float v = from == nullptr ? 0.0f : from[k];
                                       out[at + k] = added == nullptr ? v : v + added[at + k];
                                     }
                                   }
                                 }
                               });
  }

  Shape output_;
  ConvShape forward_;
  int threads_;
  EpilogueSpec epilogue_;
  std::vector<Phase> phases_;
  std::int64_t weight_bytes_ = 0, image_bytes_ = 0, rest_bytes_ = 0;
};

class WeightStep : public PreparedStep {
 public:
  explicit WeightStep(const PrepareContext& ctx)
      : output_(std::span<const std::int64_t>(ctx.node.attributes.integers("w_shape"))),
        shape_(conv_shape(ctx.node, *ctx.inputs[0], output_)),
        winograd_(kernels::winograd_fits(shape_) &&
                  shape_.batch * shape_.out_height * shape_.out_width >= kManyPixels) {}

  void run(EvalContext& ctx) const override {
    Tensor& dw = ctx.output(0, DType::f32, output_);
    const float *x = ctx.input(0).data<float>(), *dy = ctx.input(1).data<float>();
    if (winograd_) {
      kernels::winograd_weight_grad_f32(shape_, x, dy, dw.data<float>(), ctx.scratch, ctx.threads());
    } else {
      kernels::conv_weight_grad_f32(shape_, x, dy, dw.data<float>(), ctx.scratch, ctx.threads());
    }
  }

  std::string kernel() const override {
    if (winograd_) return kernels::select_winograd().name;
    return kernels::select_weight_grad(shape_.out_channels / shape_.groups).name;
  }
  std::int64_t scratch_bytes() const override {
    return winograd_ ? kernels::winograd_weight_grad_scratch(shape_) : kernels::weight_grad_scratch_bytes(shape_);
  }

 private:
  Shape output_;
  ConvShape shape_;
  bool winograd_;
};

template <class Step>
std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (ctx.node.attributes.integer("channels_last") == 0 || !ctx.inputs[0] || !ctx.inputs[1]) return nullptr;
  return std::make_unique<Step>(ctx);
}

template <class Step>
RuntimeOp row(const char* name, Arity inputs, const std::vector<int>& images, int image_outputs) {
  OpDef def{.name = name, .domain = kDomain, .inputs = inputs};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare<Step>); };
  return {.def = def, .prepare = prepare<Step>, .images = images, .image_outputs = image_outputs};
}

}  // namespace

std::vector<RuntimeOp> conv_gradient_ops() {
  return {row<InputStep>("ConvGradInput", {2, 3}, {0, 2}, 1), row<WeightStep>("ConvGradWeight", {2, 2}, {0, 1}, 0)};
}

}  // namespace octet::runtime
