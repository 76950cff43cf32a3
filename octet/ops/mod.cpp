// Mod: the remainder of a / b with broadcasting. fmod = 0 (integers only): the sign of b, as Python's %;
// fmod = 1: the sign of a, as C's fmod.  Source: ONNX Mod-13.
#include <cmath>

#include "octet/ops/element_rules.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

template <class T>
T remainder(T a, T b, bool sign_of_dividend) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::fmod(a, b);
  } else {
    if (b == 0) throw Error(ErrorKind::bad_input, "Mod: integer division by zero");
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return 0;  // the quotient of the most negative number would overflow
      const T rest = static_cast<T>(a % b);
      return !sign_of_dividend && rest != 0 && (rest < 0) != (b < 0) ? static_cast<T>(rest + b) : rest;
    }
    return static_cast<T>(a % b);
  }
}

void eval(EvalContext& ctx) {
  const bool fmod = ctx.attributes().integer("fmod", 0) != 0;
  if (!fmod && is_float(ctx.input(0).dtype())) {
    throw ctx.error(ErrorKind::bad_input, "Mod on floating point needs the attribute fmod = 1");
  }
  map_binary(ctx, [fmod](auto a, auto b) { return remainder(a, b, fmod); });
}

void infer(InferContext& ctx) {
  infer_broadcast(ctx);
  const bool fmod = ctx.attributes().integer("fmod", 0) != 0;
  infer_elements(ctx, [fmod](const Element& a, const Element& b) -> Element {
    if (!a.number || !b.number || b.is(0)) return {};
    return {remainder(*a.number, *b.number, fmod), {}};
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  const Attributes fmod = make_attributes({{"fmod", 1}});
  for (Sample& sample : binary_samples(random)) {
    sample.attributes = fmod;
    out.push_back(sample);
  }
  for (const DType dtype : {DType::i8, DType::i32, DType::i64, DType::u8}) {
    const Tensor a = random_tensor(random, dtype, {5, 4}, -50, 50);
    out.push_back({.inputs = {a, random_tensor(random, dtype, {4}, 1, 7)}});
    out.push_back({.inputs = {a, random_tensor(random, dtype, {4}, -7, -1)}});
    out.push_back({.attributes = fmod, .inputs = {a, random_tensor(random, dtype, {4}, -7, -1)}});
  }
  return out;
}

}  // namespace

Rows mod() {
  return {{
      .name = "Mod",
      .since = 10,
      .inputs = {2, 2},
      .attributes = {"fmod"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
