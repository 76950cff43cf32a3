#include <array>

#include "octet/kernels/attention_s16/kernels.h"

namespace octet::kernels {
namespace {

constexpr std::array kTable = {&attention_s16_avx512_vnni, &attention_s16_avx_vnni, &attention_s16_avx2,
                               &attention_s16_reference};

}  // namespace

std::span<const AttentionS16Kernel* const> attention_s16_table() { return kTable; }

const AttentionS16Kernel& select_attention_s16() {
  for (const AttentionS16Kernel* kernel : kTable) {
    if (isa_allowed(kernel->isa)) return *kernel;
  }
  return attention_s16_reference;
}

bool fits_attention_s16(std::int64_t keys, std::int64_t depth) {
  return keys > 0 && keys <= kAttentionS16Keys && depth > 0 && depth <= kAttentionS16Depth;
}

std::int64_t packed_bytes_attention_s16(const AttentionHead& head) {
  return 2 * attention_scale_bytes(head) + attention_key_bytes(head) + attention_value_bytes(head);
}

std::int64_t scratch_bytes_attention_s16() { return (sizeof(AttentionBlock) + 63) / 64 * 64; }

}  // namespace octet::kernels
