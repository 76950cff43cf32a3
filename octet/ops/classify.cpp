// IsNaN and IsInf (positive, negative or both) of floating point tensors.  Source: ONNX IsNaN-20, IsInf-20.
#include <limits>

#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

void infer(InferContext& ctx) { infer_broadcast_as(ctx, DType::boolean); }

template <class F>
void eval(EvalContext& ctx, const F& f) {
  const Tensor& x = ctx.input(0);
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (is_real<T>) {
      map_elements<bool, T>(ctx.threads(), x, ctx.output(0, DType::boolean, x.shape()), f);
    } else {
      throw wrong_type(ctx, x.dtype(), "a floating point type");
    }
  });
}

void eval_infinite(EvalContext& ctx) {
  const bool positive = ctx.attributes().integer("detect_positive", 1) != 0;
  const bool negative = ctx.attributes().integer("detect_negative", 1) != 0;
  eval(ctx, [=](auto v) {
    constexpr auto kInfinity = std::numeric_limits<decltype(v)>::infinity();
    return (positive && v == kInfinity) || (negative && v == -kInfinity);
  });
}

std::vector<Sample> samples(Random& random, const Attributes& attributes) {
  constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();
  std::vector<Sample> out = unary_samples_with(random, attributes);
  out.push_back({.attributes = attributes, .inputs = {Tensor::from<float>({2, 2}, {kInf, -kInf, kNan, 1})}});
  return out;
}

}  // namespace

Rows classify() {
  return {
      {
          .name = "IsNaN",
          .since = 9,
          .infer = infer,
          .eval = [](EvalContext& ctx) { eval(ctx, [](auto v) { return v != v; }); },
          .samples = [](Random& random) { return samples(random, {}); },
      },
      {
          .name = "IsInf",
          .since = 10,
          .attributes = {"detect_negative", "detect_positive"},
          .infer = infer,
          .eval = eval_infinite,
          .samples =
              [](Random& random) {
                std::vector<Sample> out = samples(random, {});
                for (Sample& one : samples(random, make_attributes({{"detect_negative", 0}}))) out.push_back(one);
                return out;
              },
      },
  };
}

}  // namespace octet::ops
