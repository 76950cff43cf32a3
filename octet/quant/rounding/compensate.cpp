#include "octet/quant/rounding/compensate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "octet/kernels/igemm_f32/igemm_f32.h"

namespace octet::quant {
namespace {

constexpr std::int64_t kLargestBlock = 1024;
constexpr double kDamping = 0.01;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// product [size][size] = x x^T for x [size][count].
void outer_products(const float* x, std::int64_t size, std::int64_t count, float* product, ThreadPool& threads) {
  const kernels::IgemmKernel& kernel = kernels::select_igemm_f32(size);
  const kernels::GemmShape shape{.m = size, .n = size, .k = count, .b_k_stride = 1, .b_n_stride = count};
  std::vector<std::uint8_t> scratch(at(kernels::matmul_scratch_bytes_f32(kernel, shape)) + 64);
  std::uint8_t* aligned = scratch.data() + (64 - reinterpret_cast<std::uintptr_t>(scratch.data()) % 64) % 64;
  kernels::matmul_f32(kernel, shape, x, x, {.out = product, .out_stride = size}, aligned, threads);
}

// R upper triangular with R^T R = moments of the block, its elements in the order of `order`; row j holds columns j.. .
// Empty where no input was seen.
std::vector<double> factor(const SecondMoments::Block& block, const std::vector<std::int64_t>& order) {
  const std::int64_t n = block.size;
  double mean = 0;
  for (std::int64_t i = 0; i < n; ++i) mean += double{block.sum[at(i * n + i)]} / static_cast<double>(n);
  if (!(mean > 0) || !std::isfinite(mean)) return {};
  std::vector<double> r(at(n * n));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i; j < n; ++j) r[at(i * n + j)] = double{block.sum[at(order[at(i)] * n + order[at(j)])]};
    r[at(i * n + i)] += kDamping * mean;
  }
  for (std::int64_t j = 0; j < n; ++j) {
    double* row = r.data() + j * n;
    // Sums of squares in float may come out a little below what they are: the damping is their floor.
    const double root = std::sqrt(std::max(row[j], kDamping * mean * 0.1));
    for (std::int64_t t = j; t < n; ++t) row[t] /= root;
    row[j] = root;
    for (std::int64_t i = j + 1; i < n; ++i) {
      const double factor = row[i];
      if (factor == 0) continue;
      double* below = r.data() + i * n;
      for (std::int64_t t = i; t < n; ++t) below[t] -= factor * row[t];
    }
  }
  return r;
}

// Several rows at once, so that each coefficient is read once for all of them.
constexpr std::int64_t kLanes = 8;

struct BlockRounder {
  std::int64_t k, begin, n;
  const std::vector<std::int64_t>& order;
  const std::vector<float>& coefficients;  // [n][n]: R[j][t] / R[j][j], t > j; empty: to nearest
  float limit;

  void round(const float* w, const float* scales, std::int64_t rows, std::int8_t* out) const {
    std::vector<float> error(at(n * kLanes), 0.0F);
    for (std::int64_t j = n - 1; j >= 0; --j) {
      float sum[kLanes] = {};
      if (!coefficients.empty()) {
        const float* c = coefficients.data() + j * n;
        for (std::int64_t t = j + 1; t < n; ++t) {
          for (std::int64_t l = 0; l < kLanes; ++l) sum[l] += c[t] * error[at(t * kLanes + l)];
        }
      }
      const std::int64_t i = begin + order[at(j)];
      for (std::int64_t l = 0; l < rows; ++l) {
        const float wanted = w[l * k + i] / scales[l];
        const float q = std::clamp(std::nearbyint(wanted + sum[l]), -limit, limit);
        error[at(j * kLanes + l)] = wanted - q;
        out[l * k + i] = static_cast<std::int8_t>(q);
      }
    }
  }
};

}  // namespace

SecondMoments::SecondMoments(std::int64_t k) : k_(k) {
  const std::int64_t parts = std::max<std::int64_t>(1, (k + kLargestBlock - 1) / kLargestBlock);
  for (std::int64_t p = 0; p < parts; ++p) {
    const std::int64_t begin = k * p / parts, end = k * (p + 1) / parts;
    blocks_.push_back({begin, end - begin, std::vector<float>(at((end - begin) * (end - begin)), 0.0F)});
  }
}

void SecondMoments::add(const float* x, std::int64_t count, ThreadPool& threads) {
  std::vector<float> product;
  for (Block& block : blocks_) {
    product.resize(block.sum.size());
    outer_products(x + block.begin * count, block.size, count, product.data(), threads);
    for (std::size_t i = 0; i < product.size(); ++i) block.sum[i] += product[i];
  }
  count_ += count;
}

void round_compensated(const SecondMoments& moments, const float* w, std::span<const float> scales, std::int64_t limit,
                       std::int8_t* out, ThreadPool& threads) {
  const auto rows = static_cast<std::int64_t>(scales.size());
  const std::int64_t k = moments.k();
  for (const SecondMoments::Block& block : moments.blocks()) {
    const std::int64_t n = block.size;
    std::vector<std::int64_t> order(at(n));  // what matters most comes last, and is rounded first
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      return std::pair(block.sum[at(a * n + a)], a) < std::pair(block.sum[at(b * n + b)], b);
    });
    const std::vector<double> r = factor(block, order);
    std::vector<float> coefficients(r.size());
    for (std::int64_t j = 0; j < n && !r.empty(); ++j) {
      for (std::int64_t t = j + 1; t < n; ++t)
        coefficients[at(j * n + t)] = static_cast<float>(r[at(j * n + t)] / r[at(j * n + j)]);
    }
    const BlockRounder rounder{k, block.begin, n, order, coefficients, static_cast<float>(limit)};
    threads.parallel_for((rows + kLanes - 1) / kLanes, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t group = begin; group < end; ++group) {
        const std::int64_t row = group * kLanes;
        rounder.round(w + row * k, scales.data() + row, std::min(kLanes, rows - row), out + row * k);
      }
    });
  }
}

}  // namespace octet::quant
