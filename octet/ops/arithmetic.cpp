// Add, Sub, Mul, Div: elementwise with numpy broadcasting. Integer division truncates towards zero.
// Source: ONNX Add-14, Sub-14, Mul-14, Div-14 (7 and later broadcast the same way).
#include <type_traits>

#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

template <class F>
OpDef row(const char* name, F f, QuantRule::Kind kind) {
  return {
      .name = name,
      .since = 7,
      .inputs = {2, 2},
      .infer = infer_broadcast,
      .eval = [f](EvalContext& ctx) { map_binary(ctx, f); },
      .quant = {.kind = kind},
      .samples = binary_samples,
  };
}

// Integers wrap as the hardware does (two's complement), without undefined behaviour.
template <class T, class F>
T wrapping(T a, T b, const F& f) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(f(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)));
  } else {
    return f(a, b);
  }
}

struct Divide {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0) throw Error(ErrorKind::bad_input, "integer division by zero");
      if constexpr (std::is_signed_v<T>) {
        if (b == -1) return static_cast<T>(0 - static_cast<std::uint64_t>(a));
      }
      return static_cast<T>(a / b);
    } else {
      return a / b;
    }
  }
};

}  // namespace

Rows arithmetic() {
  using Kind = QuantRule::Kind;
  return {
      row("Add", [](auto a, auto b) { return wrapping(a, b, [](auto p, auto q) { return p + q; }); }, Kind::arithmetic),
      row("Sub", [](auto a, auto b) { return wrapping(a, b, [](auto p, auto q) { return p - q; }); }, Kind::arithmetic),
      row("Mul", [](auto a, auto b) { return wrapping(a, b, [](auto p, auto q) { return p * q; }); }, Kind::arithmetic),
      row("Div", Divide{}, Kind::none),
  };
}

}  // namespace octet::ops
