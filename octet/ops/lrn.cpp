// LRN: y = x / (bias + alpha / size * sum of x^2 over `size` neighbouring channels)^beta, channels on axis 1.
// The window of channel c is [c - floor((size - 1) / 2), c + ceil((size - 1) / 2)].  Source: ONNX LRN-13.
#include <cmath>

#include "octet/ops/axes.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

struct Parameters {
  std::int64_t size;
  double alpha, beta, bias;
};

template <class T>
void respond(ThreadPool& threads, const T* x, T* y, const AxisSplit& s, const Parameters& p) {
  const std::int64_t before = (p.size - 1) / 2, after = p.size / 2;
  threads.parallel_for(s.outer * s.size, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> sums(static_cast<std::size_t>(s.inner));
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t item = row / s.size, c = row % s.size;
      const std::int64_t first = std::max<std::int64_t>(0, c - before), last = c + std::min(after, s.size - 1 - c);
      std::fill(sums.begin(), sums.end(), 0.0);
      for (std::int64_t k = first; k <= last; ++k) {
        const T* from = x + (item * s.size + k) * s.inner;
        for (std::size_t i = 0; i < sums.size(); ++i) {
          const double v = static_cast<double>(static_cast<Compute<T>>(from[i]));
          sums[i] += v * v;
        }
      }
      for (std::size_t i = 0; i < sums.size(); ++i) {
        const std::int64_t at = row * s.inner + static_cast<std::int64_t>(i);
        const double scale = p.bias + p.alpha / static_cast<double>(p.size) * sums[i];
        y[at] = store<T>(static_cast<double>(static_cast<Compute<T>>(x[at])) / std::pow(scale, p.beta));
      }
    }
  });
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Attributes& a = ctx.attributes();
  const Parameters p{a.integer("size"), a.real("alpha", 1e-4f), a.real("beta", 0.75f), a.real("bias", 1.0f)};
  if (p.size < 1) throw ctx.error(ErrorKind::bad_input, "LRN: size must be positive").value(std::to_string(p.size));
  if (x.rank() < 2)
    throw ctx.error(ErrorKind::bad_input, "LRN needs a batch and a channel axis").value(to_string(x.shape()));
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (is_real<T>) {
      Tensor& y = ctx.output(0, x.dtype(), x.shape());
      respond(ctx.threads(), x.data<T>(), y.data<T>(), split_at(x.shape(), 1), p);
    } else {
      throw wrong_type(ctx, x.dtype(), "a floating point type");
    }
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const int size : {1, 2, 3, 5, 20}) {
    out.push_back({.attributes = make_attributes({{"size", size}, {"alpha", 0.5f}, {"bias", 2.0f}}),
                   .inputs = {random_tensor(random, DType::f32, {2, 7, 3, 4})}});
  }
  const Attributes plain = make_attributes({{"size", 3}});
  out.push_back({.attributes = plain, .inputs = {random_tensor(random, DType::f64, {2, 5})}});
  out.push_back({.attributes = plain, .inputs = {random_tensor(random, DType::f32, {0, 5, 2})}});
  return out;
}

}  // namespace

Rows lrn() {
  return {{
      .name = "LRN",
      .attributes = {"alpha", "beta", "bias", "size"},
      .infer = infer_same_as_input,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
