#include "octet/kernels/winograd_f32/kernels.h"
#include "octet/kernels/winograd_f32/transforms.h"

namespace octet::kernels {
namespace {

struct Floats {
  using F32 = float;
  static constexpr int kLanes = 1;
  static F32 load(const float* p) { return *p; }
  static void store(float* p, F32 v) { *p = v; }
  static F32 add(F32 a, F32 b) { return a + b; }
  static F32 sub(F32 a, F32 b) { return a - b; }
  static F32 multiply_add(float factor, F32 a, F32 b) { return factor * a + b; }
  static F32 relu(F32 v) { return v < 0 ? 0 : v; }
};

}  // namespace

const WinogradKernel winograd_reference = {.name = "winograd_reference",
                                           .isa = Isa::scalar,
                                           .input = input<Floats>,
                                           .output = output<Floats>,
                                           .gradient = gradient<Floats>};

}  // namespace octet::kernels
