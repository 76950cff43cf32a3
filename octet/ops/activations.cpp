// Activations of one input on floating point types; alpha, beta and gamma are the attributes of those names.
//   Sigmoid          1 / (1 + exp(-x))                   Tanh      tanh(x)
//   HardSigmoid      max(0, min(1, alpha x + beta))      HardSwish x max(0, min(1, x / 6 + 0.5))
//   Softplus         log(1 + exp(x))                     Softsign  x / (1 + |x|)
//   Mish             x tanh(softplus(x))                 Gelu      x Phi(x), or its tanh approximation
//   Elu              x, alpha (exp(x) - 1) below 0       Selu      gamma times x, alpha (exp(x) - 1) below 0
//   Celu             x, alpha (exp(x / alpha) - 1) below 0
//   LeakyRelu        x, alpha x below 0                  ThresholdedRelu  x above alpha, else 0
//   Shrink           x + bias below -lambd, x - bias above lambd, else 0 (any number type)
// Source: ONNX Sigmoid-13, Tanh-13, HardSigmoid-6, HardSwish-14, Softplus-1, Softsign-1, Mish-18, Gelu-20, Elu-6,
// Selu-6, Celu-12, LeakyRelu-16, ThresholdedRelu-10, Shrink-9.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <type_traits>

#include "octet/ops/math_map.h"
#include "octet/ops/op_list.h"
#include "octet/ops/unary_gradient.h"

namespace octet::ops {
namespace {

constexpr QuantRule kTable = {.kind = QuantRule::Kind::lookup};
constexpr QuantRule kFused = {.kind = QuantRule::Kind::lookup, .fuses_into_producer = true};

template <class T>
T sigmoid(T x) {
  const T e = std::exp(-std::abs(x));  // never overflows
  return (x < 0 ? e : T{1}) / (1 + e);
}

template <class T>
T softplus(T x) {
  return std::max(x, T{0}) + std::log1p(std::exp(-std::abs(x)));
}

template <class T>
T hard_sigmoid(T x, T alpha, T beta) {
  const T line = alpha * x + beta;
  const T above = line < 0 ? T{0} : line;
  return above > 1 ? T{1} : above;
}

template <class T>
T gelu(T x) {
  return T(0.5) * x * (1 + std::erf(x * T(1 / std::numbers::sqrt2)));
}

template <class T>
T gelu_tanh(T x) {
  const T root = T(std::numbers::inv_sqrtpi * std::numbers::sqrt2);  // sqrt(2 / pi)
  return T(0.5) * x * (1 + std::tanh(root * (x + T(0.044715) * x * x * x)));
}

OpDef row(const char* name, int since, QuantRule quant, std::function<void(EvalContext&)> eval) {
  return {
      .name = name,
      .since = since,
      .infer = infer_same_as_input,
      .eval = std::move(eval),
      .quant = quant,
      .samples =
          [since](Random& random) {
            std::vector<Sample> out = unary_samples_with(random, {}, -4, 4);
            for (Sample& sample : out) sample.opset = std::max(since, 17);
            return out;
          },
  };
}

template <class F>
OpDef plain(const char* name, int since, QuantRule quant, F f) {
  return row(name, since, quant, [f](EvalContext& ctx) { map_real(ctx, f); });
}

// The same through a kernel of octet/kernels/math; `f` serves double.
template <class F>
OpDef fast(const char* name, int since, QuantRule quant, kernels::MathMap kernels::MathTable::* kernel, F f) {
  return row(name, since, quant, [=](EvalContext& ctx) { map_kernel(ctx, kernels::math().*kernel, f); });
}

// One or two real attributes with their defaults; f(x, first, second).
struct Parameter {
  const char* name;
  float fallback;
};

template <class F>
OpDef with_parameters(const char* name, int since, Parameter a, Parameter b, QuantRule quant, F f) {
  OpDef op = row(name, since, quant, [=](EvalContext& ctx) {
    const float first = ctx.attributes().real(a.name, a.fallback);
    const float second = b.name == nullptr ? 0 : ctx.attributes().real(b.name, b.fallback);
    map_real(ctx, [=](auto x) { return f(x, static_cast<decltype(x)>(first), static_cast<decltype(x)>(second)); });
  });
  op.attributes = {a.name};
  if (b.name != nullptr) op.attributes.push_back(b.name);
  op.samples = [=](Random& random) {
    std::vector<Sample> out = unary_samples_with(random, {}, -4, 4);
    for (const Sample& sample : unary_samples_with(random, make_attributes({{a.name, 0.7f}}), -4, 4))
      out.push_back(sample);
    return out;
  };
  return op;
}

void eval_gelu(EvalContext& ctx) {
  const std::string approximate = ctx.attributes().text("approximate", "none");
  if (approximate == "tanh") {
    map_kernel(ctx, kernels::math().gelu_tanh, [](auto x) { return gelu_tanh(x); });
  } else if (approximate == "none") {
    map_kernel(ctx, kernels::math().gelu, [](auto x) { return gelu(x); });
  } else {
    throw ctx.error(ErrorKind::bad_input, "Gelu: unknown approximation").value(approximate).expected("none or tanh");
  }
}

OpDef gelu_row() {
  OpDef op = row("Gelu", 20, kFused, eval_gelu);
  op.attributes = {"approximate"};
  op.samples = [](Random& random) {
    std::vector<Sample> out = unary_samples_with(random, {}, -4, 4);
    for (const Sample& sample : unary_samples_with(random, make_attributes({{"approximate", "tanh"}}), -4, 4))
      out.push_back(sample);
    for (Sample& sample : out) sample.opset = 20;
    return out;
  };
  return op;
}

// What a type cannot hold becomes its nearest number.
template <class T>
T saturated(double x) {
  if constexpr (std::is_integral_v<T>) {
    using Limits = std::numeric_limits<T>;
    if (x >= static_cast<double>(Limits::max())) return Limits::max();
    if (x <= static_cast<double>(Limits::min())) return Limits::min();
  }
  return static_cast<T>(x);
}

OpDef shrink_row() {
  const auto f = [](auto x, double bias, double lambd) {
    const auto wide = static_cast<double>(x);
    using T = decltype(x);
    return wide < -lambd ? saturated<T>(wide + bias) : wide > lambd ? saturated<T>(wide - bias) : T{0};
  };
  OpDef op = row("Shrink", 9, {}, [f](EvalContext& ctx) {
    const double bias = ctx.attributes().real("bias", 0.0f), lambd = ctx.attributes().real("lambd", 0.5f);
    map_unary(ctx, [=](auto x) { return f(x, bias, lambd); });
  });
  op.attributes = {"bias", "lambd"};
  op.samples = [](Random& random) {
    std::vector<Sample> out = unary_samples_with(random, make_attributes({{"bias", 1.5f}, {"lambd", 1.5f}}), -4, 4);
    out.push_back({.attributes = make_attributes({{"lambd", 3.0f}}),
                   .inputs = {random_tensor(random, DType::i32, {3, 4}, -9, 9)}});
    return out;
  };
  return op;
}

}  // namespace

Rows activations() {
  const Parameter none = {nullptr, 0};
  Rows rows = {
      fast("Sigmoid", 6, kFused, &kernels::MathTable::sigmoid, [](auto x) { return sigmoid(x); }),
      fast("Tanh", 6, kFused, &kernels::MathTable::tanh, [](auto x) { return std::tanh(x); }),
      plain("HardSwish", 14, kFused,
            [](auto x) { return x * hard_sigmoid(x, decltype(x)(1.0 / 6), decltype(x)(0.5)); }),
      plain("Softplus", 1, kTable, [](auto x) { return softplus(x); }),
      plain("Softsign", 1, kTable, [](auto x) { return x / (1 + std::abs(x)); }),
      fast("Mish", 18, kTable, &kernels::MathTable::mish, [](auto x) { return x * std::tanh(softplus(x)); }),
      gelu_row(),
      with_parameters("HardSigmoid", 6, {"alpha", 0.2f}, {"beta", 0.5f}, kFused,
                      [](auto x, auto alpha, auto beta) { return hard_sigmoid(x, alpha, beta); }),
      with_parameters("Elu", 6, {"alpha", 1.0f}, none, kTable,
                      [](auto x, auto alpha, auto) { return x < 0 ? alpha * std::expm1(x) : x; }),
      with_parameters("Selu", 6, {"alpha", 1.67326319217681884765625f}, {"gamma", 1.05070102214813232421875f}, kTable,
                      [](auto x, auto alpha, auto gamma) { return gamma * (x <= 0 ? alpha * std::expm1(x) : x); }),
      with_parameters("Celu", 12, {"alpha", 1.0f}, none, kTable,
                      [](auto x, auto alpha, auto) { return x < 0 ? alpha * std::expm1(x / alpha) : x; }),
      with_parameters("LeakyRelu", 6, {"alpha", 0.01f}, none, kFused,
                      [](auto x, auto alpha, auto) { return x < 0 ? alpha * x : x; }),
      with_parameters("ThresholdedRelu", 10, {"alpha", 1.0f}, none, kTable,
                      [](auto x, auto alpha, auto) { return x > alpha ? x : decltype(x){0}; }),
      shrink_row(),
  };
  for (OpDef& op : rows) {
    const bool from_output = op.name == "Sigmoid" || op.name == "Tanh";
    op.gradient = unary_gradient(op.name + "Grad", from_output ? Reads::output : Reads::input);
  }
  return rows;
}

}  // namespace octet::ops
