#include "octet/quant/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "octet/base/mapped_file.h"

namespace octet::quant {
namespace {

// Calls f(channel, pointer, count) for each run of one channel's neighbours.
template <class T, class F>
void for_runs(T* values, const Channels& channels, const F& f) {
  for (std::int64_t outer = 0; outer < channels.outer; ++outer) {
    for (std::int64_t c = 0; c < channels.count; ++c) {
      f(static_cast<std::size_t>(c), values, channels.inner);
      values += channels.inner;
    }
  }
}

// Integers of that shape; large ones in a file, where there is a folder for it.
Tensor integers_of(const Shape& shape, const std::string& scratch) {
  constexpr std::int64_t kLarge = std::int64_t{1} << 20;
  if (scratch.empty() || shape.elements() < kLarge) return Tensor(DType::i8, shape);
  const std::shared_ptr<void> memory = scratch_memory(scratch, static_cast<std::size_t>(shape.elements()));
  return Tensor(DType::i8, shape, memory.get(), memory);
}

Tensor as_float(const Tensor& weight) { return weight.dtype() == DType::f32 ? weight : weight.cast(DType::f32); }

}  // namespace

Channels channels_of(const Shape& shape, int axis) {
  if (axis < 0) return {1, 1, shape.elements()};
  return {shape.elements(0, axis), shape[axis], shape.elements(axis + 1, shape.rank())};
}

void require_finite(const Tensor& weight, const std::string& name) {
  if (!is_float(weight.dtype())) {
    throw Error(ErrorKind::unsupported, "a weight that is not of a float type cannot be quantized")
        .tensor(name)
        .value(octet::to_string(weight.dtype()));
  }
  const Tensor values = as_float(weight);
  std::int64_t bad = 0, first = -1;
  const float* data = values.data<float>();
  for (std::int64_t i = 0; i < values.elements(); ++i) {
    if (std::isfinite(data[i])) continue;
    if (bad++ == 0) first = i;
  }
  if (bad == 0) return;
  throw Error(ErrorKind::bad_input, fmt::format("a weight holds {} NaN or infinite value{}", bad, bad == 1 ? "" : "s"))
      .tensor(name)
      .value(fmt::format("{} at index {}", data[first], first))
      .expected("finite weights")
      .hint("the training run that made this file diverged, or the file is damaged");
}

std::vector<float> weight_scales(const Tensor& weight, int axis, const Scheme& scheme, int* zero_channels) {
  const Tensor values = as_float(weight);
  const Channels channels = channels_of(values.shape(), axis);
  std::vector<float> largest(static_cast<std::size_t>(channels.count), 0.0F);
  for_runs(values.data<float>(), channels, [&](std::size_t c, const float* run, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) largest[c] = std::max(largest[c], std::abs(run[i]));
  });
  for (float& x : largest) {
    if (x == 0) ++*zero_channels;
    x = x == 0 ? 1.0F : choose_affine({-x, x}, scheme).scale;
  }
  return largest;
}

Tensor quantize_weight(const Tensor& weight, int axis, std::span<const float> scales, const Scheme& scheme,
                       std::span<const std::int32_t> zero_points, const std::string& scratch) {
  const Tensor values = as_float(weight);
  Tensor out = integers_of(values.shape(), scratch);
  std::int8_t* to = out.data<std::int8_t>();
  for_runs(values.data<float>(), channels_of(values.shape(), axis),
           [&](std::size_t c, const float* run, std::int64_t count) {
             const Affine affine{scales[c], zero_points.empty() ? 0 : zero_points[c]};
             for (std::int64_t i = 0; i < count; ++i)
               *to++ = static_cast<std::int8_t>(quantize_one(run[i], affine, scheme));
           });
  return out;
}

Tensor dequantize_weight(const Tensor& quantized, int axis, std::span<const float> scales) {
  Tensor out(DType::f32, quantized.shape());
  const std::int8_t* from = quantized.data<std::int8_t>();
  for_runs(out.data<float>(), channels_of(quantized.shape(), axis), [&](std::size_t c, float* run, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) run[i] = static_cast<float>(*from++) * scales[c];
  });
  return out;
}

const WeightWriter::Stored& WeightWriter::stored(ValueId weight, int axis, std::span<const float> least,
                                                 std::span<const Affine> given) {
  const std::string name = graph_.value(weight).name;
  const Tensor tensor = *graph_.initializer(weight);
  require_finite(tensor, name);
  int zero_channels = 0, enlarged = 0;
  std::vector<float> scales;
  std::vector<std::int32_t> zero_points(given.size(), 0);
  if (given.empty()) scales = weight_scales(tensor, axis, scheme_, &zero_channels);
  for (std::size_t c = 0; c < given.size(); ++c) {
    scales.push_back(given[c].scale);
    zero_points[c] = given[c].zero_point;
  }
  for (std::size_t c = 0; c < scales.size() && c < least.size(); ++c) {
    if (scales[c] >= least[c]) continue;
    scales[c] = least[c];
    ++enlarged;
  }
  const auto key = std::make_tuple(tensor.identity(), axis, scales, zero_points);
  auto it = stored_.find(key);
  if (it == stored_.end()) {
    if (zero_channels > 0) {
      warnings_.push_back(fmt::format("'{}': {} of {} channels are all zero; they stay exact zeros at scale 1",
                                      printable(name), zero_channels, scales.size()));
    }
    if (enlarged > 0) {
      warnings_.push_back(
          fmt::format("'{}': the scale of {} of {} channels was enlarged so that sums and bias fit 32 bits",
                      printable(name), enlarged, scales.size()));
    }
    it = stored_.emplace(key, store(weight, axis, std::move(scales), zero_points)).first;
  }
  return it->second;
}

WeightWriter::Written WeightWriter::write(ValueId weight, int axis, std::span<const float> least,
                                          std::span<const Affine> given) {
  const Stored& stored = this->stored(weight, axis, least, given);
  const Shape shape = graph_.initializer(weight)->shape();
  Attributes attributes;
  if (axis >= 0) attributes.set("axis", std::int64_t{axis});
  const ValueId out = graph_.add_node("DequantizeLinear", {stored.values, stored.scale, stored.zero_point}, attributes,
                                      graph_.fresh_name(graph_.value(weight).name + "_dequantized"));
  graph_.value(out).type = {DType::f32, symbolic(shape)};
  return {out, stored.scales};
}

WeightWriter::Stored WeightWriter::store(ValueId weight, int axis, std::vector<float> scales,
                                         const std::vector<std::int32_t>& zero_points) {
  const std::string name = graph_.value(weight).name;
  const auto count = static_cast<std::int64_t>(scales.size());
  const Shape shape = axis < 0 ? Shape{} : Shape{count};
  Stored out;
  const Tensor from = *graph_.initializer(weight);
  std::optional<Tensor> integers = rounder_ && zero_points.empty() ? rounder_(weight, scales) : std::nullopt;
  if (!integers) integers = quantize_weight(from, axis, scales, scheme_, zero_points, scratch_);
  release_pages(from.raw(), from.bytes());  // neither is read again soon, and there may be gigabytes of them
  release_pages(integers->raw(), integers->bytes());
  out.values = graph_.add_initializer(graph_.fresh_name(name + "_int8"), std::move(*integers));
  out.scale = graph_.add_initializer(graph_.fresh_name(name + "_scale"), Tensor::from<float>(shape, scales));
  Tensor zeros = Tensor::zeros(DType::i8, shape);
  for (std::size_t c = 0; c < zero_points.size(); ++c) {
    zeros.data<std::int8_t>()[c] = static_cast<std::int8_t>(zero_points[c]);
  }
  out.zero_point = graph_.add_initializer(graph_.fresh_name(name + "_zero_point"), std::move(zeros));
  out.scales = std::move(scales);
  return out;
}

Tensor transposed(const Tensor& matrix) {
  Tensor out(DType::i8, {matrix.dim(1), matrix.dim(0)});
  for (std::int64_t r = 0; r < matrix.dim(0); ++r) {
    for (std::int64_t c = 0; c < matrix.dim(1); ++c) {
      out.data<std::int8_t>()[c * matrix.dim(0) + r] = matrix.data<std::int8_t>()[r * matrix.dim(1) + c];
    }
  }
  return out;
}

}  // namespace octet::quant

namespace octet {

QuantizedWeight quantized_weight(const Graph& model, const std::string& name) {
  const auto constant = [&](const char* suffix) {
    const ValueId id = model.find(name + suffix);
    return id == kNoValue ? nullptr : model.initializer(id);
  };
  const Tensor *values = constant("_int8"), *transposed = constant("_transposed"), *scales = constant("_scale");
  if (scales == nullptr) scales = constant("_factor");
  if ((values == nullptr && transposed == nullptr) || scales == nullptr)
    throw Error(ErrorKind::usage, "the network has no int8 weight of that name").tensor(name);
  QuantizedWeight out{values != nullptr ? *values : quant::transposed(*transposed), {}};
  for (const double scale : scales->to_double()) out.scales.push_back(static_cast<float>(scale));
  return out;
}

}  // namespace octet
