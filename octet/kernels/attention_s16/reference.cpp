// The equations, number by number; sums of floats in 16 parts, as the vectors have them.
#include <cmath>

#include "octet/kernels/attention_s16/kernels.h"

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

RowScale scale_of(float size, bool is_tiny) {
  if (!std::isfinite(size)) return {0, NAN};
  return is_tiny ? RowScale{} : RowScale{kAttentionLimit / size, size / kAttentionLimit};
}

RowScale scale_by_squares(const float* x, std::int64_t step, std::int64_t count) {
  float parts[kParts] = {};
  for (std::int64_t i = 0; i < count; ++i) parts[i % kParts] = std::fma(x[i * step], x[i * step], parts[i % kParts]);
  const float sum = fold(parts);
  return scale_of(std::sqrt(sum), sum < kAttentionTinySquares);
}

RowScale scale_by_greatest(const float* x, std::int64_t step, std::int64_t count) {
  float most = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const float size = std::fabs(x[i * step]);
    most = std::isnan(most) || std::isnan(size) ? NAN : std::fmax(most, size);
  }
  return scale_of(most, most < kAttentionTiny);
}

float quantize_row(const RowScale& scale, const float* x, std::int64_t step, std::int64_t count, std::int16_t* out) {
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = std::isnan(scale.scale) ? std::int16_t{0}
                                     : static_cast<std::int16_t>(std::nearbyint(x[i * step] * scale.inverse));
  }
  return scale.scale;
}

// Rows of integers [keys][depth] and [keys][width].
void pack(const AttentionHead& head, void* packed) noexcept {
  const PackedHead to = packed_head(head, packed);
  for (std::int64_t s = 0; s < head.keys; ++s) {
    const float *k = head.k + s * head.k_stride, *v = head.v + s * head.v_stride;
    to.key_scale[s] = quantize_row(scale_by_squares(k, head.k_step, head.depth), k, head.k_step, head.depth,
                                   to.keys + s * head.depth);
    to.value_scale[s] = quantize_row(scale_by_greatest(v, head.v_step, head.width), v, head.v_step, head.width,
                                     to.values + s * head.width);
  }
}

float exp_of(float d) {
  d = d > kAttentionLeast ? d : kAttentionLeast;
  const float n = std::fma(d, kAttentionLog2E, kAttentionRound) - kAttentionRound;
  const float f = std::fma(d, kAttentionLog2E, -n);
  float p = kAttentionExp[4];
  for (int i = 3; i >= 0; --i) p = std::fma(p, f, kAttentionExp[i]);
  return std::ldexp(p, static_cast<int>(n));
}

// Integer weights of the scores of a row; returns the scale of its output.
float weigh(float* x, const float* value_scale, std::int64_t keys, std::int16_t* weights) {
  float most = -INFINITY, greatest = 0, totals[kParts] = {}, sums[kParts] = {};
  bool any_nan = false;
  for (std::int64_t s = 0; s < keys; ++s) {
    most = std::fmax(most, x[s]);
    any_nan = any_nan || std::isnan(x[s]) || std::isnan(value_scale[s]);
  }
  for (std::int64_t s = 0; s < keys; ++s) {
    const float p = exp_of(x[s] - most);
    x[s] = p * value_scale[s];
    totals[s % kParts] += p;
    sums[s % kParts] += x[s];
    greatest = std::fmax(greatest, x[s]);
  }
  const float sum = fold(sums), total = fold(totals);
  const bool finite = !any_nan && std::isfinite(most), tiny = sum < kAttentionTiny;
  const float c = std::fmin(kAttentionLimit / greatest, kAttentionWeights / sum);
  for (std::int64_t s = 0; s < keys; ++s) {
    weights[s] = finite && !tiny ? static_cast<std::int16_t>(std::nearbyint(x[s] * c)) : std::int16_t{0};
  }
  if (!finite) return NAN;
  return tiny ? 0 : 1 / (c * total);
}

void attend_row(const AttentionHead& head, const PackedHead& packed, const AttentionQueries& queries, std::int64_t m,
                AttentionBlock& block) {
  const float* const q = queries.q + m * queries.q_stride;
  const float scale =
      queries.factor * quantize_row(scale_by_squares(q, 1, head.depth), q, 1, head.depth, block.queries);
  for (std::int64_t s = 0; s < head.keys; ++s) {
    std::int32_t sum = 0;
    for (std::int64_t d = 0; d < head.depth; ++d) sum += block.queries[d] * packed.keys[s * head.depth + d];
    const float added = queries.mask == nullptr ? 0 : queries.mask[m * queries.mask_stride + s];
    block.scores[s] = std::fma(static_cast<float>(sum) * scale, packed.key_scale[s], added);
  }
  const float out_scale = weigh(block.scores, packed.value_scale, head.keys, block.weights);
  for (std::int64_t e = 0; e < head.width; ++e) {
    std::int32_t sum = 0;
    for (std::int64_t s = 0; s < head.keys; ++s) sum += block.weights[s] * packed.values[s * head.width + e];
    queries.y[m * queries.y_stride + e] = static_cast<float>(sum) * out_scale;
  }
}

void attend(const AttentionHead& head, const void* packed, const AttentionQueries& queries, void* scratch) noexcept {
  auto& block = *static_cast<AttentionBlock*>(scratch);
  for (std::int64_t m = 0; m < queries.rows; ++m) attend_row(head, packed_head(head, packed), queries, m, block);
}

}  // namespace

const AttentionS16Kernel attention_s16_reference = {
    .name = "attention_s16_reference", .isa = Isa::scalar, .pack = pack, .attend = attend};

}  // namespace octet::kernels
