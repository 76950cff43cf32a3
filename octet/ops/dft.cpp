// DFT and STFT: discrete Fourier transforms of real ([..., 1]) or complex ([..., 2]) signals.
//   DFT    over one axis (an attribute at opset 17, default 1; input 2 from opset 20 on, default -2), cut or padded
//          with zeros to dft_length (input 1); inverse; onesided keeps the first N / 2 + 1 results.
//   STFT   frames of frame_length (input 3, or the window's length) every frame_step (input 1) samples of a signal
//          [B, L, 1 or 2], times the window (input 2) -> [B, frames, N or N / 2 + 1, 2]; onesided by default.
// An inverse onesided DFT is refused.  Source: ONNX DFT-17, DFT-20, STFT-17.
#include <algorithm>

#include "octet/ops/axes.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/fourier.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

using Complex = std::complex<double>;

constexpr std::int64_t kMostPoints = std::int64_t{1} << 28;  // 4 GB of turns

bool onesided(const Attributes& attributes, std::int64_t fallback) {
  return attributes.integer("onesided", fallback) != 0;
}
std::int64_t results(std::int64_t points, bool half) { return half ? points / 2 + 1 : points; }

std::int64_t single(const EvalContext& ctx, int slot, const char* what) {
  const Tensor& given = ctx.input(slot);
  if (given.elements() == 1 && !is_float(given.dtype())) return given.to_int64()[0];
  throw ctx.error(ErrorKind::bad_input, ctx.node().op_type + ": " + what + " must be a single integer");
}

std::int64_t points_of(const EvalContext& ctx, std::int64_t points) {
  if (points >= 1 && points <= kMostPoints) return points;
  throw ctx.error(ErrorKind::bad_input, ctx.node().op_type + ": the transform's length is out of range")
      .value(std::to_string(points))
      .expected("between 1 and " + std::to_string(kMostPoints));
}

// Signals have a last axis of 1 (real) or 2 (real and imaginary).
void require_signal(const EvalContext& ctx, const Tensor& x, int least_rank) {
  if (!is_float(x.dtype())) throw wrong_type(ctx, x.dtype(), "a floating point type");
  if (x.rank() >= least_rank && (x.shape().back() == 1 || x.shape().back() == 2)) return;
  throw ctx.error(ErrorKind::bad_input, ctx.node().op_type + ": the input is no signal")
      .value(to_string(x.shape()))
      .expected("a last axis of 1 (real) or 2 (complex)");
}

void write(Tensor& out, const std::vector<double>& values) {
  dispatch(out.dtype(), [&]<class T>() {
    if constexpr (is_real<T>) {
      for (std::size_t i = 0; i < values.size(); ++i) out.data<T>()[i] = store<T>(values[i]);
    }
  });
}

int dft_axis(std::int64_t axis, int rank) {
  const int out = normalize_axis(axis, rank);
  if (out == rank - 1) throw Error(ErrorKind::bad_input, "DFT: the last axis holds real and imaginary parts");
  return out;
}

void infer_dft(InferContext& ctx) {
  if (!ctx.has_shape(0) || ctx.rank(0) < 2) return ctx.set_output(0, ctx.dtype(0));
  SymbolicShape shape = ctx.shape(0);
  shape.back() = Dim(2);
  const Tensor* given = ctx.constant(2);
  if (ctx.opset() >= 20 && ctx.has_input(2) && (given == nullptr || given->elements() != 1)) {
    return ctx.set_output(0, ctx.dtype(0), SymbolicShape(shape.size()));
  }
  const std::int64_t axis = ctx.opset() < 20   ? ctx.attributes().integer("axis", 1)
                            : given != nullptr ? given->to_int64()[0]
                                               : -2;
  Dim& dim = shape[static_cast<std::size_t>(dft_axis(axis, ctx.rank(0)))];
  if (ctx.has_input(1)) {
    const Tensor* length = ctx.constant(1);
    dim = length != nullptr && length->elements() == 1 ? Dim(std::max<std::int64_t>(-1, length->to_int64()[0])) : Dim();
  }
  if (onesided(ctx.attributes(), 0)) dim = dim.known() ? Dim(results(dim.value, true)) : Dim();
  ctx.set_output(0, ctx.dtype(0), shape);
}

void eval_dft(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  require_signal(ctx, x, 2);
  const bool inverse = ctx.attributes().integer("inverse", 0) != 0, half = onesided(ctx.attributes(), 0);
  if (inverse && half) throw ctx.error(ErrorKind::unsupported, "an inverse onesided DFT is not supported");
  const std::int64_t given = ctx.opset() < 20   ? ctx.attributes().integer("axis", 1)
                             : ctx.has_input(2) ? single(ctx, 2, "the axis")
                                                : -2;
  const int axis = dft_axis(given, x.rank());
  const Fourier fourier(points_of(ctx, ctx.has_input(1) ? single(ctx, 1, "dft_length") : x.dim(axis)), inverse);
  const std::int64_t parts = x.shape().back(), kept = results(fourier.length(), half);
  Shape shape = x.shape();
  shape[axis] = kept;
  shape[x.rank() - 1] = 2;
  AxisSplit split = split_at(x.shape(), axis);
  split.inner /= parts;
  const std::vector<double> in = x.to_double();
  Tensor& y = ctx.output(0, x.dtype(), shape);
  std::vector<double> out(static_cast<std::size_t>(y.elements()));
  std::vector<Complex> line(static_cast<std::size_t>(fourier.length())), result(line.size());
  for (std::int64_t i = 0; i < split.outer * split.inner; ++i) {
    const std::int64_t outer = i / split.inner, inner = i % split.inner;
    std::fill(line.begin(), line.end(), Complex());
    for (std::int64_t n = 0; n < std::min(split.size, fourier.length()); ++n) {
      const auto at = static_cast<std::size_t>(((outer * split.size + n) * split.inner + inner) * parts);
      line[static_cast<std::size_t>(n)] = {in[at], parts == 2 ? in[at + 1] : 0};
    }
    fourier.transform(line.data(), result.data());
    for (std::int64_t k = 0; k < kept; ++k) {
      const auto at = static_cast<std::size_t>(((outer * kept + k) * split.inner + inner) * 2);
      out[at] = result[static_cast<std::size_t>(k)].real();
      out[at + 1] = result[static_cast<std::size_t>(k)].imag();
    }
  }
  write(y, out);
}

void infer_stft(InferContext& ctx) {
  if (!ctx.has_shape(0) || ctx.rank(0) != 3) return ctx.set_output(0, ctx.dtype(0));
  const auto number = [&](int slot) -> std::int64_t {
    const Tensor* given = ctx.constant(slot);
    return given != nullptr && given->elements() == 1 ? given->to_int64()[0] : -1;
  };
  std::int64_t frame = -1;
  if (ctx.has_input(3)) {
    frame = number(3);
  } else if (ctx.has_shape(2) && ctx.rank(2) == 1) {
    frame = ctx.shape(2)[0].value;
  }
  const std::int64_t length = ctx.shape(0)[1].value, step = number(1);
  const bool known = frame > 0 && step > 0 && length >= frame;
  ctx.set_output(0, ctx.dtype(0),
                 {ctx.shape(0)[0], known ? Dim((length - frame) / step + 1) : Dim(),
                  frame > 0 ? Dim(results(frame, onesided(ctx.attributes(), 1))) : Dim(), Dim(2)});
}

void eval_stft(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  require_signal(ctx, x, 3);
  const std::int64_t step = single(ctx, 1, "frame_step");
  if (!ctx.has_input(2) && !ctx.has_input(3))
    throw ctx.error(ErrorKind::bad_input, "STFT needs a window or a frame_length");
  const std::int64_t length = x.dim(1), parts = x.dim(2);
  const std::int64_t frame =
      points_of(ctx, ctx.has_input(3) ? single(ctx, 3, "frame_length") : ctx.input(2).elements());
  if (x.rank() != 3 || step < 1 || frame > length || (ctx.has_input(2) && ctx.input(2).elements() != frame)) {
    throw ctx.error(ErrorKind::bad_input, "STFT: signal, window, frame_length and frame_step do not fit each other");
  }
  const std::vector<double> in = x.to_double();
  const std::vector<double> window =
      ctx.has_input(2) ? ctx.input(2).to_double() : std::vector<double>(static_cast<std::size_t>(frame), 1.0);
  const Fourier fourier(frame, false);
  const std::int64_t frames = (length - frame) / step + 1, kept = results(frame, onesided(ctx.attributes(), 1));
  Tensor& y = ctx.output(0, x.dtype(), {x.dim(0), frames, kept, 2});
  std::vector<double> out(static_cast<std::size_t>(y.elements()));
  ctx.threads().parallel_for(x.dim(0) * frames, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<Complex> line(static_cast<std::size_t>(frame)), result(line.size());
    for (std::int64_t f = begin; f < end; ++f) {
      const std::int64_t first = (f / frames * length + f % frames * step) * parts;
      for (std::size_t n = 0; n < line.size(); ++n) {
        const std::size_t at = static_cast<std::size_t>(first) + n * static_cast<std::size_t>(parts);
        line[n] = Complex(in[at], parts == 2 ? in[at + 1] : 0) * window[n];
      }
      fourier.transform(line.data(), result.data());
      for (std::int64_t k = 0; k < kept; ++k) {
        const auto at = static_cast<std::size_t>((f * kept + k) * 2);
        out[at] = result[static_cast<std::size_t>(k)].real();
        out[at + 1] = result[static_cast<std::size_t>(k)].imag();
      }
    }
  });
  write(y, out);
}

std::vector<Sample> dft_samples(Random& random) {
  std::vector<Sample> out;
  for (const std::int64_t axis : {1, 2}) {
    for (const int parts : {1, 2}) {
      const Tensor x = random_tensor(random, DType::f32, {2, 6, 5, parts});
      const Attributes half = make_attributes({{"axis", axis}, {"onesided", 1}});
      out.push_back({.attributes = half, .inputs = {x, Tensor::scalar<std::int64_t>(9)}});
      out.push_back({.attributes = make_attributes({{"axis", axis}, {"inverse", 1}}), .inputs = {x}});
      out.push_back({.inputs = {x, {}, Tensor::scalar(axis)}, .opset = 20});
    }
  }
  out.push_back(
      {.inputs = {random_tensor(random, DType::f64, {1, 16, 1}), Tensor::scalar<std::int64_t>(8)}, .opset = 20});
  return out;
}

std::vector<Sample> stft_samples(Random& random) {
  const Tensor x = random_tensor(random, DType::f32, {2, 40, 1}), step = Tensor::scalar<std::int64_t>(4);
  const Tensor window = random_tensor(random, DType::f32, {12}, 0, 1);
  return {
      {.inputs = {x, step, window}},
      {.attributes = make_attributes({{"onesided", 0}}), .inputs = {x, step, {}, Tensor::scalar<std::int64_t>(15)}},
      {.inputs = {random_tensor(random, DType::f32, {1, 20, 2}), step, window, Tensor::scalar<std::int64_t>(12)}},
  };
}

}  // namespace

Rows dft() {
  return {
      {
          .name = "DFT",
          .since = 17,
          .inputs = {1, 3},
          .attributes = {"axis", "inverse", "onesided"},
          .infer = infer_dft,
          .eval = eval_dft,
          .samples = dft_samples,
      },
      {
          .name = "STFT",
          .since = 17,
          .inputs = {2, 4},
          .attributes = {"onesided"},
          .infer = infer_stft,
          .eval = eval_stft,
          .samples = stft_samples,
      },
  };
}

}  // namespace octet::ops
