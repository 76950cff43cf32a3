// What stands between the two products: masks, and weights of scores; as quantize_vector.h.
#pragma once

#include "octet/kernels/attention_s8/quantize_vector.h"

namespace octet::kernels {
namespace {

/// The mask of a block of rows, and the step from row to row.
struct MaskRows {
  const float* at;
  std::int64_t step;
};

// Masks are read where they lie if no key fills up a vector; otherwise, or if tiles take more rows than there are,
// copied, and keys that fill up are masked.
inline MaskRows read_mask(const AttentionHead& head, const AttentionQueries& queries, std::int64_t first, int rows,
                          AttentionBlock& block) {
  const bool shared = queries.mask == nullptr || queries.mask_stride == 0;
  if (queries.mask != nullptr && head.keys % kLanes == 0 && (shared || rows == kAttentionRows)) {
    return {queries.mask + first * queries.mask_stride, queries.mask_stride};
  }
  const MaskRows copied = {block.mask, shared ? 0 : kAttentionKeyStride};
  if (shared && first > 0) return copied;
  for (int r = 0; r < (shared ? 1 : kAttentionRows); ++r) {
    float* const to = block.mask + r * kAttentionKeyStride;
    const float* const from =
        queries.mask == nullptr || r >= rows ? nullptr : queries.mask + (first + r) * queries.mask_stride;
    for (std::int64_t s = 0; s < head.keys; ++s) to[s] = from == nullptr ? 0 : from[s];
    for (std::int64_t s = head.keys; s < attention_padded(head.keys); ++s) to[s] = -__builtin_inff();
  }
  return copied;
}

// e^d for kAttentionLeast <= d <= 0, as 2^n 2^f with n = round(d / ln 2).
template <class Vector>
inline typename Vector::F32 exp_of(typename Vector::F32 d) {
  using F32 = typename Vector::F32;
  const F32 log2e = Vector::set(kAttentionLog2E), round = Vector::set(kAttentionRound);
  const F32 n = Vector::sub(Vector::fma(d, log2e, round), round), f = Vector::fms(d, log2e, n);
  F32 p = Vector::set(kAttentionExp[3]);
  for (int i = 2; i >= 0; --i) p = Vector::fma(p, f, Vector::set(kAttentionExp[i]));
  return Vector::times_power(p, n);
}

// Of kLanes rows; those beyond the block's hold anything.
template <class Vector>
inline const typename Vector::F32 (&load_parts(const float* from, typename Vector::F32 (&parts)[kLanes]))[kLanes] {
  for (int r = 0; r < kLanes; ++r) parts[r] = Vector::load(from + r * kLanes);
  return parts;
}

// Weights of rows of scores, in their place, and the sums of a row.
template <class Vector>
inline void find_weights(const float* value_scale, std::int64_t keys, int rows, AttentionBlock& block) {
  using F32 = typename Vector::F32;
  F32 parts[kLanes];
  Vector::fold_greatest(load_parts<Vector>(block.most, parts), block.shift);
  for (int r = 0; r < rows; ++r) {
    float* const x = block.scores + r * kAttentionKeyStride;
    const F32 shift = Vector::set(block.shift[r]);
    F32 total = Vector::set(0.0f), sum = total;
    for (std::int64_t s = 0; s < keys; s += kLanes) {
      const F32 d = Vector::sub(Vector::load(x + s), shift);
      const F32 p = exp_of<Vector>(Vector::greater(Vector::set(kAttentionLeast), d));
      const F32 v = Vector::load(value_scale + s);
      total = Vector::add(total, p);
      sum = Vector::fma(p, v, sum);
      Vector::store(x + s, Vector::mul(p, v));
    }
    Vector::store(block.totals + r * kLanes, total);
    Vector::store(block.sums + r * kLanes, sum);
  }
  Vector::fold_sums(load_parts<Vector>(block.totals, parts), block.total);
  Vector::fold_sums(load_parts<Vector>(block.sums, parts), block.sum);
}

// What makes integers of the weights of rows, and the scales of outputs.
inline void find_steps(AttentionBlock& block) {
  for (int r = 0; r < kLanes; ++r) {
    const float sum = block.sum[r], shift = block.shift[r], total = block.total[r];
    // Scores that are not finite, or values: then a sum is none.
    const bool finite =
        (shift > -__builtin_inff()) & (shift < __builtin_inff()) & (total == total) & (sum < __builtin_inff());
    const bool tiny = sum < kAttentionTiny;
    const float c = tiny ? 0 : kAttentionWeights / sum;
    const float out = tiny ? 0 : 1 / (c * total);
    block.c[r] = c;
    block.out_scale[r] = finite ? out : __builtin_nanf("");
  }
}

// Weights as words, or as bytes with second digits where one of the rows needs them; returns how many fours of keys do.
template <class Vector>
inline int round_weights(std::int64_t keys, int rows, AttentionBlock& block) {
  using S32 = typename Vector::S32;
  constexpr int kStride = kAttentionKeyStride * Vector::kBytes;
  const auto weight = [&](int r, std::int64_t s) {
    return integers<Vector>(Vector::load(block.scores + r * kAttentionKeyStride + s), Vector::set(block.c[r]), 0);
  };
  int digits = 0;
  for (std::int64_t s = 0; s < keys; s += kLanes) {
    S32 any = Vector::set(std::int32_t{0});
    for (int r = 0; r < rows; ++r) {
      const S32 w = weight(r, s);
      Vector::store_integers(block.weights + r * kStride + s * Vector::kBytes, w);
      any = Vector::either(any, w);
    }
    if (Vector::kBytes == 2) continue;
    const unsigned second = Vector::second_bytes(any);
    if (second == 0) continue;
    for (int r = 0; r < rows; ++r) {
      Vector::store_bytes(block.weights + (kAttentionRows + r) * kStride + s, Vector::second_byte(weight(r, s)));
    }
    for (int i = 0; i < 4; ++i) {
      block.digits[digits] = static_cast<std::uint16_t>(s / 4 + i);
      digits += (second >> 4 * i & 15) != 0 ? 1 : 0;
    }
  }
  return digits;
}

template <class Vector>
inline int weigh(const float* value_scale, std::int64_t keys, int rows, AttentionBlock& block) {
  find_weights<Vector>(value_scale, keys, rows, block);
  find_steps(block);
  return round_weights<Vector>(keys, rows, block);
}

}  // namespace
}  // namespace octet::kernels
