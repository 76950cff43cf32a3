#include "octet/base/cpu.h"
#include "octet/kernels/math/math.h"

namespace octet::kernels {

extern const MathTable kMathScalar, kMathAvx2, kMathAvx512;

namespace {

struct Row {
  Isa isa;
  const MathTable* table;
};

constexpr Row kRows[] = {
    {Isa::avx512, &kMathAvx512},
    {Isa::avx2, &kMathAvx2},
    {Isa::scalar, &kMathScalar},
};

}  // namespace

const MathTable& math() {
  static const MathTable& best = []() -> const MathTable& {
    for (const Row& row : kRows) {
      if (isa_allowed(row.isa)) return *row.table;
    }
    return kMathScalar;
  }();
  return best;
}

const MathTable* math_table(int i) {
  for (const Row& row : kRows) {
    if (cpu_supports(row.isa) && i-- == 0) return row.table;
  }
  return nullptr;
}

}  // namespace octet::kernels
