// Where things lie in packed weights.
#pragma once

#include <algorithm>

#include "octet/kernels/weight_only/weight_only.h"

namespace octet::kernels {

constexpr int kPanel = kWeightOnlyColumns;

inline std::int64_t filled(std::int64_t k) { return (k + 7) / 8 * 8; }
inline std::int64_t group_of(const WeightOnlyForm& form) {
  return form.block == 0 ? kWeightOnlyGroup : std::min<std::int64_t>(form.block, kWeightOnlyGroup);
}
inline std::int64_t groups_of(const WeightOnlyForm& form, std::int64_t k) {
  return (k + group_of(form) - 1) / group_of(form);
}
// What follows each group of k in a panel.
inline std::int64_t params_bytes(const WeightOnlyForm& form) {
  return (form.block == 0 ? 0 : 4 * kPanel) + (form.zero_points ? 2 * kPanel : 0);
}
inline std::int64_t panel_bytes(const WeightOnlyForm& form, std::int64_t k) {
  return filled(k) * kPanel * form.bits / 8 + groups_of(form, k) * params_bytes(form);
}
inline std::int64_t panels_of(const GemmShape& s) { return (s.n + kPanel - 1) / kPanel; }

}  // namespace octet::kernels
