// Plain C++: a vector is one number.
#include "octet/kernels/weight_only/core.h"
#include "octet/kernels/weight_only/kernels.h"

namespace octet::kernels {
namespace {

struct Numbers {
  static constexpr int kLanes = 1;
  using Sum = std::int32_t;
  struct Weights {
    std::int32_t of[4];
  };
  static Sum zero() { return 0; }
  static Weights load_weights(const char* p) {
    Weights w;
    for (int i = 0; i < 4; ++i) w.of[i] = static_cast<unsigned char>(p[i]);
    return w;
  }
  static void load_nibbles(const char* p, Weights& first, Weights& last) {
    const Weights both = load_weights(p);
    for (int i = 0; i < 4; ++i) {
      first.of[i] = both.of[i] & 15;
      last.of[i] = both.of[i] >> 4;
    }
  }
  static void multiply_add(Sum& sum, const Weights& w, const char* digits) {
    std::int16_t q[4];
    __builtin_memcpy(q, digits, sizeof q);
    for (int i = 0; i < 4; ++i) sum += q[i] * w.of[i];
  }
  static void add(Sum& to, Sum from) { to += from; }
  static std::int32_t total(Sum sum) { return sum; }

  static float set(float v) { return v; }
  static std::int32_t set(std::int32_t v) { return v; }
  static std::int32_t sub(std::int32_t a, std::int32_t b) { return a - b; }
  static float to_f32(std::int32_t v) { return static_cast<float>(v); }
  static std::int32_t mul(std::int32_t a, std::int32_t b) { return a * b; }
  static float mul(float a, float b) { return a * b; }
  static std::int32_t load(const unsigned char* p) { return *p; }
  static float load(const float* p) { return *p; }
  static void store(float* p, float v) { *p = v; }
  static float multiply_add(float a, float b, float sum) { return __builtin_fmaf(a, b, sum); }
};

}  // namespace

const WeightOnlyKernel weight_only_reference = {.name = "weight_only_reference",
                                                .isa = Isa::scalar,
                                                .split = split<Digits::words>,
                                                .core8 = core<Numbers, Tile<8, 1, 8, 8, 1>>,
                                                .core4 = core<Numbers, Tile<4, 1, 8, 8, 1>>};

}  // namespace octet::kernels
