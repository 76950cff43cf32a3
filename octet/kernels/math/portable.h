// The source of every table of math.h. Included once by each of scalar.cpp, avx2.cpp and avx512.cpp, which are
// compiled for their instruction sets; written so that compilers turn the loops into vector code.
// Includes nothing with inline functions: those would be shared with code for older processors.
#include "octet/kernels/math/gelu_table.h"
#include "octet/kernels/math/math.h"

namespace octet::kernels {
namespace {

inline std::uint32_t bits_of(float x) { return __builtin_bit_cast(std::uint32_t, x); }
inline float float_of(std::uint32_t bits) { return __builtin_bit_cast(float, bits); }
inline float magnitude(float x) { return float_of(bits_of(x) & 0x7fffffffu); }
inline float with_sign(float magnitude, float sign) {
  return float_of(bits_of(magnitude) | (bits_of(sign) & 0x80000000u));
}

// a * b + c in one rounding, on every processor.
inline float multiply_add(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

// c[0] + c[1] x + c[2] x^2 + ..., in pairs (Estrin): a chain of N steps would leave the processor waiting.
template <int N>
inline float polynomial(const float (&c)[N], float x) {
  if constexpr (N == 1) {
    return c[0];
  } else {
    float pairs[(N + 1) / 2];
    for (int i = 0; i < N / 2; ++i) pairs[i] = multiply_add(c[2 * i + 1], x, c[2 * i]);
    if constexpr (N % 2 == 1) pairs[N / 2] = c[N - 1];
    return polynomial(pairs, x * x);
  }
}

// e^x = 2^n e^r with n = round(x / ln 2) and |r| <= ln 2 / 2; e^r = 1 + r + r^2 q(r), q fitted to 3e-9.
inline float exp_of(float x) {
  constexpr float kQ[] = {0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558f2p-5f, 0x1.1239e4p-7f, 0x1.6a243p-10f};
  constexpr float kRound = 0x1.8p23f;                             // adding it leaves the integer in the low bits
  constexpr float kLn2High = 0x1.62e4p-1f;                        // few bits: n * kLn2High is exact
  constexpr float kLn2Low = 0x1.7f7d1cp-20f;                      // ln 2 - kLn2High
  x = x > 89.0f ? 89.0f : x;                                      // beyond: infinity all the same
  x = x < -104.0f ? -104.0f : x;                                  // beyond: zero
  const float shifted = multiply_add(x, 0x1.715476p+0f, kRound);  // 1 / ln 2
  const float n = shifted - kRound;
  const float r = multiply_add(-n, kLn2Low, multiply_add(-n, kLn2High, x));
  const float p = multiply_add(polynomial(kQ, r), r * r, r) + 1.0f;
  // 2^n in two factors, so that each is a normal number for every n that can occur.
  const std::uint32_t whole = bits_of(shifted) - bits_of(kRound);
  const auto half = static_cast<std::uint32_t>(static_cast<std::int32_t>(whole) >> 1);
  return p * float_of((half + 127u) << 23) * float_of((whole - half + 127u) << 23);
}

inline float sigmoid_of(float x) {
  const float e = exp_of(-magnitude(x));  // at most 1: never overflows
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

// Below 0.625 x + x z p(z) with z = x^2, p fitted to 2e-10; above 1 - 2 / (e^2x + 1).
inline float tanh_of(float x) {
  constexpr float kP[] = {-0x1.555554p-2f, 0x1.11106cp-3f,  -0x1.b9ef7cp-5f,
                          0x1.6394d8p-6f,  -0x1.0c213ep-7f, 0x1.197b62p-9f};
  const float a = magnitude(x), z = x * x;
  const float near = multiply_add(x, z * polynomial(kP, z), x);
  const float far = 1.0f - 2.0f / (exp_of(2.0f * a) + 1.0f);
  return a < 0.625f ? near : with_sign(far, x);
}

// For |x| < 0.9 erf(x) = x + x p(x^2), p fitted to 3e-10.
inline float erf_near(float x) {
  constexpr float kP[] = {0x1.06eba8p-3f, -0x1.812744p-2f,  0x1.ce2e6p-4f,  -0x1.b8162ap-6f,
                          0x1.5513f2p-8f, -0x1.acf7f8p-11f, 0x1.662516p-14f};
  return multiply_add(x, polynomial(kP, x * x), x);
}

// For a >= 0.9 erfc(a) = e^(g(a) - a^2), g = log of the scaled complement, fitted to 2e-8 up to a = 10; 0 beyond.
inline float erfc_far(float a) {
  constexpr float kG[] = {0x1.1357c4p-12f, -0x1.214adep+0f,  0x1.78d4c2p-2f,  -0x1.c317eep-4f,
                          0x1.b48468p-6f,  -0x1.442d4ap-8f,  0x1.62af08p-11f, -0x1.113f92p-14f,
                          0x1.162cc4p-18f, -0x1.4df9eep-23f, 0x1.64b0d2p-29f};
  a = a > 10.5f ? 10.5f : a;
  return exp_of(multiply_add(-a, a, polynomial(kG, a)));
}

inline float erf_of(float x) {
  const float a = magnitude(x);
  return a < 0.9f ? erf_near(x) : with_sign(1.0f - erfc_far(a), x);
}

inline float silu_of(float x) { return x * sigmoid_of(x); }

// tanh(log(1 + w)) = n / (n + 2) with n = w (w + 2); from 20 on it is 1.
inline float mish_of(float x) {
  const float w = exp_of(x > 20.0f ? 20.0f : x), n = w * (w + 2.0f);
  return x * (n / (n + 2.0f));
}

// As gelu_table.h says. NaN has some interval, and stays NaN.
inline float gelu_of(float x) {
  const float a = magnitude(x) > kGeluMost ? kGeluMost : magnitude(x);
  const float shifted = multiply_add(a, kGeluScale, kGeluRound), t = multiply_add(a, kGeluScale, kGeluRound - shifted);
  const std::uint32_t n = bits_of(shifted) & 15u;
  float s = kGelu[4][n];
  for (int i = 3; i >= 0; --i) s = multiply_add(s, t, kGelu[i][n]);
  return multiply_add(x, with_sign(s, x), 0.5f * x);
}

inline float gelu_tanh_of(float x) {
  const float u = 0x1.988454p-1f * (x + 0x1.6e4e26p-5f * x * x * x);  // sqrt(2 / pi), 0.044715
  return x * sigmoid_of(2.0f * u);
}

constexpr std::int64_t kBlock = 64;

// Through a small buffer: the compiler sees that nothing overlaps, and y may be x.
template <float (*F)(float)>
void map(const float* x, float* y, std::int64_t count) {
  float held[kBlock];
  std::int64_t done = 0;
  for (; done + kBlock <= count; done += kBlock) {
    for (std::int64_t i = 0; i < kBlock; ++i) held[i] = F(x[done + i]);
    for (std::int64_t i = 0; i < kBlock; ++i) y[done + i] = held[i];
  }
  for (; done < count; ++done) y[done] = F(x[done]);
}

// Sums run in 16 parts that are added in a fixed order, and in double after each stretch of 4096.
constexpr int kParts = 16;
constexpr std::int64_t kStretch = 4096;

// N numbers, whatever the vectors of the processor are.
template <class T, int N>
struct VectorOf {
  typedef T Type __attribute__((vector_size(N * sizeof(T))));  // GCC knows no such attribute in `using`
};
template <class T, int N>
using Vector = typename VectorOf<T, N>::Type;
using Parts = Vector<float, kParts>;
using Flags = Vector<std::int32_t, kParts>;

template <class T, int N, class Add>
inline T fold(const Vector<T, N>& v, const Add& add) {
  if constexpr (N == 2) {
    return add(v[0], v[1]);
  } else {
    Vector<T, N / 2> low, high;
    __builtin_memcpy(&low, &v, sizeof(low));
    __builtin_memcpy(&high, reinterpret_cast<const char*>(&v) + sizeof(low), sizeof(high));
    return fold<T, N / 2>(add(low, high), add);
  }
}

inline double total(const Parts& parts) {
  return fold<double, kParts>(__builtin_convertvector(parts, Vector<double, kParts>),
                              [](auto a, auto b) { return a + b; });
}

inline Parts load_parts(const float* x) {
  Parts out;
  __builtin_memcpy(&out, x, sizeof(out));
  return out;
}

// Sums of R rows that lie `stride` apart, side by side: none waits for the additions of another. f(values, row).
template <int R, class F>
inline void sums_of(const float* x, std::int64_t stride, std::int64_t count, const F& f, double* out) {
  for (int r = 0; r < R; ++r) out[r] = 0;
  for (std::int64_t first = 0; first < count; first += kStretch) {
    const std::int64_t end = count - first < kStretch ? count : first + kStretch;
    Parts parts[R] = {};
    std::int64_t i = first;
    for (; i + kParts <= end; i += kParts) {
      for (int r = 0; r < R; ++r) parts[r] += f(load_parts(x + r * stride + i), r);
    }
    for (int r = 0; r < R && i < end; ++r) {
      float rest[kParts] = {};
      for (std::int64_t p = 0; i + p < end; ++p) rest[p] = f(x[r * stride + i + p], r);
      parts[r] += load_parts(rest);
    }
    for (int r = 0; r < R; ++r) out[r] += total(parts[r]);
  }
}

template <class F>
inline double sum_of(const float* x, std::int64_t count, const F& f) {
  double out;
  sums_of<1>(x, 0, count, [&](auto v, int) { return f(v); }, &out);
  return out;
}

// The greatest number of all that it is given, and whether NaN was among them.
struct Greatest {
  Parts most;
  Flags nan = {};

  Greatest() {
    for (int p = 0; p < kParts; ++p) most[p] = -__builtin_inff();
  }
  void add(const Parts& v) {
    most = v > most ? v : most;
    nan |= v != v;
  }
  void add(float v) {
    most[0] = v > most[0] ? v : most[0];
    nan[0] |= v != v;
  }
  float result() const {
    const bool any_nan = fold<std::int32_t, kParts>(nan, [](auto a, auto b) { return a | b; }) != 0;
    return any_nan ? __builtin_nanf("") : fold<float, kParts>(most, [](auto a, auto b) { return b > a ? b : a; });
  }
};

float maximum(const float* x, std::int64_t count) {
  Greatest greatest;
  std::int64_t i = 0;
  for (; i + kParts <= count; i += kParts) {
    greatest.add(load_parts(x + i));
  }
  for (; i < count; ++i) greatest.add(x[i]);
  return greatest.result();
}

// z null: of zeros.
template <bool kAdds>
float scaled_maximum_of(const float* x, float factor, const float* z, float* y, std::int64_t count) {
  Greatest greatest;
  float held[kParts];
  std::int64_t i = 0;
  for (; i + kParts <= count; i += kParts) {
    for (int p = 0; p < kParts; ++p) held[p] = kAdds ? multiply_add(x[i + p], factor, z[i + p]) : x[i + p] * factor;
    const Parts v = load_parts(held);
    __builtin_memcpy(y + i, &v, sizeof(v));
    greatest.add(v);
  }
  for (; i < count; ++i) greatest.add(y[i] = kAdds ? multiply_add(x[i], factor, z[i]) : x[i] * factor);
  return greatest.result();
}

float scaled_maximum(const float* x, float factor, const float* z, float* y, std::int64_t count) {
  return z != nullptr ? scaled_maximum_of<true>(x, factor, z, y, count)
                      : scaled_maximum_of<false>(x, factor, z, y, count);
}

double sum(const float* x, std::int64_t count) {
  return sum_of(x, count, [](auto v) { return v; });
}

double squared_distance(const float* x, float mean, std::int64_t count) {
  return sum_of(x, count, [mean](auto v) { return (v - mean) * (v - mean); });
}

double exp_shifted(const float* x, float shift, float* y, std::int64_t count) {
  float held[kBlock];
  std::int64_t done = 0;
  for (; done + kBlock <= count; done += kBlock) {
    for (std::int64_t i = 0; i < kBlock; ++i) held[i] = exp_of(x[done + i] - shift);
    for (std::int64_t i = 0; i < kBlock; ++i) y[done + i] = held[i];
  }
  for (; done < count; ++done) y[done] = exp_of(x[done] - shift);
  return sum(y, count);
}

void scale(float* y, float factor, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] *= factor;
}

template <class F>
void pairs_of(const float* a, const float* b, float* y, std::int64_t count, const F& f) {
  std::int64_t i = 0;
  for (; i + kParts <= count; i += kParts) {
    const Parts v = f(load_parts(a + i), load_parts(b + i));
    __builtin_memcpy(y + i, &v, sizeof(v));
  }
  for (; i < count; ++i) y[i] = f(a[i], b[i]);
}

void add(const float* a, const float* b, float* y, std::int64_t count) {
  pairs_of(a, b, y, count, [](auto p, auto q) { return p + q; });
}
void multiply(const float* a, const float* b, float* y, std::int64_t count) {
  pairs_of(a, b, y, count, [](auto p, auto q) { return p * q; });
}

template <bool kAdds>
void normalize_of(const float* x, float mean, float factor, const float* weight, const float* bias, float* y,
                  std::int64_t count) {
  std::int64_t i = 0;
  for (; i + kParts <= count; i += kParts) {
    Parts v = (load_parts(x + i) - mean) * factor * load_parts(weight + i);
    if constexpr (kAdds) v += load_parts(bias + i);
    __builtin_memcpy(y + i, &v, sizeof(v));
  }
  for (; i < count; ++i) {
    const float v = (x[i] - mean) * factor * weight[i];
    y[i] = kAdds ? v + bias[i] : v;
  }
}

void normalize(const float* x, float mean, float factor, const float* weight, const float* bias, float* y,
               std::int64_t count) {
  bias != nullptr ? normalize_of<true>(x, mean, factor, weight, bias, y, count)
                  : normalize_of<false>(x, mean, factor, weight, bias, y, count);
}

// R rows at once.
template <int R>
void layer_norm_of(const float* x, std::int64_t count, double epsilon, const float* weight, const float* bias,
                   float* y) {
  double sums[R], squares[R];
  float means[R];
  sums_of<R>(x, count, count, [](auto v, int) { return v; }, sums);
  for (int r = 0; r < R; ++r) means[r] = static_cast<float>(sums[r] / static_cast<double>(count));
  sums_of<R>(x, count, count, [&](auto v, int r) { return (v - means[r]) * (v - means[r]); }, squares);
  for (int r = 0; r < R; ++r) {
    const double deviation = __builtin_sqrt(squares[r] / static_cast<double>(count) + epsilon);
    normalize(x + r * count, means[r], static_cast<float>(1 / deviation), weight, bias, y + r * count, count);
  }
}

void layer_norm(const float* x, std::int64_t rows, std::int64_t count, double epsilon, const float* weight,
                const float* bias, float* y) {
  constexpr int kRows = 8;
  std::int64_t r = 0;
  for (; r + kRows <= rows; r += kRows) {
    layer_norm_of<kRows>(x + r * count, count, epsilon, weight, bias, y + r * count);
  }
  for (; r < rows; ++r) layer_norm_of<1>(x + r * count, count, epsilon, weight, bias, y + r * count);
}

// y[i] = gelu(x[i]), and its range.
void gelu_with_range_of(const float* x, float* y, std::int64_t count, float& low, float& high) {
  for (std::int64_t i = 0; i < count; ++i) {
    y[i] = gelu_of(x[i]);
    low = y[i] < low ? y[i] : low;
    high = y[i] > high ? y[i] : high;
  }
}

// What looks the polynomials of gelu up faster than compilers know how to: `gelu` and `gelu_with_range`.
constexpr MathTable portable_table(const char* isa, MathMap gelu,
                                   decltype(MathTable::gelu_with_range) gelu_with_range) {
  return {
      .isa = isa,
      .exp = map<exp_of>,
      .sigmoid = map<sigmoid_of>,
      .tanh = map<tanh_of>,
      .erf = map<erf_of>,
      .silu = map<silu_of>,
      .mish = map<mish_of>,
      .gelu = gelu,
      .gelu_with_range = gelu_with_range,
      .gelu_tanh = map<gelu_tanh_of>,
      .add = add,
      .multiply = multiply,
      .maximum = maximum,
      .scaled_maximum = scaled_maximum,
      .sum = sum,
      .squared_distance = squared_distance,
      .exp_shifted = exp_shifted,
      .scale = scale,
      .normalize = normalize,
      .layer_norm = layer_norm,
  };
}

}  // namespace
}  // namespace octet::kernels
