#include <optional>

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

constexpr std::int64_t kLeastLeftOut = 1 << 13;  // products of a row of outputs with a row of taps

// Whether rows of taps above and below a padded copy are left out: a tile of its own costs something, so a few products
// are sooner done.
bool worth_leaving_out(const IgemmProblem& p, const ConvPlan& plan, const ConvShape& s) {
  return plan.taps_y > 1 && s.kernel_height <= kMostTaps &&
         p.rows.width * plan.taps_x * p.k * p.kernel->nr >= kLeastLeftOut;
}

// Whether padding counts for nothing; a narrow kernel corrects sums of all taps, as do the zero points of weights.
bool pads_with_zero(const IgemmKernel& kernel, int zero_point) {
  return (zero_point == 0 || kernel.a_bytes != 1) && kernel.narrow == nullptr;
}

// All but the table.
PreparedConv prepare_shape(const IgemmKernel& kernel, const ConvShape& s, bool zero_padding) {
  const bool in_place = zero_padding && reads_in_place(kernel, s);
  PreparedConv out;
  out.zero_padding = zero_padding;
  out.plan = plan_conv(kernel, s, in_place);
  IgemmProblem& p = out.problem = problem_of(kernel, out.plan, s);
  p.inner = s.groups;
  if (in_place || (zero_padding && worth_leaving_out(p, out.plan, s))) {
    p.tap_rows = {s.kernel_height, s.stride_h, s.dilation_h, s.pad_top, s.in_height};
  }
  if (in_place) p.tap_columns = {s.kernel_width, s.stride_w, s.dilation_w, s.pad_left, s.in_width};
  set_weights(p, s.out_channels / s.groups, nullptr);
  p.a_step[1] = s.in_channels / s.groups * kernel.a_bytes;
  p.packed_step[1] = packed_bytes(kernel, p.n, p.tap_count, p.k);
  p.c_step[1] = p.column_step = p.n;
  return out;
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

PreparedConv prepare_conv(const IgemmKernel& kernel, const ConvShape& s, int zero_point, int threads) {
  PreparedConv out = prepare_shape(kernel, s, pads_with_zero(kernel, zero_point));
  out.table = find_rows(out.problem, threads);
  return out;
}

void run_conv(const IgemmKernel& kernel, const ConvShape& s, const void* in, int zero_point, const void* packed,
              const Epilogue& epilogue, void* scratch, ThreadPool& pool, const PreparedConv* prepared) {
  const bool zero_padding = pads_with_zero(kernel, zero_point) && epilogue.weight_zero_point == nullptr;
  std::optional<PreparedConv> own;
  if (prepared == nullptr || prepared->zero_padding != zero_padding)
    prepared = &own.emplace(prepare_shape(kernel, s, zero_padding));
  IgemmProblem p = prepared->problem;
  p.row_table = &prepared->table;
  p.packed = packed;
  p.epilogue = epilogue;
  read_plan(prepared->plan, s, in, zero_point, scratch, pool, p);
  run_igemm(p, pool);
}

}  // namespace octet::kernels
