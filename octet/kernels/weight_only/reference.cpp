// Plain C++: a vector is one number.
#include "octet/kernels/weight_only/core.h"
#include "octet/kernels/weight_only/kernels.h"

namespace octet::kernels {
namespace {

struct Floats {
  using F32 = float;
  static constexpr int kLanes = 1;
  static F32 zero() { return 0; }
  static void store(float* p, F32 v) { *p = v; }
  static F32 broadcast(const float* p) { return *p; }
  static F32 load_bytes(const std::int8_t* p) { return static_cast<float>(*p); }
  static F32 multiply_add(F32 sum, F32 a, F32 b) { return sum + a * b; }
};

}  // namespace

const WeightOnlyKernel weight_only_reference = {
    .name = "weight_only_reference", .isa = Isa::scalar, .core = core<Floats, 1, 8, 8>};

}  // namespace octet::kernels
