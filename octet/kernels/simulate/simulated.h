// Kernels of instruction sets that this machine may lack, built against an emulation of their
// intrinsics (SIMDe) so that their bits can be tested anywhere. Empty where SIMDe is not installed.
#pragma once

#include <vector>

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {

using IgemmKernels = std::vector<const IgemmKernel*>;

#ifdef OCTET_SIMULATED_KERNELS
extern const IgemmKernel igemm_u8s8_avx512_vnni_simulated, igemm_u8s8_avx512_vnni_narrow_simulated;
extern const IgemmKernel igemm_u8s8_avx512_simulated, igemm_u8s8_avx512_narrow_simulated, igemm_u8s8_avx_vnni_simulated;
extern const IgemmKernel igemm_f32_avx512_simulated;
extern const IgemmKernel depthwise_u8s8_avx512_vnni_simulated, depthwise_u8s8_avx512_simulated;
extern const IgemmKernel depthwise_f32_avx512_simulated;

inline IgemmKernels simulated_igemm_u8s8() {
  return {&igemm_u8s8_avx512_vnni_simulated, &igemm_u8s8_avx512_vnni_narrow_simulated, &igemm_u8s8_avx512_simulated,
          &igemm_u8s8_avx512_narrow_simulated, &igemm_u8s8_avx_vnni_simulated};
}
inline IgemmKernels simulated_igemm_f32() { return {&igemm_f32_avx512_simulated}; }
inline IgemmKernels simulated_depthwise_u8s8() {
  return {&depthwise_u8s8_avx512_vnni_simulated, &depthwise_u8s8_avx512_simulated};
}
inline IgemmKernels simulated_depthwise_f32() { return {&depthwise_f32_avx512_simulated}; }
#else
inline IgemmKernels simulated_igemm_u8s8() { return {}; }
inline IgemmKernels simulated_igemm_f32() { return {}; }
inline IgemmKernels simulated_depthwise_u8s8() { return {}; }
inline IgemmKernels simulated_depthwise_f32() { return {}; }
#endif

}  // namespace octet::kernels
