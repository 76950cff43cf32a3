#include <array>

#include "octet/kernels/attention_s8/kernels.h"

namespace octet::kernels {
namespace {

constexpr std::array kTable = {&attention_s8_avx512_vnni, &attention_s8_avx_vnni, &attention_s8_avx2,
                               &attention_s8_reference};

}  // namespace

std::span<const AttentionS8Kernel* const> attention_s8_table() { return kTable; }

const AttentionS8Kernel& select_attention_s8() {
  for (const AttentionS8Kernel* kernel : kTable) {
    if (isa_allowed(kernel->isa)) return *kernel;
  }
  return attention_s8_reference;
}

bool fits_attention_s8(std::int64_t keys, std::int64_t depth) {
  return keys > 0 && keys <= kAttentionS8Keys && depth > 0 && depth <= kAttentionS8Depth;
}

std::int64_t packed_bytes_attention_s8(const AttentionHead& head) {
  return 3 * attention_scale_bytes(head) + attention_key_bytes(head) + attention_value_bytes(head);
}

std::int64_t scratch_bytes_attention_s8() { return (sizeof(AttentionBlock) + 63) / 64 * 64; }

}  // namespace octet::kernels
