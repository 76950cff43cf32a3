// MaxUnpool: puts each element back where MaxPool's indices say, zeros elsewhere.
//   Y is [N, C, ...] of size (in - 1) * stride - pads + kernel, or of the shape given as the third input.
// The indices count elements of the whole (pooled-from) tensor.  Source: ONNX MaxUnpool-11.
#include "octet/base/checked.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"
#include "octet/ops/wide.h"
#include "octet/ops/window.h"

namespace octet::ops {
namespace {

SymbolicShape unpooled_shape(const Attributes& attributes, const SymbolicShape& x) {
  check_spatial_rank(x);
  const WindowForm form = read_window(attributes, static_cast<int>(x.size()) - 2, nullptr);
  SymbolicShape out = {x[0], x[1]};
  for (std::size_t i = 0; i + 2 < x.size(); ++i) {
    if (!x[i + 2].known()) {
      out.emplace_back();
      continue;
    }
    const std::int64_t size = checked_add(checked_mul(x[i + 2].value - 1, form.stride[i]), form.kernel[i]) -
                              form.pad_begin[i] - form.pad_end[i];
    if (size < 0) throw Error(ErrorKind::bad_input, "pads leave nothing of the output").value(std::to_string(size));
    out.emplace_back(size);
  }
  return out;
}

void infer(InferContext& ctx) {
  if (ctx.has_input(2)) {
    const auto elements = ctx.elements(2);
    return elements ? ctx.set_output(0, ctx.dtype(0), *elements) : ctx.set_output(0, ctx.dtype(0));
  }
  if (!ctx.has_shape(0)) return ctx.set_output(0, ctx.dtype(0));
  ctx.set_output(0, ctx.dtype(0), unpooled_shape(ctx.attributes(), ctx.shape(0)));
}

// With an output_shape the indices still count elements of the tensor that was pooled (the size that the attributes
// give), so each is taken apart there and put together in the larger output.
std::int64_t moved(std::int64_t index, const Shape& from, const Shape& to) {
  std::int64_t out = 0, stride = 1;
  for (int i = from.rank() - 1; i >= 0; --i) {
    out += index % from[i] * stride;
    index /= from[i];
    stride *= to[i];
  }
  return out;
}

void eval(EvalContext& ctx) {
  const Tensor &x = ctx.input(0), &indices = ctx.input(1);
  if (indices.dtype() != DType::i64 || !(indices.shape() == x.shape())) {
    throw ctx.error(ErrorKind::bad_input, "the indices do not match the input")
        .value(std::string(to_string(indices.dtype())) + " " + to_string(indices.shape()))
        .expected("int64 " + to_string(x.shape()));
  }
  const Shape natural = *static_shape(unpooled_shape(ctx.attributes(), symbolic(x.shape())));
  const Shape shape = ctx.has_input(2) ? Shape(ctx.input(2).to_int64()) : natural;
  bool fits = shape.rank() == natural.rank();
  for (int i = 0; fits && i < shape.rank(); ++i) fits = i < 2 ? shape[i] == natural[i] : shape[i] >= natural[i];
  if (!fits) {
    throw ctx.error(ErrorKind::bad_input, "output_shape is too small")
        .value(to_string(shape))
        .expected("at least " + to_string(natural));
  }
  Tensor& y = ctx.output(0, x.dtype(), shape);
  if (y.bytes() != 0) std::memset(y.raw(), 0, y.bytes());
  const std::int64_t limit = natural.elements();
  dispatch(x.dtype(), [&]<class T>() {
    for (std::int64_t i = 0; i < x.elements(); ++i) {
      const std::int64_t index = indices.data<std::int64_t>()[i];
      if (index < 0 || index >= limit) {
        throw ctx.error(ErrorKind::bad_input, "an index is out of range")
            .value(std::to_string(index))
            .expected("less than " + std::to_string(limit));
      }
      y.data<T>()[moved(index, natural, shape)] = x.data<T>()[i];
    }
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  const Attributes two = attributes_of({{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
  const Tensor x = random_tensor(random, DType::f32, {1, 1, 2, 2});
  const Tensor indices = Tensor::from<std::int64_t>({1, 1, 2, 2}, {5, 7, 13, 15});
  out.push_back({two, {x, indices}});
  out.push_back({two, {x, indices, Tensor::from<std::int64_t>({4}, {1, 1, 5, 6})}});
  out.push_back(
      {attributes_of({{"kernel_shape", Ints{3}}, {"strides", Ints{2}}, {"pads", Ints{1, 0}}}),
       {random_tensor(random, DType::f32, {1, 2, 3}), Tensor::from<std::int64_t>({1, 2, 3}, {0, 2, 5, 6, 8, 11})}});
  return out;
}

}  // namespace

Rows max_unpool() {
  return {{
      .name = "MaxUnpool",
      .since = 9,
      .inputs = {2, 3},
      .attributes = {"kernel_shape", "pads", "strides"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
