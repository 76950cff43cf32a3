// Gradient-only operators of the trigonometric and hyperbolic functions, domain octet: dx = dy f'(x), x in radians.
#include <cmath>

#include "octet/ops/op_list.h"
#include "octet/ops/unary_gradient.h"

namespace octet::ops {

Rows trigonometry_gradients() {
  return {
      plain_gradient_row("SinGrad", [](auto x, auto dy) { return dy * std::cos(x); }),
      plain_gradient_row("CosGrad", [](auto x, auto dy) { return -dy * std::sin(x); }),
      plain_gradient_row("TanGrad",
                         [](auto x, auto dy) {
                           const auto c = std::cos(x);
                           return dy / (c * c);
                         }),
      plain_gradient_row("AsinGrad", [](auto x, auto dy) { return dy / std::sqrt(1 - x * x); }),
      plain_gradient_row("AcosGrad", [](auto x, auto dy) { return -dy / std::sqrt(1 - x * x); }),
      plain_gradient_row("AtanGrad", [](auto x, auto dy) { return dy / (1 + x * x); }),
      plain_gradient_row("SinhGrad", [](auto x, auto dy) { return dy * std::cosh(x); }),
      plain_gradient_row("CoshGrad", [](auto x, auto dy) { return dy * std::sinh(x); }),
      plain_gradient_row("AsinhGrad", [](auto x, auto dy) { return dy / std::sqrt(x * x + 1); }),
      plain_gradient_row("AcoshGrad", [](auto x, auto dy) { return dy / std::sqrt(x * x - 1); }),
      plain_gradient_row("AtanhGrad", [](auto x, auto dy) { return dy / (1 - x * x); }),
  };
}

}  // namespace octet::ops
