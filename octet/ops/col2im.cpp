// Col2Im: sliding blocks laid back into an image, overlapping elements summed; the reverse of im2col.
//   x: N x (C * prod(block)) x L; y: N x C x image...  Source: ONNX Col2Im-18.
#include <algorithm>

#include "octet/base/checked.h"
#include "octet/ops/from_real.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

struct Geometry {
  Shape image, block, count;  // count: blocks along each axis
  std::vector<std::int64_t> dilations, pads, strides;
};

std::vector<std::int64_t> list(const Attributes& attributes, const char* name, std::size_t length,
                               std::int64_t fallback, std::int64_t least) {
  const std::vector<std::int64_t> values = attributes.integers(name, std::vector<std::int64_t>(length, fallback));
  const bool small = std::any_of(values.begin(), values.end(), [&](std::int64_t v) { return v < least; });
  if (values.size() != length || small) {
    throw Error(ErrorKind::bad_input, std::string("Col2Im: '") + name + "' is malformed")
        .expected(std::to_string(length) + " numbers of at least " + std::to_string(least));
  }
  return values;
}

Geometry geometry_of(const EvalContext& ctx) {
  Geometry g;
  g.image = shape_from(ctx, ctx.input(1));
  g.block = shape_from(ctx, ctx.input(2));
  const auto rank = static_cast<std::size_t>(g.image.rank());
  if (g.block.rank() != g.image.rank() || rank == 0 || g.block.elements() == 0) {
    throw ctx.error(ErrorKind::bad_input, "image and block do not fit together")
        .value(to_string(g.image) + " and " + to_string(g.block));
  }
  g.dilations = list(ctx.attributes(), "dilations", rank, 1, 1);
  g.pads = list(ctx.attributes(), "pads", 2 * rank, 0, 0);
  g.strides = list(ctx.attributes(), "strides", rank, 1, 1);
  for (std::size_t i = 0; i < rank; ++i) {
    const auto axis = static_cast<int>(i);
    const std::int64_t padded = checked_add(g.image[axis], checked_add(g.pads[i], g.pads[i + rank]));
    const std::int64_t span = checked_add(checked_mul(g.dilations[i], g.block[axis] - 1), 1);
    g.count.push_back(padded < span ? 0 : (padded - span) / g.strides[i] + 1);
  }
  return g;
}

void check(const EvalContext& ctx, const Geometry& g) {
  const Tensor& x = ctx.input(0);
  if (x.rank() == 3 && x.dim(1) % g.block.elements() == 0 && x.dim(2) == g.count.elements()) return;
  throw ctx.error(ErrorKind::bad_input, "the columns do not fit the image")
      .value(to_string(x.shape()))
      .expected("N x a multiple of " + std::to_string(g.block.elements()) + " x " + std::to_string(g.count.elements()));
}

void infer(InferContext& ctx) {
  const auto image = ctx.elements(1), block = ctx.elements(2);
  if (!image) return ctx.set_output(0, ctx.dtype(0));
  SymbolicShape shape{Dim(), Dim()};
  if (ctx.has_shape(0) && ctx.rank(0) == 3) {
    shape[0] = ctx.shape(0)[0];
    const Dim size = block ? product(*block, 0, block->size()) : Dim();
    if (size.known() && size.value > 0 && ctx.shape(0)[1].known()) shape[1] = Dim(ctx.shape(0)[1].value / size.value);
  }
  const SymbolicShape dims = dims_from(ctx, 1);
  shape.insert(shape.end(), dims.begin(), dims.end());
  ctx.set_output(0, ctx.dtype(0), shape);
}

// Adds every element of one channel's columns (block x count) to the image.
template <class T, class A>
void lay_back(const Geometry& g, const T* columns, A* image) {
  const std::int64_t blocks = g.count.elements(), items = g.block.elements();
  const int rank = g.image.rank();
  for (std::int64_t item = 0; item < items; ++item) {
    for (std::int64_t block = 0; block < blocks; ++block) {
      std::int64_t item_rest = item, block_rest = block, offset = 0, stride = 1;
      bool inside = true;
      for (int i = rank - 1; i >= 0; --i) {
        const auto axis = static_cast<std::size_t>(i);
        const std::int64_t at =
            block_rest % g.count[i] * g.strides[axis] + item_rest % g.block[i] * g.dilations[axis] - g.pads[axis];
        block_rest /= g.count[i];
        item_rest /= g.block[i];
        inside = inside && at >= 0 && at < g.image[i];
        offset += at * stride;
        stride *= g.image[i];
        if (!inside) break;
      }
      if (inside) image[offset] += static_cast<A>(columns[item * blocks + block]);
    }
  }
}

void eval(EvalContext& ctx) {
  const Geometry g = geometry_of(ctx);
  check(ctx, g);
  const Tensor& x = ctx.input(0);
  const std::int64_t items = g.block.elements(), channels = x.dim(1) / items, size = g.image.elements();
  Shape shape{x.dim(0), channels};
  for (const std::int64_t dim : g.image) shape.push_back(dim);
  Tensor& y = ctx.output(0, x.dtype(), shape);
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (std::is_same_v<T, bool>) {
      throw ctx.error(ErrorKind::unsupported, "Col2Im of booleans is not supported");
    } else {
      using A = RealOf<T>;
      const std::int64_t columns = items * x.dim(2);
      ctx.threads().parallel_for(x.dim(0) * channels, 1, [&](std::int64_t begin, std::int64_t end) {
        std::vector<A> image(static_cast<std::size_t>(size));
        for (std::int64_t i = begin; i < end; ++i) {
          std::fill(image.begin(), image.end(), A{0});
          lay_back(g, x.data<T>() + i * columns, image.data());
          std::transform(image.begin(), image.end(), y.data<T>() + i * size, [](A v) { return from_real<T>(v); });
        }
      });
    }
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  out.push_back({.attributes = {},
                 .inputs = {random_tensor(random, DType::f32, {1, 5, 5}), int64_tensor({5, 5}), int64_tensor({1, 5})},
                 .opset = 18});
  Sample strided{.attributes = {},
                 .inputs = {random_tensor(random, DType::f32, {2, 8, 9}), int64_tensor({5, 5}), int64_tensor({2, 2})},
                 .opset = 18};
  strided.attributes.set("strides", std::vector<std::int64_t>{2, 2});
  strided.attributes.set("pads", std::vector<std::int64_t>{1, 0, 0, 1});
  out.push_back(strided);
  Sample dilated{.attributes = {},
                 .inputs = {random_tensor(random, DType::f16, {1, 4, 5}), int64_tensor({6, 6}), int64_tensor({2, 2})},
                 .opset = 18};
  dilated.attributes.set("dilations", std::vector<std::int64_t>{1, 5});
  out.push_back(dilated);
  out.push_back(
      {.attributes = {},
       .inputs = {random_tensor(random, DType::f32, {1, 10, 12}), int64_tensor({3, 4, 5}), int64_tensor({1, 1, 5})},
       .opset = 18});
  return out;
}

}  // namespace

Rows col2im() {
  return {{
      .name = "Col2Im",
      .since = 18,
      .inputs = {3, 3},
      .attributes = {"dilations", "pads", "strides"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
