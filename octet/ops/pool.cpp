#include "octet/ops/pool.h"

#include "octet/ops/elementwise.h"
#include "octet/ops/wide.h"

namespace octet::ops {

Window pool_window(const Attributes& attributes, const SymbolicShape& x) {
  check_spatial_rank(x);
  const Window w = sliding_window(attributes, x);
  for (std::size_t i = 0; i < static_cast<std::size_t>(w.rank); ++i) {
    if (w.output[i] < 0) continue;
    const std::int64_t reach = w.reach(static_cast<int>(i));
    if (w.pad_begin[i] < reach && w.pad_end[i] < reach) continue;
    throw Error(ErrorKind::bad_input, "pads are not smaller than the pool's kernel: some windows hold padding only")
        .value(std::to_string(w.pad_begin[i]) + " and " + std::to_string(w.pad_end[i]))
        .expected("less than " + std::to_string(reach));
  }
  return w;
}

SymbolicShape pooled_shape(const Window& window, const SymbolicShape& x) {
  SymbolicShape out = {x[0], x[1]};
  append_output(window, x, out);
  return out;
}

void infer_pool(InferContext& ctx) {
  const bool indices = ctx.output_count() > 1;
  if (!ctx.has_shape(0)) {
    ctx.set_output(0, ctx.dtype(0));
    if (indices) ctx.set_output(1, DType::i64);
    return;
  }
  const SymbolicShape out = pooled_shape(pool_window(ctx.attributes(), ctx.shape(0)), ctx.shape(0));
  ctx.set_output(0, ctx.dtype(0), out);
  if (indices) ctx.set_output(1, DType::i64, out);
}

std::vector<Sample> pool_samples(Random& random, bool dilations) {
  std::vector<Sample> out;
  const auto add = [&](Attributes attributes, const Shape& x, DType dtype = DType::f32) {
    out.push_back({std::move(attributes), {random_tensor(random, dtype, x)}, dilations ? 19 : 17});
  };
  const AttributeValue kernel = Ints{3, 2};
  const std::int64_t yes = 1;
  add(attributes_of({{"kernel_shape", kernel}}), {2, 3, 7, 8});
  add(attributes_of({{"kernel_shape", kernel}, {"strides", Ints{2, 3}}}), {1, 2, 7, 8});
  add(attributes_of({{"kernel_shape", kernel}, {"pads", Ints{1, 0, 2, 1}}, {"strides", Ints{2, 2}}}), {1, 2, 7, 8});
  add(attributes_of({{"kernel_shape", kernel}, {"strides", Ints{2, 3}}, {"ceil_mode", yes}}), {1, 2, 8, 9});
  add(attributes_of(
          {{"kernel_shape", kernel}, {"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{3, 3}}, {"ceil_mode", yes}}),
      {1, 2, 9, 9});
  if (dilations) {
    add(attributes_of({{"kernel_shape", kernel}, {"dilations", Ints{2, 3}}, {"pads", Ints{1, 0, 1, 1}}}), {1, 2, 9, 9});
    add(attributes_of(
            {{"kernel_shape", kernel}, {"dilations", Ints{2, 2}}, {"strides", Ints{2, 3}}, {"ceil_mode", yes}}),
        {1, 2, 9, 10});
  }
  for (const char* pad : {"SAME_UPPER", "SAME_LOWER", "VALID"}) {
    add(attributes_of({{"kernel_shape", kernel}, {"auto_pad", std::string(pad)}, {"strides", Ints{2, 2}}}),
        {1, 2, 6, 7});
  }
  add(attributes_of({{"kernel_shape", Ints{4}}, {"strides", Ints{3}}}), {2, 3, 17});
  add(attributes_of({{"kernel_shape", Ints{2, 3, 2}}, {"pads", Ints{0, 1, 1, 1, 1, 0}}}), {1, 2, 4, 5, 6});
  add(attributes_of({{"kernel_shape", kernel}}), {0, 3, 7, 8});
  add(attributes_of({{"kernel_shape", kernel}}), {1, 2, 5, 5}, DType::f64);
  add(attributes_of({{"kernel_shape", kernel}}), {1, 2, 5, 5}, DType::f16);
  return out;
}

}  // namespace octet::ops
