#include "octet/ops/integer_product.h"

namespace octet::ops {

void check_eight_bits(const Tensor& tensor, const char* what) {
  if (tensor.dtype() == DType::u8 || tensor.dtype() == DType::i8) return;
  throw Error(ErrorKind::bad_input, "an integer product takes 8-bit operands")
      .tensor(what)
      .value(to_string(tensor.dtype()))
      .expected("uint8 or int8");
}

namespace {

// The zero point with dimensions that broadcast to x.
Tensor aligned(const Tensor& x, const Tensor& zero, int axis, const char* name) {
  if (zero.dtype() != x.dtype()) {
    throw Error(ErrorKind::bad_input, "a zero point has another type than the quantized tensor")
        .tensor(name)
        .value(to_string(zero.dtype()))
        .expected(to_string(x.dtype()));
  }
  if (zero.elements() == 1) return zero.reshaped({});
  Tensor out = zero;
  if (zero.rank() == 1 && axis >= 0 && axis < x.rank()) {
    Shape shape{zero.dim(0)};
    for (int i = axis + 1; i < x.rank(); ++i) shape.push_back(1);
    out = zero.reshaped(shape);
  }
  bool fits = out.rank() <= x.rank();
  for (int i = 1; fits && i <= out.rank(); ++i) {
    const std::int64_t d = out.dim(out.rank() - i);
    fits = d == 1 || d == x.dim(x.rank() - i);
  }
  if (fits) return out;
  throw Error(ErrorKind::bad_input, "a zero point does not fit its tensor")
      .tensor(name)
      .value(to_string(zero.shape()))
      .expected("one element, or one a channel of " + to_string(x.shape()));
}

}  // namespace

template <class Sum>
std::vector<Sum> centred(ThreadPool& threads, const Tensor& x, const Tensor& zero, int axis, const char* name) {
  std::vector<Sum> out(static_cast<std::size_t>(x.elements()));
  dispatch_eight_bits(x, name, [&]<class In>() {
    const Tensor z = zero.defined() ? aligned(x, zero, axis, name) : Tensor::scalar<In>(0);
    broadcast_loop(
        threads, plan_broadcast(x.shape(), z.shape()), x.data<In>(), z.data<In>(), out.data(),
        [](In a, In b) { return static_cast<Sum>(static_cast<std::int32_t>(a) - static_cast<std::int32_t>(b)); });
  });
  return out;
}

template std::vector<std::uint32_t> centred(ThreadPool&, const Tensor&, const Tensor&, int, const char*);
template std::vector<std::uint64_t> centred(ThreadPool&, const Tensor&, const Tensor&, int, const char*);

std::int32_t check_int32(std::int64_t sum) {
  if (sum >= std::numeric_limits<std::int32_t>::min() && sum <= std::numeric_limits<std::int32_t>::max()) {
    return static_cast<std::int32_t>(sum);
  }
  throw Error(ErrorKind::unsupported, "an int32 sum of an integer product overflows")
      .value(std::to_string(sum))
      .hint("split the inner dimension, or use a QLinear operator");
}

std::vector<float> multipliers(float sx, const std::vector<double>& sw, float sy) {
  std::vector<float> out;
  for (const double s : sw) {
    out.push_back(sx * static_cast<float>(s) / sy);
    if (std::isfinite(out.back())) continue;
    throw Error(ErrorKind::bad_input, "the scales of a quantized operator give no finite multiplier")
        .value(std::to_string(sx) + " * " + std::to_string(s) + " / " + std::to_string(sy));
  }
  return out;
}

}  // namespace octet::ops
