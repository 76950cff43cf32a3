#include "octet/kernels/igemm/conv_plan.h"
#include "octet/kernels/igemm/lower.h"
#include "octet/kernels/igemm/pack.h"

namespace octet::kernels {

std::int64_t packed_bytes(const IgemmKernel& kernel, const ConvShape& s) {
  const ConvPlan p = plan_conv(kernel, s);
  return s.groups * packed_bytes(kernel, s.out_channels / s.groups, p.taps_y * p.taps_x, p.k);
}

void pack_conv(const IgemmKernel& kernel, const ConvShape& s, const void* w, void* packed) {
  const ConvPlan p = plan_conv(kernel, s);
  const std::int64_t channels = s.in_channels / s.groups, area = s.kernel_height * s.kernel_width;
  const std::int64_t n = s.out_channels / s.groups, weight_bytes = kernel.a_bytes == 4 ? 4 : 1;
  WeightSource from{.n = n,
                    .k = p.k,
                    .taps = p.taps_y * p.taps_x,
                    .taps_x = p.taps_x,
                    .tap_y_stride = s.kernel_width,
                    .tap_x_stride = 1,
                    .k_inner = channels,
                    .k_inner_stride = area,
                    .k_outer_stride = 1,
                    .n_stride = channels * area};
  for (std::int64_t g = 0; g < s.groups; ++g) {
    from.w = static_cast<const char*>(w) + g * n * channels * area * weight_bytes;
    char* to = static_cast<char*>(packed) + g * packed_bytes(kernel, n, from.taps, p.k);
    pack_panels(kernel, from, to, 0, (n + kernel.nr - 1) / kernel.nr);
  }
}

std::int64_t scratch_bytes(const IgemmKernel& kernel, const ConvShape& s) {
  return scratch_bytes(plan_conv(kernel, s));
}

void run_conv(const IgemmKernel& kernel, const ConvShape& s, const void* in, int zero_point, const void* packed,
              const Epilogue& epilogue, void* scratch, ThreadPool& pool) {
  IgemmProblem p = read_plan(kernel, plan_conv(kernel, s), s, in, zero_point, scratch, pool);
  set_weights(p, s.out_channels / s.groups, packed);
  p.inner = s.groups;
  p.a_step[1] = s.in_channels / s.groups * kernel.a_bytes;
  p.packed_step[1] = packed_bytes(kernel, p.n, p.tap_count, p.k);
  p.c_step[1] = p.column_step = p.n;
  p.epilogue = epilogue;
  run_igemm(p, pool);
}

}  // namespace octet::kernels
