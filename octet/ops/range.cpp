// Range: start, start + delta, ... up to but without limit.  Source: ONNX Range-11.
#include <cmath>

#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

std::int64_t count_of(double distance, double delta) {
  const double count = std::ceil(distance / delta);
  if (!(count > 0)) return 0;
  if (count > 0x1p62) throw Error(ErrorKind::limit, "Range is too long").value(std::to_string(count));
  return static_cast<std::int64_t>(count);
}

std::int64_t count_of(std::int64_t start, std::int64_t limit, std::int64_t delta) {
  if (delta > 0 ? start >= limit : start <= limit) return 0;
  // Unsigned, since the distance of two int64 may not fit one.
  const std::uint64_t distance = delta > 0 ? static_cast<std::uint64_t>(limit) - static_cast<std::uint64_t>(start)
                                           : static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(limit);
  const std::uint64_t step = delta > 0 ? static_cast<std::uint64_t>(delta) : 0 - static_cast<std::uint64_t>(delta);
  const std::uint64_t count = (distance - 1) / step + 1;
  if (count > std::uint64_t{1} << 62) throw Error(ErrorKind::limit, "Range is too long").value(std::to_string(count));
  return static_cast<std::int64_t>(count);
}

void infer(InferContext& ctx) {
  const auto start = ctx.elements(0), limit = ctx.elements(1), delta = ctx.elements(2);
  const bool counts = start && delta && limit && start->size() == 1 && limit->size() == 1 &&
                      *start == SymbolicShape{0} && *delta == SymbolicShape{1};
  // arange(N) has N elements, whatever N is.
  ctx.set_output(0, ctx.dtype(0), {counts ? (*limit)[0] : Dim()});
}

template <class T>
void fill_range(EvalContext& ctx) {
  const T start = *ctx.input(0).data<T>(), limit = *ctx.input(1).data<T>(), delta = *ctx.input(2).data<T>();
  if (delta == T{0}) throw ctx.error(ErrorKind::bad_input, "Range: delta is 0");
  std::int64_t count = 0;
  if constexpr (std::is_integral_v<T>) {
    count = count_of(std::int64_t{start}, std::int64_t{limit}, std::int64_t{delta});
  } else {
    count = count_of(static_cast<double>(limit - start), static_cast<double>(delta));
  }
  T* y = ctx.output(0, ctx.input(0).dtype(), {count}).template data<T>();
  for (std::int64_t i = 0; i < count; ++i) {
    if constexpr (std::is_integral_v<T>) {
      y[i] = static_cast<T>(static_cast<std::uint64_t>(start) +
                            static_cast<std::uint64_t>(i) * static_cast<std::uint64_t>(delta));
    } else {
      y[i] = start + static_cast<T>(i) * delta;
    }
  }
}

void eval(EvalContext& ctx) {
  for (int i = 0; i < 3; ++i) {
    if (ctx.input(i).elements() != 1 || ctx.input(i).dtype() != ctx.input(0).dtype()) {
      throw ctx.error(ErrorKind::bad_input, "Range takes three single numbers of one type")
          .value(to_string(ctx.input(i).shape()) + " " + to_string(ctx.input(i).dtype()));
    }
  }
  switch (ctx.input(0).dtype()) {
    case DType::f32:
      return fill_range<float>(ctx);
    case DType::f64:
      return fill_range<double>(ctx);
    case DType::i16:
      return fill_range<std::int16_t>(ctx);
    case DType::i32:
      return fill_range<std::int32_t>(ctx);
    case DType::i64:
      return fill_range<std::int64_t>(ctx);
    default:
      throw ctx.error(ErrorKind::bad_input, "Range of this type").value(to_string(ctx.input(0).dtype()));
  }
}

std::vector<Sample> samples(Random&) {
  std::vector<Sample> out;
  const auto add = [&](DType dtype, double start, double limit, double delta) {
    Sample sample;
    for (const double x : {start, limit, delta}) sample.inputs.push_back(Tensor::scalar(x).cast(dtype));
    out.push_back(std::move(sample));
  };
  add(DType::i64, 0, 5, 1);
  add(DType::i64, 10, 4, -2);
  add(DType::i32, 3, 3, 1);
  add(DType::i16, 5, 0, 1);
  add(DType::f32, 0.5, 2.0, 0.25);
  add(DType::f64, 1, -1, -0.3);
  return out;
}

}  // namespace

Rows range() {
  return {{
      .name = "Range",
      .since = 11,
      .inputs = {3, 3},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
