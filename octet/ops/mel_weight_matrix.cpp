// MelWeightMatrix: triangular filters [dft_length / 2 + 1, num_mel_bins] that turn a spectrum into mel bands.
//   Edges: num_mel_bins + 2 points from the lower to below the upper edge, spaced evenly by
//   mel(f) = 2595 log10(1 + f / 700), taken back to hertz and down to bins: floor((dft_length + 1) f / sample_rate).
//   Band i rises from edge i to edge i + 1 and falls to edge i + 2.
// Source: ONNX MelWeightMatrix-17 and its reference.
#include <cmath>

#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

DType type_of(const Attributes& attributes) {
  const auto dtype = static_cast<DType>(attributes.integer("output_datatype", 1));
  if (is_float(dtype) || is_integer(dtype)) return dtype;
  throw Error(ErrorKind::bad_input, "MelWeightMatrix: output_datatype is no number type");
}

void infer(InferContext& ctx) {
  const Tensor *bands = ctx.constant(0), *length = ctx.constant(1);
  SymbolicShape shape(2);
  if (length != nullptr && length->elements() == 1)
    shape[0] = Dim(std::max<std::int64_t>(-1, length->to_int64()[0] / 2 + 1));
  if (bands != nullptr && bands->elements() == 1) shape[1] = Dim(std::max<std::int64_t>(-1, bands->to_int64()[0]));
  ctx.set_output(0, type_of(ctx.attributes()), shape);
}

double number(const EvalContext& ctx, int slot) {
  if (ctx.input(slot).elements() == 1) return ctx.input(slot).to_double()[0];
  throw ctx.error(ErrorKind::bad_input, "MelWeightMatrix takes single numbers")
      .value(to_string(ctx.input(slot).shape()));
}

double mel(double hertz) { return 2595 * std::log10(1 + hertz / 700); }

// The bins in which the bands begin, peak and end.
std::vector<std::int64_t> edges_of(const EvalContext& ctx, std::int64_t bands, std::int64_t length) {
  const double rate = number(ctx, 2), low = mel(number(ctx, 3)), high = mel(number(ctx, 4));
  const double step = (high - low) / static_cast<double>(bands + 2);
  const std::int64_t last = length / 2;
  std::vector<std::int64_t> edges;
  for (std::int64_t i = 0; i < bands + 2; ++i) {
    const double hertz = 700 * (std::pow(10.0, (static_cast<double>(i) * step + low) / 2595) - 1);
    const double bin = std::floor(static_cast<double>(length + 1) * hertz / rate);
    if (!(bin >= 0 && bin <= static_cast<double>(last)) ||
        (!edges.empty() && bin < static_cast<double>(edges.back()))) {
      throw ctx.error(ErrorKind::bad_input, "MelWeightMatrix: the edges do not lie between 0 and half the sample rate");
    }
    edges.push_back(static_cast<std::int64_t>(bin));
  }
  return edges;
}

void eval(EvalContext& ctx) {
  const double bands = number(ctx, 0), length = number(ctx, 1);
  if (!(bands >= 1 && bands <= 1e6) || !(length >= 1 && length <= 1e9)) {
    throw ctx.error(ErrorKind::bad_input, "MelWeightMatrix: num_mel_bins or dft_length is out of range");
  }
  const auto columns = static_cast<std::int64_t>(bands), points = static_cast<std::int64_t>(length);
  const std::vector<std::int64_t> edges = edges_of(ctx, columns, points);
  Tensor& y = ctx.output(0, type_of(ctx.attributes()), {points / 2 + 1, columns});
  dispatch(y.dtype(), [&]<class T>() {
    T* out = y.data<T>();
    std::fill_n(out, y.elements(), T{});
    for (std::int64_t i = 0; i < columns; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const std::int64_t first = edges[at], peak = edges[at + 1], last = edges[at + 2];
      const auto rise = static_cast<double>(peak - first), fall = static_cast<double>(last - peak);
      if (peak == first) out[peak * columns + i] = store<T>(1);
      for (std::int64_t j = first; peak != first && j <= peak; ++j)
        out[j * columns + i] = store<T>(static_cast<double>(j - first) / rise);
      for (std::int64_t j = peak; j < last; ++j) out[j * columns + i] = store<T>(static_cast<double>(last - j) / fall);
    }
  });
}

std::vector<Sample> samples(Random&) {
  const auto inputs = [](std::int64_t bands, std::int64_t length) -> std::vector<Tensor> {
    return {Tensor::scalar(bands), Tensor::scalar(length), Tensor::scalar<std::int64_t>(8192), Tensor::scalar(0.0f),
            Tensor::scalar(4096.0f)};
  };
  return {{.inputs = inputs(8, 16)},
          {.inputs = inputs(40, 512)},
          {.attributes = make_attributes({{"output_datatype", 11}}), .inputs = inputs(4, 64)}};
}

}  // namespace

Rows mel_weight_matrix() {
  return {{
      .name = "MelWeightMatrix",
      .since = 17,
      .inputs = {5, 5},
      .attributes = {"output_datatype"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
