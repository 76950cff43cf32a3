// ScatterElements (Scatter before opset 11): y = x, then y[i, indices[i, j, k], k] = updates[i, j, k] (axis 1).
// ScatterND: y = x, then for each index tuple, y[tuple] = the update's slice.
//   reduction: none (the last update wins), add, mul, max, min.
// Source: ONNX Scatter-9, ScatterElements-11, -16, -18, ScatterND-11, -16, -18.
#include "octet/ops/scatter.h"

#include "octet/ops/gradient_context.h"
#include "octet/ops/index_walk.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"
#include "octet/ops/strided_copy.h"

namespace octet::ops {

Reduction reduction_of(const EvalContext& ctx) {
  const std::string text = ctx.attributes().text("reduction", "none");
  if (text == "none") return Reduction::none;
  if (text == "add") return Reduction::add;
  if (text == "mul") return Reduction::mul;
  if (text == "max") return Reduction::max;
  if (text == "min") return Reduction::min;
  throw ctx.error(ErrorKind::bad_input, "unknown reduction").value(text).expected("none, add, mul, max or min");
}

namespace {

void check_updates(const EvalContext& ctx, const Shape& wanted) {
  const Tensor &x = ctx.input(0), &updates = ctx.input(2);
  if (updates.shape() == wanted && updates.dtype() == x.dtype()) return;
  throw ctx.error(ErrorKind::bad_input, "the updates do not fit the indices")
      .value(to_string(updates.shape()) + " " + to_string(updates.dtype()))
      .expected(to_string(wanted) + " " + to_string(x.dtype()));
}

Tensor& copied_input(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  Tensor& y = ctx.output(0, x.dtype(), x.shape());
  if (x.bytes() != 0) std::memcpy(y.raw(), x.raw(), x.bytes());
  return y;
}

// Updates may hit the same place: one thread, in order.
void eval_elements(EvalContext& ctx) {
  const Tensor &x = ctx.input(0), &indices = ctx.input(1), &updates = ctx.input(2);
  const int axis = normalize_axis(ctx.attributes().integer("axis", 0), x.rank());
  const Reduction reduction = reduction_of(ctx);
  check_fits_inside(ctx, indices.shape(), x.shape(), axis);
  check_updates(ctx, indices.shape());
  Tensor& y = copied_input(ctx);
  if (updates.elements() == 0) return;
  const std::vector<std::int64_t> picks = indices.to_int64();
  const auto strides = strides_of(x.shape());
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = updates.data<T>();
    T* to = y.data<T>();
    IndexWalk walk(indices.shape(), strides, axis, 0);
    for (std::size_t i = 0; i < picks.size(); ++i, walk.next()) {
      T& place =
          to[walk.offset() + checked_index(ctx, picks[i], x.dim(axis)) * strides[static_cast<std::size_t>(axis)]];
      place = combine(reduction, place, from[i]);
    }
  });
}

void eval_nd(EvalContext& ctx) {
  const Tensor &x = ctx.input(0), &indices = ctx.input(1), &updates = ctx.input(2);
  const Reduction reduction = reduction_of(ctx);
  const std::int64_t tuple = indices.rank() == 0 ? -1 : indices.shape().back();
  if (tuple < 0 || tuple > x.rank()) {
    throw ctx.error(ErrorKind::bad_input, "index tuples do not fit the data")
        .value(to_string(indices.shape()))
        .expected("a last dimension of at most " + std::to_string(x.rank()));
  }
  Shape wanted;
  for (int i = 0; i < indices.rank() - 1; ++i) wanted.push_back(indices.dim(i));
  for (int i = static_cast<int>(tuple); i < x.rank(); ++i) wanted.push_back(x.dim(i));
  check_updates(ctx, wanted);
  Tensor& y = copied_input(ctx);
  if (updates.elements() == 0) return;
  const std::vector<std::int64_t> picks = indices.to_int64();
  const auto strides = strides_of(x.shape());
  const std::int64_t run = x.shape().elements(static_cast<int>(tuple), x.rank()), count = updates.elements() / run;
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = updates.data<T>();
    for (std::int64_t i = 0; i < count; ++i) {
      T* to = y.data<T>();
      for (std::int64_t k = 0; k < tuple; ++k) {
        to += checked_index(ctx, picks[static_cast<std::size_t>(i * tuple + k)], x.dim(static_cast<int>(k))) *
              strides[static_cast<std::size_t>(k)];
      }
      for (std::int64_t j = 0; j < run; ++j) to[j] = combine(reduction, to[j], from[i * run + j]);
    }
  });
}

std::vector<Sample> elements_samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](DType dtype, const Shape& shape, std::int64_t axis, const Tensor& indices,
                       const char* reduction) {
    Sample sample{.attributes = {},
                  .inputs = {random_tensor(random, dtype, shape, -9, 9), indices,
                             random_tensor(random, dtype, indices.shape(), -9, 9)},
                  .opset = 18};
    sample.attributes.set("axis", axis);
    if (reduction != nullptr) sample.attributes.set("reduction", std::string(reduction));
    out.push_back(std::move(sample));
  };
  add(DType::f32, {3, 3}, 0, Tensor::from<std::int64_t>({2, 3}, {1, 0, 2, 0, 2, 1}), nullptr);
  add(DType::f32, {1, 5}, 1, Tensor::from<std::int64_t>({1, 2}, {1, -2}), "none");
  add(DType::f32, {2, 3}, -1, Tensor::from<std::int32_t>({2, 2}, {1, 1, 0, -3}), "add");
  add(DType::i32, {4}, 0, int64_tensor({3, 3, 3}), "mul");
  add(DType::f16, {4}, 0, int64_tensor({0, 0, 1}), "max");
  add(DType::u8, {2, 4}, 0, Tensor::from<std::int64_t>({1, 2}, {1, 0}), "min");
  add(DType::f64, {2, 3}, 0, Tensor::from<std::int64_t>({0, 3}, std::initializer_list<std::int64_t>{}), "none");
  return out;
}

std::vector<Sample> scatter_samples(Random& random) {
  Sample sample{.attributes = {},
                .inputs = {random_tensor(random, DType::f32, {1, 5}), Tensor::from<std::int64_t>({1, 2}, {1, 3}),
                           random_tensor(random, DType::f32, {1, 2})},
                .opset = 10};
  sample.attributes.set("axis", std::int64_t{1});
  return {sample};
}

std::vector<Sample> nd_samples(Random& random) {
  std::vector<Sample> out;
  for (const char* reduction : {"none", "add", "mul", "max", "min"}) {
    Sample sample{
        .attributes = {},
        .inputs = {random_tensor(random, DType::f32, {4, 3, 2}), Tensor::from<std::int64_t>({3, 1}, {0, -2, 0}),
                   random_tensor(random, DType::f32, {3, 3, 2})},
        .opset = 18};
    sample.attributes.set("reduction", std::string(reduction));
    out.push_back(std::move(sample));
  }
  out.push_back(
      {.attributes = {},
       .inputs = {random_tensor(random, DType::i64, {8}, -9, 9), Tensor::from<std::int64_t>({4, 1}, {4, 3, 1, -1}),
                  random_tensor(random, DType::i64, {4}, -9, 9)}});
  out.push_back(
      {.attributes = {},
       .inputs = {random_tensor(random, DType::u8, {2, 2}), Tensor::from<std::int64_t>({1, 2, 2}, {0, 0, 1, 1}),
                  random_tensor(random, DType::u8, {1, 2})}});
  return out;
}

// Without a reduction the last update wins: the same scatter of the numbers 1, 2, 3, ... tells which that is.
void gradient(GradientContext& ctx, const char* gather) {
  const ValueId x = ctx.input(0), indices = ctx.input(1), updates = ctx.input(2), dy = ctx.output_gradient();
  const std::string reduction = ctx.attributes().text("reduction", "none");
  if (reduction == "add") {
    ctx.set(0, dy);
    Attributes along;
    if (ctx.attributes().has("axis")) along.set("axis", ctx.attributes().integer("axis"));
    if (ctx.wants(2)) ctx.set(2, ctx.emit(gather, {dy, indices}, along));
    return;
  }
  if (reduction != "none") throw ctx.error(ctx.node().op_type + " with reduction " + reduction + " has no gradient");
  const auto known = ctx.shape(updates) ? static_shape(*ctx.shape(updates)) : std::nullopt;
  if (!known) throw ctx.error("the gradient needs the shape of the updates, which shape inference does not know");
  const ValueId numbers = ctx.graph().add_initializer({}, iota_tensor(DType::i64, *known));
  const ValueId one = ctx.graph().add_initializer({}, Tensor::scalar<std::int64_t>(1));
  const ValueId none = ctx.graph().add_initializer({}, Tensor::scalar<std::int64_t>(0));
  const ValueId places = ctx.emit("Expand", {none, ctx.shape_of(x)});
  const ValueId winners = ctx.emit(ctx.node().op_type, {places, indices, ctx.add(numbers, one)}, ctx.attributes());
  if (ctx.wants(0)) {
    const ValueId untouched = ctx.emit("Equal", {winners, none});
    ctx.set(0, ctx.emit("Where", {untouched, dy, ctx.scalar(0, dy)}));
  }
  if (ctx.wants(2)) ctx.set(2, ctx.emit_own("ScatterAdd", {dy, winners, ctx.shape_of(updates)}));
}

}  // namespace

Rows scatter() {
  const OpDef row = {
      .name = "ScatterElements",
      .since = 11,
      .inputs = {3, 3},
      .attributes = {"axis", "reduction"},
      .infer = infer_same_as_input,
      .eval = eval_elements,
      .gradient = [](GradientContext& ctx) { gradient(ctx, "GatherElements"); },
      .samples = elements_samples,
  };
  OpDef old = row, nd = row;
  old.name = "Scatter";
  old.since = 9;
  old.until = 10;
  old.attributes = {"axis"};
  old.samples = scatter_samples;
  nd.name = "ScatterND";
  nd.attributes = {"reduction"};
  nd.eval = eval_nd;
  nd.gradient = [](GradientContext& ctx) { gradient(ctx, "GatherND"); };
  nd.samples = nd_samples;
  return {row, old, nd};
}

}  // namespace octet::ops
