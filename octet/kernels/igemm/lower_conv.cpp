#include "octet/kernels/igemm/conv_plan.h"
#include "octet/kernels/igemm/lower.h"
#include "octet/kernels/igemm/pack.h"

namespace octet::kernels {
namespace {

// The weights of group g.
WeightSource source(const IgemmKernel& kernel, const ConvShape& s, const void* w, std::int64_t g) {
  const ConvPlan p = plan_conv(kernel, s);
  const std::int64_t channels = s.in_channels / s.groups, area = s.kernel_height * s.kernel_width;
  const std::int64_t n = s.out_channels / s.groups, weight_bytes = kernel.a_bytes == 4 ? 4 : 1;
  if (p.rows_fold) {
    return {.w = w,
            .n = n,
            .k = p.k,
            .k_inner = channels * s.kernel_height,
            .k_inner_stride = s.kernel_width,
            .k_outer_stride = 1,
            .n_stride = channels * area};
  }
  return {.w = static_cast<const char*>(w) + g * n * channels * area * weight_bytes,
          .n = n,
          .k = p.k,
          .taps = p.taps_y * p.taps_x,
          .taps_x = p.taps_x,
          .tap_y_stride = s.kernel_width,
          .tap_x_stride = 1,
          .k_inner = channels,
          .k_inner_stride = area,
          .k_outer_stride = 1,
          .n_stride = channels * area};
}

}  // namespace

std::int64_t packed_bytes(const IgemmKernel& kernel, const ConvShape& s) {
  const ConvPlan p = plan_conv(kernel, s);
  return s.groups * packed_bytes(kernel, s.out_channels / s.groups, p.taps_y * p.taps_x, p.k);
}

void pack_conv(const IgemmKernel& kernel, const ConvShape& s, const void* w, void* packed) {
  for (std::int64_t g = 0; g < s.groups; ++g) {
    const WeightSource from = source(kernel, s, w, g);
    char* to = static_cast<char*>(packed) + g * packed_bytes(kernel, from.n, from.taps, from.k);
    pack_panels(kernel, from, to, 0, (from.n + kernel.nr - 1) / kernel.nr);
  }
}

NarrowFit fit_narrow(const IgemmKernel& kernel, const ConvShape& s, const void* w) {
  NarrowFit all{.fits = true};
  for (std::int64_t g = 0; g < s.groups && all.fits; ++g) {
    NarrowFit fit = fit_narrow(kernel, source(kernel, s, w, g));
    fit.corrections += all.corrections;
    all = fit;
  }
  all.corrections = (all.corrections + s.groups - 1) / s.groups;
  return all;
}

std::int64_t scratch_bytes(const IgemmKernel& kernel, const ConvShape& s) {
  return scratch_bytes(plan_conv(kernel, s));
}

void run_conv(const IgemmKernel& kernel, const ConvShape& s, const void* in, int zero_point, const void* packed,
              const Epilogue& epilogue, void* scratch, ThreadPool& pool) {
  const ConvPlan plan = plan_conv(kernel, s);
  IgemmProblem p = read_plan(kernel, plan, s, in, zero_point, scratch, pool);
  set_weights(p, s.out_channels / s.groups, packed);
  // Padding that counts for nothing; a narrow kernel corrects sums of all taps.
  if ((p.a_zero_point == 0 || kernel.a_bytes != 1) && p.corrections_offset < 0 && plan.taps_y > 1) {
    p.tap_rows = {.count = s.kernel_height,
                  .width = p.tap_count / s.kernel_height,
                  .stride = s.stride_h,
                  .dilation = s.dilation_h,
                  .pad_top = s.pad_top,
                  .in_height = s.in_height};
  }
  p.inner = s.groups;
  p.a_step[1] = s.in_channels / s.groups * kernel.a_bytes;
  p.packed_step[1] = packed_bytes(kernel, p.n, p.tap_count, p.k);
  p.c_step[1] = p.column_step = p.n;
  p.epilogue = epilogue;
  run_igemm(p, pool);
}

}  // namespace octet::kernels
