#include "octet/ops/fourier.h"

#include <cmath>
#include <numbers>

namespace octet::ops {
namespace {

std::int64_t smallest_factor(std::int64_t n) {
  for (std::int64_t p = 2; p * p <= n; ++p) {
    if (n % p == 0) return p;
  }
  return n;
}

}  // namespace

Fourier::Fourier(std::int64_t length, bool inverse) : length_(length), inverse_(inverse) {
  const double angle = (inverse ? 2 : -2) * std::numbers::pi / static_cast<double>(length);
  for (std::int64_t k = 0; k < length; ++k) turns_.push_back(std::polar(1.0, angle * static_cast<double>(k)));
}

void Fourier::transform(const std::complex<double>* x, std::complex<double>* out) const {
  std::vector<std::complex<double>> held(static_cast<std::size_t>(length_));
  step(x, {1, length_}, out, held.data());
  if (!inverse_) return;
  for (std::int64_t k = 0; k < length_; ++k) out[k] /= static_cast<double>(length_);
}

// The transform of x[0], x[stride], ... : p transforms of every p-th element, then p-point transforms across them.
void Fourier::step(const std::complex<double>* x, Part part, std::complex<double>* out,
                   std::complex<double>* held) const {
  if (part.length == 1) {
    *out = *x;
    return;
  }
  const std::int64_t p = smallest_factor(part.length), m = part.length / p;
  for (std::int64_t r = 0; r < p; ++r) step(x + r * part.stride, {part.stride * p, m}, out + r * m, held);
  for (std::int64_t k = 0; k < m; ++k) {
    for (std::int64_t r = 0; r < p; ++r) {
      held[r] = out[r * m + k] * turns_[static_cast<std::size_t>(part.stride * r * k)];
    }
    for (std::int64_t q = 0; q < p; ++q) {
      std::complex<double> sum = 0;
      for (std::int64_t r = 0; r < p; ++r) sum += held[r] * turns_[static_cast<std::size_t>(length_ / p * (r * q % p))];
      out[q * m + k] = sum;
    }
  }
}

}  // namespace octet::ops
