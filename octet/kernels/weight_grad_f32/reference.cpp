// Plain C++: a vector is one number.
#include "octet/kernels/weight_grad_f32/core.h"
#include "octet/kernels/weight_grad_f32/kernels.h"

namespace octet::kernels {
namespace {

struct Floats {
  using F32 = float;
  static constexpr int kLanes = 1;
  static F32 zero() { return 0; }
  static F32 load(const float* p) { return *p; }
  static void store(float* p, F32 v) { *p = v; }
  static F32 broadcast(const float* p) { return *p; }
  static F32 add(F32 a, F32 b) { return a + b; }
  static F32 multiply_add(F32 sum, F32 a, F32 b) { return sum + a * b; }
};

}  // namespace

const WeightGradKernel weight_grad_reference = {.name = "weight_grad_reference",
                                                .isa = Isa::scalar,
                                                .mr = 2,
                                                .nr = 4,
                                                .core = core<Floats, 2, 4>,
                                                .diagonal = diagonal<Floats>};

}  // namespace octet::kernels
