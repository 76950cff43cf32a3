#include "octet/kernels/igemm/conv_plan.h"

namespace octet::kernels {
namespace {

std::int64_t round_up_64(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }

// The rest of a plan whose taps and k are known. `ragged`: a core would read beyond the last pixel; `reaches_out`: or
// beyond the image.
void place(const IgemmKernel& kernel, const ConvShape& s, bool ragged, bool reaches_out, ConvPlan& p) {
  const std::int64_t in_stride = s.in_stride == 0 ? s.in_channels : s.in_stride;
  const std::int64_t height = (s.out_height - 1) * s.stride_h + (s.kernel_height - 1) * s.dilation_h + 1;
  const std::int64_t width = (s.out_width - 1) * s.stride_w + (s.kernel_width - 1) * s.dilation_w + 1;
  const bool gaps = p.taps_x < s.kernel_width && in_stride != s.in_channels;
  const bool padded = s.pad_top != 0 || s.pad_left != 0 || height > s.in_height || width > s.in_width;
  const bool always = kernel.a_bytes == 2 || ragged || gaps;
  p.copy = always || (padded && reaches_out);
  p.only_padding = p.copy && !always;
  // A 1x1 kernel with a stride skips pixels: a copy leaves them out.
  const bool thin = p.copy && s.kernel_height == 1 && s.kernel_width == 1;
  p.stride_h = thin ? 1 : s.stride_h;
  p.stride_w = thin ? 1 : s.stride_w;
  p.height = !p.copy ? s.in_height : thin ? s.out_height : height;
  p.width = !p.copy ? s.in_width : thin ? s.out_width : width;
  p.pixel = (p.copy ? s.in_channels : in_stride) * kernel.a_bytes;
  p.image = {.batch = s.batch,
             .channels = s.in_channels,
             .in_height = s.in_height,
             .in_width = s.in_width,
             .in_stride = in_stride,
             .in_row = s.in_width * in_stride,
             .in_image = s.in_height * s.in_width * in_stride,
             .height = p.height,
             .width = p.width,
             .step_h = thin ? s.stride_h : 1,
             .step_w = thin ? s.stride_w : 1,
             .pad_top = s.pad_top,
             .pad_left = s.pad_left,
             .a_bytes = kernel.a_bytes};
}

bool rows_fold(const IgemmKernel& kernel, const ConvShape& s) {
  const bool dense =
      s.groups == 1 && s.dilation_h == 1 && s.dilation_w == 1 && (s.in_stride == 0 || s.in_stride == s.in_channels);
  if (kernel.a_bytes != 1 || !dense || s.kernel_height != 3 || s.out_channels < kernel.nr / 2) return false;
  const auto steps = [&kernel](std::int64_t k) { return (k + kernel.kr - 1) / kernel.kr; };
  const std::int64_t row = s.kernel_width * s.in_channels;
  return steps(3 * row) * 10 <= 3 * steps(row) * 9;
}

void fold_rows(const ConvShape& s, ConvPlan& p) {
  p.rows_fold = p.copy = true;
  p.only_padding = false;
  p.taps_y = 1;
  p.k *= 3;
  p.pixel = p.image.channels = 3 * s.in_channels;
  p.image.three_rows = true;
  p.image.step_h = s.stride_h;
  p.image.height = p.height = s.out_height;
  p.image.width = p.width = (s.out_width - 1) * s.stride_w + s.kernel_width;
  p.stride_h = 1;
}

}  // namespace

ConvPlan plan_conv(const IgemmKernel& kernel, const ConvShape& s, bool in_place) {
  const bool fold = s.groups == 1 && s.dilation_w == 1;
  ConvPlan p{};
  p.taps_y = s.kernel_height;
  p.taps_x = fold ? 1 : s.kernel_width;
  p.k = s.in_channels / s.groups * (fold ? s.kernel_width : 1);
  place(kernel, s, p.k % kernel.kr != 0, !in_place, p);
  if (rows_fold(kernel, s)) fold_rows(s, p);
  return p;
}

bool reads_in_place(const IgemmKernel& kernel, const ConvShape& s) {
  const bool dense = s.groups == 1 && s.dilation_w == 1 && s.in_channels % kernel.kr == 0;
  const bool few = s.kernel_height <= kMostTaps && s.kernel_width <= kMostTaps;
  return dense && few && plan_conv(kernel, s).only_padding;
}

ConvPlan plan_depthwise(const IgemmKernel& kernel, const ConvShape& s) {
  ConvPlan p{};
  p.taps_y = s.kernel_height;
  p.taps_x = s.kernel_width;
  p.k = 1;
  place(kernel, s, s.in_channels % kernel.nr != 0, true, p);
  return p;
}

std::int64_t scratch_bytes(const ConvPlan& p) {
  return round_up_64(p.taps_y * p.taps_x * 8) + (p.copy ? image_bytes(p.image) : 0);
}

IgemmProblem problem_of(const IgemmKernel& kernel, const ConvPlan& plan, const ConvShape& s) {
  const std::int64_t row = plan.width * plan.pixel;
  IgemmProblem p{.kernel = &kernel,
                 .m = s.batch * s.out_height * s.out_width,
                 .k = plan.k,
                 .tap_count = plan.taps_y * plan.taps_x};
  p.rows = {s.out_height, s.out_width, {plan.height * row, plan.stride_h * row, plan.stride_w * plan.pixel}};
  return p;
}

void read_plan(const ConvPlan& plan, const ConvShape& s, const void* in, int zero_point, void* scratch,
               ThreadPool& pool, IgemmProblem& p) {
  auto* taps = static_cast<std::int64_t*>(scratch);
  const std::int64_t row = plan.width * plan.pixel;
  if (plan.copy) {
    void* image = static_cast<char*>(scratch) + round_up_64(p.tap_count * 8);
    ImageCopy copy = plan.image;
    copy.zero_point = zero_point;
    copy_image(copy, in, image, pool);
    in = image;
  }
  for (std::int64_t t = 0; t < p.tap_count; ++t) {
    taps[t] = t / plan.taps_x * s.dilation_h * row + t % plan.taps_x * s.dilation_w * plan.pixel;
  }
  p.taps = taps;
  p.a_zero_point = p.kernel->a_bytes == 2 ? 0 : zero_point;
  // The first output pixel's first tap, which may lie outside.
  p.a = plan.copy ? in : static_cast<const char*>(in) - s.pad_top * row - s.pad_left * plan.pixel;
}

}  // namespace octet::kernels
