// DepthToSpace, SpaceToDepth: blocks of channels become blocks of pixels, and back. N, C, H, W; block b.
//   DepthToSpace  DCR: y[n, c, h*b + i, w*b + j] = x[n, (i*b + j)*C' + c, h, w];  CRD: x[n, (c*b + i)*b + j, h, w]
//   SpaceToDepth  y[n, (i*b + j)*C + c, h, w] = x[n, c, h*b + i, w*b + j]
// Source: ONNX DepthToSpace-1, DepthToSpace-11 (mode), DepthToSpace-13, SpaceToDepth-1, SpaceToDepth-13.
#include "octet/base/checked.h"
#include "octet/ops/movement.h"
#include "octet/ops/movement_gradient.h"
#include "octet/ops/op_list.h"
#include "octet/ops/strided_copy.h"

namespace octet::ops {
namespace {

std::int64_t block_of(const Attributes& attributes) {
  const std::int64_t block = attributes.integer("blocksize");
  if (block < 1 || block > 1 << 20) {
    throw Error(ErrorKind::bad_input, "blocksize is out of range").value(std::to_string(block)).expected("1 or more");
  }
  return block;
}

Dim divided(const Dim& dim, std::int64_t by, const char* what) {
  if (!dim.known()) return Dim();
  if (dim.value % by != 0) {
    throw Error(ErrorKind::bad_input, std::string(what) + " does not divide by the block")
        .value(std::to_string(dim.value))
        .expected("a multiple of " + std::to_string(by));
  }
  return Dim(dim.value / by);
}

Dim times(const Dim& dim, std::int64_t by) {
  return dim.known() ? Dim(checked_mul(dim.value, by)) : by == 1 ? dim : Dim();
}

SymbolicShape to_space(const SymbolicShape& x, std::int64_t b) {
  return {x[0], divided(x[1], b * b, "the number of channels"), times(x[2], b), times(x[3], b)};
}

SymbolicShape to_depth(const SymbolicShape& x, std::int64_t b) {
  return {x[0], times(x[1], b * b), divided(x[2], b, "the height"), divided(x[3], b, "the width")};
}

void check_rank(int rank) {
  if (rank != 4)
    throw Error(ErrorKind::bad_input, "the input must be N x C x H x W").value("rank " + std::to_string(rank));
}

using Rule = SymbolicShape (*)(const SymbolicShape&, std::int64_t);

void infer(InferContext& ctx, Rule rule) {
  if (!ctx.has_shape(0)) return set_output_rank(ctx, 0, ctx.dtype(0), 4);
  check_rank(ctx.rank(0));
  ctx.set_output(0, ctx.dtype(0), rule(ctx.shape(0), block_of(ctx.attributes())));
}

void eval_to_space(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  check_rank(x.rank());
  const std::int64_t b = block_of(ctx.attributes());
  const std::string mode = ctx.attributes().text("mode", "DCR");
  if (mode != "DCR" && mode != "CRD")
    throw ctx.error(ErrorKind::bad_input, "unknown mode").value(mode).expected("DCR or CRD");
  Tensor& y = ctx.output(0, x.dtype(), *static_shape(to_space(symbolic(x.shape()), b)));
  const std::int64_t c = y.dim(1), h = x.dim(2), w = x.dim(3), plane = h * w;
  const bool depth_first = mode == "DCR";
  StridedCopy copy;  // indices n, c, h, i, w, j in the order of y
  copy.add(x.dim(0), c * b * b * plane, c * b * b * plane);
  copy.add(c, (depth_first ? 1 : b * b) * plane, b * b * plane);
  copy.add(h, w, b * b * w);
  copy.add(b, (depth_first ? b * c : b) * plane, b * w);
  copy.add(w, 1, b);
  copy.add(b, (depth_first ? c : 1) * plane, 1);
  copy.run(ctx.threads(), size_of(x.dtype()), x.raw(), y.raw());
}

void eval_to_depth(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  check_rank(x.rank());
  const std::int64_t b = block_of(ctx.attributes());
  Tensor& y = ctx.output(0, x.dtype(), *static_shape(to_depth(symbolic(x.shape()), b)));
  const std::int64_t c = x.dim(1), h = y.dim(2), w = y.dim(3), plane = h * w;
  StridedCopy copy;  // indices n, i, j, c, h, w in the order of y
  copy.add(x.dim(0), c * b * b * plane, c * b * b * plane);
  copy.add(b, b * w, b * c * plane);
  copy.add(b, 1, c * plane);
  copy.add(c, b * b * plane, plane);
  copy.add(h, b * b * w, w);
  copy.add(w, b, 1);
  copy.run(ctx.threads(), size_of(x.dtype()), x.raw(), y.raw());
}

Sample make(Random& random, DType dtype, const Shape& shape, std::int64_t block, const char* mode) {
  Sample sample{.attributes = {}, .inputs = {random_tensor(random, dtype, shape, -9, 9)}};
  sample.attributes.set("blocksize", block);
  if (mode != nullptr) sample.attributes.set("mode", std::string(mode));
  return sample;
}

std::vector<Sample> to_space_samples(Random& random) {
  return {make(random, DType::f32, {1, 8, 2, 3}, 2, nullptr), make(random, DType::f32, {2, 18, 1, 2}, 3, "CRD"),
          make(random, DType::u8, {1, 4, 3, 2}, 2, "DCR"), make(random, DType::f32, {0, 4, 2, 2}, 1, "DCR")};
}

std::vector<Sample> to_depth_samples(Random& random) {
  return {make(random, DType::f32, {1, 2, 4, 6}, 2, nullptr), make(random, DType::f16, {2, 1, 3, 9}, 3, nullptr),
          make(random, DType::u8, {1, 3, 0, 2}, 2, nullptr)};
}

}  // namespace

Rows depth_to_space() {
  return {
      {.name = "DepthToSpace",
       .attributes = {"blocksize", "mode"},
       .infer = [](InferContext& ctx) { infer(ctx, to_space); },
       .eval = eval_to_space,
       .gradient = gradient_of_movement,
       .quant = {.kind = QuantRule::Kind::pass_through},
       .samples = to_space_samples},
      {.name = "SpaceToDepth",
       .attributes = {"blocksize"},
       .infer = [](InferContext& ctx) { infer(ctx, to_depth); },
       .eval = eval_to_depth,
       .gradient = gradient_of_movement,
       .quant = {.kind = QuantRule::Kind::pass_through},
       .samples = to_depth_samples},
  };
}

}  // namespace octet::ops
