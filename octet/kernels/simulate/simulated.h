// Kernels of instruction sets that this machine may lack, built against an emulation of their
// intrinsics (SIMDe) so that their bits can be tested anywhere. Empty where SIMDe is not installed.
#pragma once

#include <vector>

#include "octet/kernels/attention_s8/attention_s8.h"
#include "octet/kernels/igemm/igemm.h"
#include "octet/kernels/weight_only/weight_only.h"

namespace octet::kernels {

using IgemmKernels = std::vector<const IgemmKernel*>;
using WeightOnlyKernels = std::vector<const WeightOnlyKernel*>;

#ifdef OCTET_SIMULATED_KERNELS
extern const IgemmKernel igemm_u8s8_avx512_vnni_simulated[4], igemm_u8s8_avx512_simulated[4];
extern const IgemmKernel igemm_u8s8_avx_vnni_simulated, igemm_f32_avx512_simulated[3];
extern const IgemmKernel depthwise_u8s8_avx512_vnni_simulated[3], depthwise_u8s8_avx512_simulated;
extern const IgemmKernel depthwise_u8s8_avx_vnni_simulated, depthwise_f32_avx512_simulated[3];
extern const WeightOnlyKernel weight_only_avx512_vnni_simulated, weight_only_avx512_simulated;
extern const WeightOnlyKernel weight_only_avx_vnni_simulated;

extern const AttentionS8Kernel attention_s8_avx512_vnni_simulated, attention_s8_avx_vnni_simulated;

inline std::vector<const AttentionS8Kernel*> simulated_attention_s8() {
  return {&attention_s8_avx512_vnni_simulated, &attention_s8_avx_vnni_simulated};
}
inline IgemmKernels simulated_igemm_u8s8() {
  IgemmKernels all = {&igemm_u8s8_avx_vnni_simulated};
  for (const IgemmKernel& kernel : igemm_u8s8_avx512_vnni_simulated) all.push_back(&kernel);
  for (const IgemmKernel& kernel : igemm_u8s8_avx512_simulated) all.push_back(&kernel);
  return all;
}
inline IgemmKernels simulated_igemm_f32() {
  IgemmKernels all;
  for (const IgemmKernel& kernel : igemm_f32_avx512_simulated) all.push_back(&kernel);
  return all;
}
inline IgemmKernels simulated_depthwise_u8s8() {
  IgemmKernels all = {&depthwise_u8s8_avx512_simulated, &depthwise_u8s8_avx_vnni_simulated};
  for (const IgemmKernel& kernel : depthwise_u8s8_avx512_vnni_simulated) all.push_back(&kernel);
  return all;
}
inline IgemmKernels simulated_depthwise_f32() {
  return {&depthwise_f32_avx512_simulated[0], &depthwise_f32_avx512_simulated[1], &depthwise_f32_avx512_simulated[2]};
}
inline WeightOnlyKernels simulated_weight_only() {
  return {&weight_only_avx512_vnni_simulated, &weight_only_avx512_simulated, &weight_only_avx_vnni_simulated};
}
#else
inline std::vector<const AttentionS8Kernel*> simulated_attention_s8() { return {}; }
inline IgemmKernels simulated_igemm_u8s8() { return {}; }
inline IgemmKernels simulated_igemm_f32() { return {}; }
inline IgemmKernels simulated_depthwise_u8s8() { return {}; }
inline IgemmKernels simulated_depthwise_f32() { return {}; }
inline WeightOnlyKernels simulated_weight_only() { return {}; }
#endif

}  // namespace octet::kernels
