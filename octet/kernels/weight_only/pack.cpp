#include <cstring>

#include "octet/kernels/weight_only/panels.h"

namespace octet::kernels {
namespace {

struct Part {
  std::int64_t k, n, count, columns;
};

void pack_group(const WeightOnlyForm& form, const GemmShape& s, const WeightOnlyWeights& weights, const Part& part,
                unsigned char* to) {
  for (std::int64_t i = 0; i < part.count; ++i) {
    const std::int8_t* from = weights.w + (part.k + i) * s.b_k_stride + part.n * s.b_n_stride;
    const bool high = form.bits == 4 && i % 8 >= 4;
    unsigned char* row = to + i / (form.bits == 4 ? 8 : 4) * (4 * kPanel) + i % 4;
    for (std::int64_t c = 0; c < part.columns; ++c) {
      const int w = from[c * s.b_n_stride] + (1 << (form.bits - 1));
      row[4 * c] = static_cast<unsigned char>(high ? row[4 * c] | w << 4 : w);
    }
  }
}

void pack_params(const WeightOnlyForm& form, const GemmShape& s, const WeightOnlyWeights& weights, const Part& part,
                 unsigned char* to) {
  if (form.block == 0) return;
  const std::int64_t from = part.k / form.block * s.n + part.n;
  std::memcpy(to, weights.scale + from, static_cast<std::size_t>(part.columns) * sizeof(float));
  if (!form.zero_points) return;
  for (std::int64_t c = 0; c < part.columns; ++c)
    to[4 * kPanel + c] = static_cast<unsigned char>(weights.zero[from + c] + (1 << (form.bits - 1)));
}

}  // namespace

bool weight_only_serves(const WeightOnlyForm& form) {
  if (form.block == 0) return !form.zero_points;
  return form.block % (form.block < kWeightOnlyGroup ? 8 : kWeightOnlyGroup) == 0;
}

std::int64_t packed_bytes_weight_only(const WeightOnlyForm& form, const GemmShape& s) {
  return panels_of(s) * panel_bytes(form, s.k);
}

void pack_weight_only(const WeightOnlyForm& form, const GemmShape& s, const WeightOnlyWeights& weights, void* packed) {
  auto* to = static_cast<unsigned char*>(packed);
  std::memset(to, 0, static_cast<std::size_t>(packed_bytes_weight_only(form, s)));
  for (std::int64_t n = 0; n < s.n; n += kPanel) {
    const std::int64_t columns = std::min<std::int64_t>(kPanel, s.n - n);
    for (std::int64_t k = 0; k < s.k; k += group_of(form)) {
      const std::int64_t count = std::min(group_of(form), s.k - k);
      pack_group(form, s, weights, {k, n, count, columns}, to);
      to += filled(count) * kPanel * form.bits / 8;
      pack_params(form, s, weights, {k, n, count, columns}, to);
      to += params_bytes(form);
    }
  }
}

}  // namespace octet::kernels
