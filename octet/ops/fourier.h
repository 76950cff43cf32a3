// The discrete Fourier transform of any length, in double.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

namespace octet::ops {

/// X[k] = sum_n x[n] e^(-2 pi i k n / N); the inverse has the other sign and a factor 1 / N.
/// Cooley and Tukey's method over the prime factors of N; a prime length costs N^2.
class Fourier {
 public:
  Fourier(std::int64_t length, bool inverse);
  std::int64_t length() const { return length_; }
  /// `x` and `out` hold `length` numbers each and do not overlap. Safe to call from several threads.
  void transform(const std::complex<double>* x, std::complex<double>* out) const;

 private:
  struct Part {
    std::int64_t stride, length;
  };
  void step(const std::complex<double>* x, Part part, std::complex<double>* out, std::complex<double>* held) const;

  std::int64_t length_;
  bool inverse_;
  std::vector<std::complex<double>> turns_;  ///< e^(-+2 pi i k / N)
};

}  // namespace octet::ops
