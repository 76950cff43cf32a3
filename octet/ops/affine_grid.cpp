// AffineGrid: grid[n, p] = theta[n] * (base(p), 1); base coordinates in [-1, 1], innermost first.
//   theta: N x 2 x 3 (or 3 x 4); size: N, C, H, W (or N, C, D, H, W).  Source: ONNX AffineGrid-20.
#include "octet/ops/from_real.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

void infer(InferContext& ctx) {
  const auto size = ctx.elements(1);
  if (!size || (size->size() != 4 && size->size() != 5)) return ctx.set_output(0, ctx.dtype(0));
  SymbolicShape shape = dims_from(ctx, 1);
  shape.erase(shape.begin() + 1);
  shape.push_back(Dim(static_cast<std::int64_t>(shape.size()) - 1));
  ctx.set_output(0, ctx.dtype(0), shape);
}

// One lone point is the middle, as torch has it (the specification divides 0 by 0 there).
double base(std::int64_t index, std::int64_t dim, bool align_corners) {
  const auto i = static_cast<double>(index), size = static_cast<double>(dim);
  if (align_corners) return dim == 1 ? 0 : -1 + 2 * i / (size - 1);
  return -1 + (2 * i + 1) / size;
}

void eval(EvalContext& ctx) {
  const Tensor& theta = ctx.input(0);
  const Shape size = shape_from(ctx, ctx.input(1));
  const int spatial = size.rank() - 2;
  const bool fits = (spatial == 2 || spatial == 3) && theta.shape() == Shape{size[0], spatial, spatial + 1};
  if (!fits || !is_float(theta.dtype())) {
    throw ctx.error(ErrorKind::bad_input, "theta does not fit the size")
        .value(to_string(theta.shape()) + " for " + to_string(size))
        .expected("N x 2 x 3 for N, C, H, W, or N x 3 x 4 for N, C, D, H, W");
  }
  const bool align = ctx.attributes().integer("align_corners", 0) != 0;
  Shape shape{size[0]};
  for (int i = 0; i < spatial; ++i) shape.push_back(size[i + 2]);
  shape.push_back(spatial);
  Tensor& y = ctx.output(0, theta.dtype(), shape);
  const std::vector<double> matrix = theta.to_double();
  const std::int64_t points = shape.elements(1, spatial + 1);
  dispatch(theta.dtype(), [&]<class T>() {
    T* to = y.data<T>();
    ctx.threads().parallel_for(size[0] * points, 1024, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        double at[4] = {0, 0, 0, 0};
        std::int64_t rest = i % points;
        for (int k = 0; k < spatial; ++k) {  // innermost (x) first
          const std::int64_t dim = size[size.rank() - 1 - k];
          at[k] = base(rest % dim, dim, align);
          rest /= dim;
        }
        at[spatial] = 1;
        for (int row = 0; row < spatial; ++row) {
          const double* weights = matrix.data() + (i / points * spatial + row) * (spatial + 1);
          double total = 0;
          for (int k = 0; k <= spatial; ++k) total += weights[k] * at[k];
          if constexpr (!std::is_same_v<T, bool>) to[i * spatial + row] = from_real<T>(total);
        }
      }
    });
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const std::int64_t align : {0, 1}) {
    Sample flat{.attributes = {},
                .inputs = {random_tensor(random, DType::f32, {2, 2, 3}), int64_tensor({2, 1, 3, 4})},
                .opset = 20};
    flat.attributes.set("align_corners", align);
    out.push_back(flat);
    flat.inputs = {random_tensor(random, DType::f64, {1, 3, 4}), int64_tensor({1, 1, 2, 3, 2})};
    out.push_back(flat);
  }
  return out;
}

}  // namespace

Rows affine_grid() {
  return {{
      .name = "AffineGrid",
      .since = 20,
      .inputs = {2, 2},
      .attributes = {"align_corners"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
