// Weights stored in eight bits, and values stored in half precision, on their way into float32 arithmetic.
//   Decompress: y = float16(q * scale[g]); q int8; `block` 0: a scale for each index of dimension 0, else one for each
//               `block` elements in row-major order (the last may hold fewer); scale f32 [groups].
//   Widen:      y = float32(x), x float16.
// `use` numbers uses of one value: nodes that would be duplicates stay apart, so that each result lives only around the
// node that reads it.
#include "octet/ops/fake_quant_channels.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"
#include "octet/ops/samples.h"

namespace octet::ops {
namespace {

void infer_as(InferContext& ctx, DType dtype) {
  if (ctx.has_shape(0)) return ctx.set_output(0, dtype, ctx.shape(0));
  ctx.set_output(0, dtype);
}

// Elements that share a scale.
std::int64_t group_size(const EvalContext& ctx, const Tensor& q) {
  const std::int64_t block = ctx.attributes().integer("block", 0);
  if (block < 0) throw ctx.error(ErrorKind::bad_input, "block is negative").value(std::to_string(block));
  if (block > 0) return block;
  return q.rank() == 0 || q.dim(0) == 0 ? std::max<std::int64_t>(1, q.elements())
                                        : std::max<std::int64_t>(1, q.elements() / q.dim(0));
}

void eval_decompress(EvalContext& ctx) {
  const Tensor &q = ctx.input(0), &scale = ctx.input(1);
  if (q.dtype() != DType::i8)
    throw ctx.error(ErrorKind::bad_input, "stored weights are int8").value(to_string(q.dtype()));
  check_quant_input(ctx, 1);
  const std::int64_t group = group_size(ctx, q), groups = (q.elements() + group - 1) / group;
  if (scale.elements() != groups) {
    throw ctx.error(ErrorKind::bad_input, "stored weights have another number of scales than groups")
        .value(std::to_string(scale.elements()))
        .expected(std::to_string(groups));
  }
  Tensor& y = ctx.output(0, DType::f16, q.shape());
  const std::int8_t* from = q.data<std::int8_t>();
  const float* factor = scale.data<float>();
  float16* to = y.data<float16>();
  ctx.threads().parallel_for(q.elements(), 16384, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) to[i] = float16(static_cast<float>(from[i]) * factor[i / group]);
  });
}

void eval_widen(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  if (x.dtype() != DType::f16) throw ctx.error(ErrorKind::bad_input, "Widen takes float16").value(to_string(x.dtype()));
  Tensor& y = ctx.output(0, DType::f32, x.shape());
  const float16* from = x.data<float16>();
  float* to = y.data<float>();
  ctx.threads().parallel_for(x.elements(), 16384, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) to[i] = static_cast<float>(from[i]);
  });
}

std::vector<Sample> decompress_samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](const Shape& shape, std::int64_t block, std::int64_t groups) {
    Sample sample;
    if (block > 0) sample.attributes.set("block", block);
    sample.inputs = {random_tensor(random, DType::i8, shape, -127, 127),
                     random_tensor(random, DType::f32, {groups}, 0.001f, 0.1f)};
    out.push_back(std::move(sample));
  };
  add({4, 3, 3, 3}, 0, 4);
  add({5, 7}, 0, 5);
  add({5, 30}, 64, 3);
  add({128}, 128, 1);
  add({0, 3}, 0, 0);
  add({200, 200}, 64, 625);
  return out;
}

std::vector<Sample> widen_samples(Random& random) {
  std::vector<Sample> out;
  for (const Shape& shape : {Shape{3, 5}, Shape{}, Shape{0, 2}, Shape{40000}}) {
    out.push_back({.inputs = {random_tensor(random, DType::f16, shape)}});
  }
  return out;
}

}  // namespace

Rows decompress() {
  return {
      {.name = "Decompress",
       .domain = "octet",
       .since = 0,
       .inputs = {2, 2},
       .attributes = {"block", "use"},
       .infer = [](InferContext& ctx) { infer_as(ctx, DType::f16); },
       .eval = eval_decompress,
       .zero_gradient = true,
       .foldable = false,  // stored weights must stay int8
       .samples = decompress_samples},
      {.name = "Widen",
       .domain = "octet",
       .since = 0,
       .attributes = {"use"},
       .infer = [](InferContext& ctx) { infer_as(ctx, DType::f32); },
       .eval = eval_widen,
       .gradient = [](GradientContext& ctx) { ctx.set(0, ctx.cast_to(ctx.output_gradient(), DType::f16)); },
       .samples = widen_samples},
  };
}

}  // namespace octet::ops
