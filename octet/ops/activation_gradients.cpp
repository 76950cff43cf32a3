// Gradient-only operators of the activations and elementary functions, domain octet: dx = dy f'(x), written with
// whichever of x and y = f(x) says it with less. At a kink the derivative is that of torch (0 for Relu at 0).
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "octet/ops/op_list.h"
#include "octet/ops/unary_gradient.h"

namespace octet::ops {
namespace {

template <class T>
T sigmoid(T x) {
  const T e = std::exp(-std::abs(x));
  return (x < 0 ? e : T{1}) / (1 + e);
}

template <class T>
T softplus(T x) {
  return std::max(x, T{0}) + std::log1p(std::exp(-std::abs(x)));
}

template <class T>
T gelu_slope(T x) {
  const T density = T(std::numbers::inv_sqrtpi / std::numbers::sqrt2) * std::exp(x * x / -2);
  return T(0.5) * (1 + std::erf(x * T(1 / std::numbers::sqrt2))) + x * density;
}

template <class T>
T gelu_tanh_slope(T x) {
  const T root = T(std::numbers::inv_sqrtpi * std::numbers::sqrt2), cube = T(0.044715);
  const T t = std::tanh(root * (x + cube * x * x * x));
  return T(0.5) * (1 + t) + T(0.5) * x * (1 - t * t) * root * (1 + 3 * cube * x * x);
}

template <class T>
T mish_slope(T x) {
  const T t = std::tanh(softplus(x));
  return t + x * (1 - t * t) * sigmoid(x);
}

// f(v, dy, first, second) with one or two real attributes and their defaults.
struct Parameter {
  const char* name;
  float fallback;
};

template <class F>
OpDef with_parameters(const char* name, Parameter a, Parameter b, F f) {
  std::vector<std::string> attributes = {a.name};
  if (b.name != nullptr) attributes.emplace_back(b.name);
  return gradient_row(name, attributes, [=](EvalContext& ctx) {
    const float first = ctx.attributes().real(a.name, a.fallback);
    const float second = b.name == nullptr ? 0 : ctx.attributes().real(b.name, b.fallback);
    map_gradient(ctx, [=](auto v, auto dy) {
      using T = decltype(v);
      return f(v, dy, static_cast<T>(first), static_cast<T>(second));
    });
  });
}

void eval_gelu(EvalContext& ctx) {
  if (ctx.attributes().text("approximate", "none") == "tanh") {
    map_gradient(ctx, [](auto x, auto dy) { return dy * gelu_tanh_slope(x); });
  } else {
    map_gradient(ctx, [](auto x, auto dy) { return dy * gelu_slope(x); });
  }
}

}  // namespace

Rows activation_gradients() {
  const Parameter none = {nullptr, 0};
  return {
      plain_gradient_row("ReluGrad", [](auto y, auto dy) { return y > 0 ? dy : decltype(y){0}; }),
      plain_gradient_row("SigmoidGrad", [](auto y, auto dy) { return dy * y * (1 - y); }),
      plain_gradient_row("TanhGrad", [](auto y, auto dy) { return dy * (1 - y * y); }),
      plain_gradient_row("SqrtGrad", [](auto y, auto dy) { return dy / (2 * y); }),
      plain_gradient_row("ReciprocalGrad", [](auto y, auto dy) { return -dy * y * y; }),
      plain_gradient_row("AbsGrad", [](auto x, auto dy) { return x > 0   ? dy
                                                                 : x < 0 ? -dy
                                                                         : decltype(x){0}; }),
      plain_gradient_row("ErfGrad",
                         [](auto x, auto dy) {
                           using T = decltype(x);
                           return dy * T(2 * std::numbers::inv_sqrtpi) * std::exp(-x * x);
                         }),
      plain_gradient_row("SoftplusGrad", [](auto x, auto dy) { return dy * sigmoid(x); }),
      plain_gradient_row("SoftsignGrad",
                         [](auto x, auto dy) {
                           const auto below = 1 + std::abs(x);
                           return dy / (below * below);
                         }),
      plain_gradient_row("MishGrad", [](auto x, auto dy) { return dy * mish_slope(x); }),
      plain_gradient_row("SiluGrad",
                         [](auto x, auto dy) {
                           const auto s = sigmoid(x);
                           return dy * s * (1 + x * (1 - s));
                         }),
      plain_gradient_row("HardSwishGrad",
                         [](auto x, auto dy) {
                           using T = decltype(x);
                           return x <= -3 ? T{0} : x >= 3 ? dy : dy * (x / 3 + T(0.5));
                         }),
      plain_gradient_row("PReluSlopeGrad", [](auto x, auto dy) { return x < 0 ? x * dy : decltype(x){0}; }),
      gradient_row("GeluGrad", {"approximate"}, eval_gelu),
      with_parameters("HardSigmoidGrad", {"alpha", 0.2f}, {"beta", 0.5f},
                      [](auto x, auto dy, auto alpha, auto beta) {
                        const auto line = alpha * x + beta;
                        return line > 0 && line < 1 ? dy * alpha : decltype(x){0};
                      }),
      with_parameters("EluGrad", {"alpha", 1.0f}, none,
                      [](auto x, auto dy, auto alpha, auto) { return x < 0 ? dy * alpha * std::exp(x) : dy; }),
      with_parameters("SeluGrad", {"alpha", 1.67326319217681884765625f}, {"gamma", 1.05070102214813232421875f},
                      [](auto x, auto dy, auto alpha, auto gamma) {
                        return dy * gamma * (x <= 0 ? alpha * std::exp(x) : decltype(x){1});
                      }),
      with_parameters("CeluGrad", {"alpha", 1.0f}, none,
                      [](auto x, auto dy, auto alpha, auto) { return x < 0 ? dy * std::exp(x / alpha) : dy; }),
      with_parameters("LeakyReluGrad", {"alpha", 0.01f}, none,
                      [](auto x, auto dy, auto alpha, auto) { return x > 0 ? dy : alpha * dy; }),
      with_parameters("ThresholdedReluGrad", {"alpha", 1.0f}, none,
                      [](auto x, auto dy, auto alpha, auto) { return x > alpha ? dy : decltype(x){0}; }),
      with_parameters("ShrinkGrad", {"lambd", 0.5f}, {"bias", 0.0f},
                      [](auto x, auto dy, auto lambd, auto) { return std::abs(x) > lambd ? dy : decltype(x){0}; }),
      // dx where min <= x <= max; the limits as attributes, so that one operator serves every opset.
      with_parameters("ClipGrad", {"min", -std::numeric_limits<float>::infinity()},
                      {"max", std::numeric_limits<float>::infinity()},
                      [](auto x, auto dy, auto low, auto high) { return x >= low && x <= high ? dy : decltype(x){0}; }),
  };
}

}  // namespace octet::ops
