// QuantizeLinear:   y = saturate(round_half_even(x / scale) + zero_point)
// DequantizeLinear: y = (x - zero_point) * scale
//   scale, zero_point  one element; or one a channel of `axis` (from opset 13); or one a block of block_size
//                      elements along `axis` (from opset 21: [..., ceil(D / block_size), ...])
// Quantized types: u8, i8, u16, i16, u4 and i4 (from opset 21), and i32 for DequantizeLinear. Arithmetic in float32.
// A NaN cannot be quantized and is refused; infinities saturate.
// Source: ONNX QuantizeLinear-21, DequantizeLinear-21.
#include <cmath>
#include <limits>

#include "octet/base/checked.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"
#include "octet/ops/quant_checks.h"
#include "octet/ops/wide.h"
#include "octet/tensor/four_bits.h"

namespace octet::ops {
namespace {

// How an element finds its scale: x is [outer, channels, inner], scales are [outer?, groups, inner?].
struct ScaleMap {
  std::int64_t outer = 1, channels = 1, inner = 1;
  std::int64_t block = 0;  ///< elements of the axis that share a scale; 0: per tensor or per channel
  std::int64_t groups = 1;
  bool per_tensor = true;

  std::int64_t row(std::int64_t o, std::int64_t c) const {
    if (per_tensor) return 0;
    return block == 0 ? c : (o * groups + c / block) * inner;
  }
  bool steps_inside() const { return block != 0; }
};

ScaleMap map_blocks(const SymbolicShape& x, const Shape& scale, int axis, std::int64_t block) {
  bool good = scale.rank() == static_cast<int>(x.size());
  for (int i = 0; good && i < scale.rank(); ++i) {
    const std::int64_t d = x[static_cast<std::size_t>(i)].value;
    good = d < 0 || scale[i] == (i == axis ? (d == 0 ? 0 : (d - 1) / block + 1) : d);
  }
  if (!good) {
    throw Error(ErrorKind::bad_input, "the scale's shape does not match the blocks")
        .tensor("scale")
        .value(to_string(scale))
        .expected("one for each " + std::to_string(block) + " elements of dimension " + std::to_string(axis) + " of " +
                  to_string(x));
  }
  ScaleMap map;
  map.per_tensor = false;
  map.block = block;
  map.groups = scale[axis];
  return map;
}

ScaleMap map_scale(const Attributes& attributes, const SymbolicShape& x, const Shape& scale) {
  const std::int64_t block = attributes.integer("block_size", 0);
  if (block < 0) throw Error(ErrorKind::bad_input, "block_size is negative").value(std::to_string(block));
  const int rank = static_cast<int>(x.size());
  ScaleMap map;
  if (block == 0 && scale.elements() == 1) {
    for (const Dim& d : x) map.inner = checked_mul(map.inner, std::max<std::int64_t>(0, d.value));
    return map;
  }
  if (rank == 0) throw Error(ErrorKind::bad_input, "a scalar has no channels").tensor("scale").value(to_string(scale));
  const int axis = normalize_axis(attributes.integer("axis", 1), rank);
  if (block > 0) {
    map = map_blocks(x, scale, axis, block);
  } else {
    if (scale.rank() != 1) {
      throw Error(ErrorKind::bad_input, "a per-channel scale is not one-dimensional")
          .tensor("scale")
          .value(to_string(scale));
    }
    check_channels(x, scale[0], axis, "scale");
    map.per_tensor = false;
  }
  for (int i = 0; i < rank; ++i) {
    const std::int64_t d = std::max<std::int64_t>(0, x[static_cast<std::size_t>(i)].value);
    std::int64_t& count = i < axis ? map.outer : i == axis ? map.channels : map.inner;
    count = checked_mul(count, d);
  }
  return map;
}

/// Calls body(begin, end, scale row, step) for runs of elements that share a row of scales: element i of the run has
/// scale[row + i * step].
template <class Body>
void for_each_run(ThreadPool& threads, const ScaleMap& map, const Body& body) {
  if (map.per_tensor) {
    return threads.parallel_for(map.inner, 16384,
                                [&](std::int64_t begin, std::int64_t end) { body(begin, end, 0, 0); });
  }
  const std::int64_t grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, map.inner));
  threads.parallel_for(map.outer * map.channels, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      body(r * map.inner, (r + 1) * map.inner, map.row(r / map.channels, r % map.channels), map.steps_inside() ? 1 : 0);
    }
  });
}

// ---- QuantizeLinear ----

DType quantized_type(const Attributes& attributes, DType zero_point) {
  const std::int64_t wanted = attributes.integer("output_dtype", 0);
  if (zero_point != DType::undefined) {
    if (wanted != 0 && wanted != static_cast<std::int64_t>(zero_point)) {
      throw Error(ErrorKind::bad_input, "output_dtype contradicts the zero point")
          .value(std::to_string(wanted))
          .expected(to_string(zero_point));
    }
    return zero_point;
  }
  return wanted == 0 ? DType::u8 : static_cast<DType>(wanted);
}

void check_output_type(DType dtype) {
  if (is_quantized_type(dtype) && dtype != DType::i32) return;
  throw Error(ErrorKind::unsupported, "quantizing to this type is not supported")
      .value(to_string(dtype))
      .expected("uint8, int8, uint16, int16, uint4 or int4");
}

void infer_quantize(InferContext& ctx) {
  const DType dtype = quantized_type(ctx.attributes(), ctx.has_input(2) ? ctx.dtype(2) : DType::undefined);
  if (ctx.has_input(2) && dtype == DType::undefined) return ctx.set_output(0, dtype);
  check_output_type(dtype);
  if (const Tensor* scale = ctx.constant(1)) {
    check_scale(*scale, "y_scale");
    if (const Tensor* zero_point = ctx.constant(2)) check_zero_point(*zero_point, *scale, dtype, "y_zero_point");
    if (ctx.has_shape(0)) map_scale(ctx.attributes(), ctx.shape(0), scale->shape());
  }
  if (!ctx.has_shape(0)) return ctx.set_output(0, dtype);
  ctx.set_output(0, dtype, ctx.shape(0));
}

// The type whose numbers are computed: those of four bits one a byte.
DType byte_type(DType dtype) { return dtype == DType::u4 ? DType::u8 : dtype == DType::i4 ? DType::i8 : dtype; }

struct Limits {
  float low, high;
};

template <class Q>
Limits limits_of(DType dtype) {
  if (is_four_bits(dtype)) return std::is_signed_v<Q> ? Limits{-8, 7} : Limits{0, 15};
  return {std::numeric_limits<Q>::min(), std::numeric_limits<Q>::max()};
}

template <class Q>
Q quantize_one(float x, float scale, float zero_point, const Limits& limits) {
  const float q = std::nearbyint(x / scale) + zero_point;
  return static_cast<Q>(q < limits.low ? limits.low : q > limits.high ? limits.high : q);
}

void eval_quantize(EvalContext& ctx) {
  const bool has_zero = ctx.has_input(2);
  const DType dtype = quantized_type(ctx.attributes(), has_zero ? ctx.input(2).dtype() : DType::undefined);
  check_output_type(dtype);
  check_scale(ctx.input(1), "y_scale");
  if (has_zero) check_zero_point(ctx.input(2), ctx.input(1), dtype, "y_zero_point");
  if (ctx.input(0).dtype() == DType::boolean) throw ctx.error(ErrorKind::bad_input, "booleans cannot be quantized");
  const Tensor x = ctx.input(0).cast(DType::f32), scale = ctx.input(1).cast(DType::f32);
  const Tensor zero = has_zero ? ctx.input(2).cast(DType::f32) : Tensor::zeros(DType::f32, scale.shape());
  const ScaleMap map = map_scale(ctx.attributes(), symbolic(x.shape()), scale.shape());
  Tensor bytes = is_four_bits(dtype) ? Tensor(byte_type(dtype), x.shape()) : ctx.output(0, dtype, x.shape());
  dispatch(bytes.dtype(), [&]<class Q>() {
    if constexpr (std::is_integral_v<Q> && sizeof(Q) <= 2 && !std::is_same_v<Q, bool>) {
      const Limits limits = limits_of<Q>(dtype);
      const float *from = x.data<float>(), *s = scale.data<float>(), *z = zero.data<float>();
      Q* to = bytes.data<Q>();
      for_each_run(ctx.threads(), map, [&](std::int64_t begin, std::int64_t end, std::int64_t row, std::int64_t step) {
        for (std::int64_t i = begin, j = row; i < end; ++i, j += step) {
          if (from[i] != from[i]) {
            throw ctx.error(ErrorKind::bad_input, "a NaN cannot be quantized").value("element " + std::to_string(i));
          }
          to[i] = quantize_one<Q>(from[i], s[j], z[j], limits);
        }
      });
    }
  });
  if (is_four_bits(dtype)) ctx.set_output(0, pack_four_bits(bytes));
}

// ---- DequantizeLinear ----

DType dequantized_type(const Attributes& attributes, DType scale) {
  const std::int64_t wanted = attributes.integer("output_dtype", 0);
  const DType dtype = wanted == 0 ? scale : static_cast<DType>(wanted);
  if (dtype == DType::undefined || is_float(dtype)) return dtype;
  throw Error(ErrorKind::bad_input, "dequantizing gives floating-point tensors").value(to_string(dtype));
}

void check_input_type(DType dtype) {
  if (is_quantized_type(dtype)) return;
  throw Error(ErrorKind::unsupported, "dequantizing this type is not supported")
      .value(to_string(dtype))
      .expected("uint8, int8, uint16, int16, int32, uint4 or int4");
}

void infer_dequantize(InferContext& ctx) {
  const DType dtype = dequantized_type(ctx.attributes(), ctx.dtype(1));
  if (ctx.dtype(0) != DType::undefined) check_input_type(ctx.dtype(0));
  if (const Tensor* scale = ctx.constant(1)) {
    check_scale(*scale, "x_scale");
    if (const Tensor* zero_point = ctx.constant(2)) check_zero_point(*zero_point, *scale, ctx.dtype(0), "x_zero_point");
    if (ctx.has_shape(0)) map_scale(ctx.attributes(), ctx.shape(0), scale->shape());
  }
  if (!ctx.has_shape(0)) return ctx.set_output(0, dtype);
  ctx.set_output(0, dtype, ctx.shape(0));
}

void eval_dequantize(EvalContext& ctx) {
  check_input_type(ctx.input(0).dtype());
  check_scale(ctx.input(1), "x_scale");
  if (ctx.has_input(2)) check_zero_point(ctx.input(2), ctx.input(1), ctx.input(0).dtype(), "x_zero_point");
  const Tensor x = is_four_bits(ctx.input(0).dtype()) ? unpack_four_bits(ctx.input(0)) : ctx.input(0);
  const Tensor scale = ctx.input(1).cast(DType::f32);
  const Tensor zero = ctx.has_input(2) ? ctx.input(2).cast(DType::i32) : Tensor::zeros(DType::i32, scale.shape());
  const ScaleMap map = map_scale(ctx.attributes(), symbolic(x.shape()), scale.shape());
  const DType dtype = dequantized_type(ctx.attributes(), ctx.input(1).dtype());
  fill_output(ctx, 0, dtype == DType::f64 ? DType::f32 : dtype, x.shape(), [&](Tensor& y) {
    dispatch(x.dtype(), [&]<class Q>() {
      if constexpr (std::is_integral_v<Q> && sizeof(Q) <= 4) {
        const Q* from = x.data<Q>();
        const float* s = scale.data<float>();
        const std::int32_t* z = zero.data<std::int32_t>();
        float* to = y.data<float>();
        for_each_run(ctx.threads(), map,
                     [&](std::int64_t begin, std::int64_t end, std::int64_t row, std::int64_t step) {
                       for (std::int64_t i = begin, j = row; i < end; ++i, j += step) {
                         to[i] = static_cast<float>(static_cast<std::int32_t>(from[i]) - z[j]) * s[j];
                       }
                     });
      }
    });
  });
}

// ---- samples ----

Tensor scales(Random& random, const Shape& shape, DType dtype = DType::f32) {
  return random_tensor(random, dtype, shape, 0.01f, 0.1f);
}

std::vector<Sample> quantize_samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](Attributes attributes, const Shape& x, const Shape& scale, DType dtype, int opset,
                       DType real = DType::f32) {
    Sample s{std::move(attributes), {random_tensor(random, real, x, -4, 4), scales(random, scale, real)}, opset};
    if (dtype != DType::undefined) s.inputs.push_back(random_tensor(random, dtype, scale, -20, 20));
    out.push_back(std::move(s));
  };
  for (const DType dtype : {DType::u8, DType::i8, DType::undefined}) add({}, {3, 7}, {}, dtype, 10);
  for (const DType dtype : {DType::u8, DType::i8}) add({}, {2, 3, 4, 4}, {3}, dtype, 13);
  add(attributes_of({{"axis", std::int64_t{-1}}}), {2, 3, 5}, {5}, DType::i8, 19);
  add(attributes_of({{"axis", std::int64_t{0}}}), {4, 3}, {4}, DType::undefined, 13);
  for (const DType dtype : {DType::u16, DType::i16}) add({}, {3, 7}, {}, dtype, 21);
  add(attributes_of({{"axis", std::int64_t{0}}, {"block_size", std::int64_t{2}}}), {5, 3}, {3, 3}, DType::u8, 21);
  add(attributes_of({{"axis", std::int64_t{1}}, {"block_size", std::int64_t{3}}}), {2, 6, 4}, {2, 2, 4}, DType::i8, 21);
  add(attributes_of({{"output_dtype", static_cast<std::int64_t>(DType::i16)}}), {3, 7}, {}, DType::undefined, 21);
  for (const DType dtype : {DType::u4, DType::i4}) add({}, {3, 7}, {}, dtype, 21);
  add(attributes_of({{"axis", std::int64_t{1}}, {"block_size", std::int64_t{4}}}), {3, 7}, {3, 2}, DType::u4, 21);
  add({}, {3, 7}, {}, DType::u8, 19, DType::f16);
  add({}, {0, 7}, {}, DType::u8, 13);
  add({}, {}, {}, DType::u8, 13);
  return out;
}

std::vector<Sample> dequantize_samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](Attributes attributes, const Shape& x, const Shape& scale, DType dtype, bool zero, int opset,
                       DType real = DType::f32) {
    Sample s{std::move(attributes), {random_tensor(random, dtype, x, -100, 100), scales(random, scale, real)}, opset};
    if (zero) s.inputs.push_back(random_tensor(random, dtype, scale, -20, 20));
    out.push_back(std::move(s));
  };
  for (const DType dtype : {DType::u8, DType::i8}) add({}, {3, 7}, {}, dtype, true, 10);
  add({}, {3, 7}, {}, DType::u8, false, 10);
  add({}, {6}, {6}, DType::i32, false, 13);
  out.back().attributes.set("axis", std::int64_t{0});
  add({}, {2, 3, 4, 4}, {3}, DType::i8, true, 13);
  add(attributes_of({{"axis", std::int64_t{0}}}), {4, 3, 3, 3}, {4}, DType::i8, true, 19);
  for (const DType dtype : {DType::u16, DType::i16}) add({}, {3, 7}, {}, dtype, true, 21);
  add(attributes_of({{"axis", std::int64_t{0}}, {"block_size", std::int64_t{2}}}), {5, 3}, {3, 3}, DType::u8, true, 21);
  for (const DType dtype : {DType::u4, DType::i4}) add({}, {3, 7}, {}, dtype, true, 21);
  add(attributes_of({{"axis", std::int64_t{0}}, {"block_size", std::int64_t{2}}}), {5, 3}, {3, 3}, DType::i4, true, 21);
  add({}, {3, 7}, {}, DType::i8, true, 19, DType::f16);
  add({}, {0, 7}, {}, DType::u8, true, 13);
  return out;
}

}  // namespace

Rows quantize_linear() {
  const std::vector<std::string> names = {"axis", "block_size", "output_dtype", "precision", "saturate"};
  return {
      {.name = "QuantizeLinear",
       .since = 10,
       .inputs = {2, 3},
       .attributes = names,
       .infer = infer_quantize,
       .eval = eval_quantize,
       .four_bits = true,
       .samples = quantize_samples},
      {.name = "DequantizeLinear",
       .since = 10,
       .inputs = {2, 3},
       .attributes = {"axis", "block_size", "output_dtype"},
       .infer = infer_dequantize,
       .eval = eval_dequantize,
       .four_bits = true,
       .foldable = false,  // a stored weight must stay int8
       .samples = dequantize_samples},
  };
}

}  // namespace octet::ops
