// The equations, number by number; sums of floats in 16 parts, as the vectors have them.
#include <cmath>

#include "octet/kernels/attention_s8/kernels.h"

namespace octet::kernels {
namespace {

constexpr int kParts = 16;

float fold(float (&parts)[kParts]) {
  for (int half = kParts / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) parts[i] += parts[i + half];
  }
  return parts[0];
}

struct RowScale {
  float inverse = 0, scale = 0;
};

// By the greatest magnitude: less than `tiny` is zero, from `huge` on it is not finite.
RowScale scale_of(const float* x, std::int64_t step, std::int64_t count, float tiny, float huge) {
  float most = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const float size = std::fabs(x[i * step]);
    most = std::isnan(most) || std::isnan(size) ? NAN : std::fmax(most, size);
  }
  if (!(most < huge)) return {0, NAN};
  return most < tiny ? RowScale{} : RowScale{kAttentionLimit / most, most * (1 / kAttentionLimit)};
}

// rint(x * scale), rounded once.
std::int32_t integer(float x, float scale) {
  return static_cast<std::int32_t>(std::fma(x, scale, kAttentionRound) - kAttentionRound);
}

float quantize_row(const RowScale& scale, const float* x, std::int64_t step, std::int64_t count, std::int8_t* out) {
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = std::isnan(scale.scale) ? std::int8_t{0} : static_cast<std::int8_t>(integer(x[i * step], scale.inverse));
  }
  return scale.scale;
}

RowScale scale_of_scores(const float* x, std::int64_t step, std::int64_t count) {
  return scale_of(x, step, count, kAttentionTinyScores, kAttentionHugeScores);
}

std::int8_t* bytes(char* p) { return reinterpret_cast<std::int8_t*>(p); }

// Rows of integers [keys][depth] and [keys][width].
void pack(const AttentionHead& head, void* packed) noexcept {
  const PackedHead to = packed_head(head, packed);
  for (std::int64_t s = 0; s < head.keys; ++s) {
    const float *k = head.k + s * head.k_stride, *v = head.v + s * head.v_stride;
    to.key_scale[s] = quantize_row(scale_of_scores(k, head.k_step, head.depth), k, head.k_step, head.depth,
                                   bytes(to.keys) + s * head.depth);
    to.value_scale[s] = quantize_row(scale_of(v, head.v_step, head.width, kAttentionTiny, INFINITY), v, head.v_step,
                                     head.width, bytes(to.values) + s * head.width);
  }
}

float exp_of(float d) {
  d = d > kAttentionLeast ? d : kAttentionLeast;
  const float n = std::fma(d, kAttentionLog2E, kAttentionRound) - kAttentionRound;
  const float f = std::fma(d, kAttentionLog2E, -n);
  float p = kAttentionExp[3];
  for (int i = 2; i >= 0; --i) p = std::fma(p, f, kAttentionExp[i]);
  return std::ldexp(p, static_cast<int>(n));
}

// Integer weights of the scores of a row; returns the scale of its output.
float weigh(float* x, const float* value_scale, std::int64_t keys, std::int32_t* weights) {
  float most = -INFINITY, totals[kParts] = {}, sums[kParts] = {};
  bool any_nan = false;
  for (std::int64_t s = 0; s < keys; ++s) {
    most = std::fmax(most, x[s]);
    any_nan = any_nan || std::isnan(x[s]) || std::isnan(value_scale[s]);
  }
  for (std::int64_t s = 0; s < keys; ++s) {
    const float p = exp_of(x[s] - most);
    totals[s % kParts] += p;
    sums[s % kParts] = std::fma(p, value_scale[s], sums[s % kParts]);
    x[s] = p * value_scale[s];
  }
  const float sum = fold(sums), total = fold(totals);
  const bool finite = !any_nan && std::isfinite(most) && std::isfinite(sum), tiny = sum < kAttentionTiny;
  const float c = kAttentionWeights / sum;
  for (std::int64_t s = 0; s < keys; ++s) weights[s] = finite && !tiny ? integer(x[s], c) : 0;
  if (!finite) return NAN;
  return tiny ? 0 : 1 / (c * total);
}

void attend_row(const AttentionHead& head, const PackedHead& packed, const AttentionQueries& queries, std::int64_t m,
                AttentionBlock& block) {
  const float* const q = queries.q + m * queries.q_stride;
  std::int8_t* const ints = bytes(block.queries);
  const float scale = queries.factor * quantize_row(scale_of_scores(q, 1, head.depth), q, 1, head.depth, ints);
  for (std::int64_t s = 0; s < head.keys; ++s) {
    std::int32_t sum = 0;
    for (std::int64_t d = 0; d < head.depth; ++d) sum += ints[d] * bytes(packed.keys)[s * head.depth + d];
    const float added = queries.mask == nullptr ? 0 : queries.mask[m * queries.mask_stride + s];
    block.scores[s] = std::fma(static_cast<float>(sum) * scale, packed.key_scale[s], added);
  }
  auto* const weights = reinterpret_cast<std::int32_t*>(block.weights);
  const float out_scale = weigh(block.scores, packed.value_scale, head.keys, weights);
  for (std::int64_t e = 0; e < head.width; ++e) {
    std::int32_t sum = 0;
    for (std::int64_t s = 0; s < head.keys; ++s) sum += weights[s] * bytes(packed.values)[s * head.width + e];
    queries.y[m * queries.y_stride + e] = static_cast<float>(sum) * out_scale;
  }
}

void attend(const AttentionHead& head, const void* packed, const AttentionQueries& queries, void* scratch) noexcept {
  auto& block = *static_cast<AttentionBlock*>(scratch);
  for (std::int64_t m = 0; m < queries.rows; ++m) attend_row(head, packed_head(head, packed), queries, m, block);
}

}  // namespace

const AttentionS8Kernel attention_s8_reference = {
    .name = "attention_s8_reference", .isa = Isa::scalar, .pack = pack, .attend = attend};

}  // namespace octet::kernels
