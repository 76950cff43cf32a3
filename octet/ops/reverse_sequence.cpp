// ReverseSequence: along time_axis (default 0), the first sequence_lens[b] elements of batch item b (batch_axis,
// default 1) in reverse order, the others as they are. The axes are 0 and 1 in either order.  Any element type.
// Source: ONNX ReverseSequence-10.
#include <cstring>

#include "octet/ops/axes.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/movement_gradient.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

bool time_first(const Error& refusal, const Attributes& attributes) {
  const std::int64_t time = attributes.integer("time_axis", 0), batch = attributes.integer("batch_axis", 1);
  if (time == batch || time < 0 || time > 1 || batch < 0 || batch > 1) throw refusal;
  return time == 0;
}

std::vector<std::int64_t> lengths_of(const EvalContext& ctx, std::int64_t batch, std::int64_t steps) {
  const std::vector<std::int64_t> lengths = ctx.input(1).to_int64();
  const auto fail = [&](const std::string& found) {
    return ctx.error(ErrorKind::bad_input, "ReverseSequence: sequence_lens does not fit the input")
        .value(found)
        .expected(std::to_string(batch) + " lengths of at most " + std::to_string(steps));
  };
  if (static_cast<std::int64_t>(lengths.size()) != batch) throw fail(std::to_string(lengths.size()) + " lengths");
  for (const std::int64_t length : lengths) {
    if (length < 0 || length > steps) throw fail("length " + std::to_string(length));
  }
  return lengths;
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const bool by_time = time_first(
      ctx.error(ErrorKind::bad_input, "ReverseSequence: time_axis and batch_axis must be 0 and 1"), ctx.attributes());
  if (x.rank() < 2)
    throw ctx.error(ErrorKind::bad_input, "ReverseSequence needs two axes or more").value(to_string(x.shape()));
  const std::int64_t steps = x.dim(by_time ? 0 : 1), batch = x.dim(by_time ? 1 : 0);
  const std::vector<std::int64_t> lengths = lengths_of(ctx, batch, steps);
  Tensor& y = ctx.output(0, x.dtype(), x.shape());
  const std::size_t bytes = static_cast<std::size_t>(x.shape().elements(2, x.rank())) * size_of(x.dtype());
  if (x.bytes() == 0) return;
  const auto at = [&](std::int64_t t, std::int64_t b) {
    return static_cast<std::size_t>(by_time ? t * batch + b : b * steps + t) * bytes;
  };
  for (std::int64_t b = 0; b < batch; ++b) {
    const std::int64_t length = lengths[static_cast<std::size_t>(b)];
    for (std::int64_t t = 0; t < steps; ++t) {
      const std::int64_t source = t < length ? length - 1 - t : t;
      std::memcpy(static_cast<char*>(y.raw()) + at(t, b), static_cast<const char*>(x.raw()) + at(source, b), bytes);
    }
  }
}

std::vector<Sample> samples(Random& random) {
  const Tensor lengths = Tensor::from<std::int64_t>({3}, {4, 0, 2});
  return {
      {.inputs = {random_tensor(random, DType::f32, {4, 3}), lengths}},
      {.inputs = {random_tensor(random, DType::i32, {4, 3, 2, 2}, -9, 9), lengths}},
      {.attributes = make_attributes({{"time_axis", 1}, {"batch_axis", 0}}),
       .inputs = {random_tensor(random, DType::f16, {3, 4, 5}), lengths}},
      {.inputs = {random_tensor(random, DType::f32, {4, 0}), Tensor(DType::i64, {0})}},
  };
}

}  // namespace

Rows reverse_sequence() {
  return {{
      .name = "ReverseSequence",
      .since = 10,
      .inputs = {2, 2},
      .attributes = {"batch_axis", "time_axis"},
      .infer = infer_same_as_input,
      .eval = eval,
      .gradient = gradient_of_movement,
      .samples = samples,
  }};
}

}  // namespace octet::ops
