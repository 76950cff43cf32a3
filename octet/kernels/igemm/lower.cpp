#include "octet/kernels/igemm/lower.h"

#include <algorithm>

#include "octet/kernels/igemm/driver.h"
#include "octet/kernels/igemm/image.h"
#include "octet/kernels/igemm/pack.h"

namespace octet::kernels {
namespace {

std::int64_t round_up_64(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }

// How a convolution is read: which taps, and from the input itself or from a padded copy.
struct ConvPlan {
  std::int64_t taps_y, taps_x, k;   // of one group
  std::int64_t stride_h, stride_w;  // in pixels of what is read
  std::int64_t height, width;       // of what is read
  bool copy;
  ImageCopy image;
};

// Without groups and dilation the taps of a kernel row are neighbours in memory: they fold into k.
bool folds(const ConvShape& s) { return s.groups == 1 && s.dilation_w == 1; }

ConvPlan plan(const IgemmKernel& kernel, const ConvShape& s) {
  ConvPlan p;
  p.taps_y = s.kernel_height;
  p.taps_x = folds(s) ? 1 : s.kernel_width;
  p.k = s.in_channels / s.groups * (folds(s) ? s.kernel_width : 1);
  // A 1x1 kernel with a stride skips pixels: a copy leaves them out.
  const std::int64_t in_stride = s.in_stride == 0 ? s.in_channels : s.in_stride;
  const std::int64_t height = (s.out_height - 1) * s.stride_h + (s.kernel_height - 1) * s.dilation_h + 1;
  const std::int64_t width = (s.out_width - 1) * s.stride_w + (s.kernel_width - 1) * s.dilation_w + 1;
  p.copy = kernel.a_bytes == 2 || s.pad_top != 0 || s.pad_left != 0 || height > s.in_height || width > s.in_width ||
           p.k % kernel.kr != 0 || (s.kernel_width > 1 && in_stride != s.in_channels);
  const bool thin = p.copy && s.kernel_height == 1 && s.kernel_width == 1;
  p.stride_h = thin ? 1 : s.stride_h;
  p.stride_w = thin ? 1 : s.stride_w;
  p.height = !p.copy ? s.in_height : thin ? s.out_height : height;
  p.width = !p.copy ? s.in_width : thin ? s.out_width : width;
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
  return p;
}

bool copies(const IgemmKernel& kernel, const GemmShape& s) { return kernel.a_bytes == 2 || s.k % kernel.kr != 0; }

std::int64_t lda(const GemmShape& s) { return s.lda == 0 ? s.k : s.lda; }

// Matrices of a batch that differ: one where the stride is zero.
std::int64_t distinct(std::int64_t count, std::int64_t stride) { return stride == 0 ? 1 : count; }

// A copy of A is dense [outer][inner][m][k]: images of m rows of one pixel each.
ImageCopy matrix_copy(const IgemmKernel& kernel, const GemmShape& s) {
  return {.batch = distinct(s.inner, s.a_stride[1]),
          .channels = s.k,
          .in_height = s.m,
          .in_width = 1,
          .in_stride = lda(s),
          .in_row = lda(s),
          .in_image = s.a_stride[1],
          .height = s.m,
          .width = 1,
          .a_bytes = kernel.a_bytes};
}

std::int64_t matrices_b(const GemmShape& s) {
  return distinct(s.outer, s.b_stride[0]) * distinct(s.inner, s.b_stride[1]);
}

WeightSource source(const GemmShape& s, const void* w, int flip) {
  return {.w = w, .n = s.n, .k = s.k, .k_outer_stride = s.b_k_stride, .n_stride = s.b_n_stride, .flip = flip};
}

void set_packed(IgemmProblem& p, const GemmShape& s, const void* packed) {
  const std::int64_t bytes = packed_bytes(*p.kernel, s), inner = distinct(s.inner, s.b_stride[1]);
  p.packed = packed;
  p.packed_step[0] = s.b_stride[0] == 0 ? 0 : inner * bytes;
  p.packed_step[1] = s.b_stride[1] == 0 ? 0 : bytes;
}

}  // namespace

std::int64_t packed_bytes(const IgemmKernel& kernel, const ConvShape& s) {
  const ConvPlan p = plan(kernel, s);
  return s.groups * packed_bytes(kernel, s.out_channels / s.groups, p.taps_y * p.taps_x, p.k);
}

std::int64_t packed_bytes(const IgemmKernel& kernel, const GemmShape& s) { return packed_bytes(kernel, s.n, 1, s.k); }

void pack_conv(const IgemmKernel& kernel, const ConvShape& s, const void* w, void* packed) {
  const ConvPlan p = plan(kernel, s);
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

void pack_gemm(const IgemmKernel& kernel, const GemmShape& s, const void* w, int flip, void* packed) {
  pack_panels(kernel, source(s, w, flip), packed, 0, (s.n + kernel.nr - 1) / kernel.nr);
}

std::int64_t scratch_bytes(const IgemmKernel& kernel, const ConvShape& s) {
  const ConvPlan p = plan(kernel, s);
  return round_up_64(p.taps_y * p.taps_x * 8) + (p.copy ? image_bytes(p.image) : 0);
}

std::int64_t scratch_bytes(const IgemmKernel& kernel, const GemmShape& s) {
  return copies(kernel, s) ? distinct(s.outer, s.a_stride[0]) * image_bytes(matrix_copy(kernel, s)) : 0;
}

std::int64_t matmul_scratch_bytes(const IgemmKernel& kernel, const GemmShape& s) {
  return scratch_bytes(kernel, s) + matrices_b(s) * packed_bytes(kernel, s);
}

void run_conv(const IgemmKernel& kernel, const ConvShape& s, const void* in, int zero_point, const void* packed,
              const Epilogue& epilogue, void* scratch, ThreadPool& pool) {
  ConvPlan plan_ = plan(kernel, s);
  auto* taps = static_cast<std::int64_t*>(scratch);
  const std::int64_t tap_count = plan_.taps_y * plan_.taps_x, n = s.out_channels / s.groups;
  if (plan_.copy) {
    void* image = static_cast<char*>(scratch) + round_up_64(tap_count * 8);
    plan_.image.zero_point = zero_point;
    copy_image(plan_.image, in, image, pool);
    in = image;
  }
  const std::int64_t pixel = (plan_.copy ? s.in_channels : plan_.image.in_stride) * kernel.a_bytes;
  const std::int64_t row = plan_.width * pixel;
  for (std::int64_t t = 0; t < tap_count; ++t) {
    taps[t] = t / plan_.taps_x * s.dilation_h * row + t % plan_.taps_x * s.dilation_w * pixel;
  }
  IgemmProblem p{.kernel = &kernel,
                 .m = s.batch * s.out_height * s.out_width,
                 .n = n,
                 .k = plan_.k,
                 .tap_count = tap_count,
                 .taps = taps,
                 .a = in,
                 .a_zero_point = kernel.a_bytes == 2 ? 0 : zero_point,
                 .packed = packed,
                 .inner = s.groups,
                 .column_step = n,
                 .epilogue = epilogue};
  p.rows = {s.out_height, s.out_width, {plan_.height * row, plan_.stride_h * row, plan_.stride_w * pixel}};
  p.a_step[1] = s.in_channels / s.groups * kernel.a_bytes;
  p.packed_step[1] = packed_bytes(kernel, n, tap_count, plan_.k);
  p.c_step[1] = n;
  run_igemm(p, pool);
}

void run_gemm(const IgemmKernel& kernel, const GemmShape& s, const void* a, int zero_point, const void* packed,
              const Epilogue& epilogue, void* scratch, ThreadPool& pool) {
  static constexpr std::int64_t kOneTap = 0;
  const std::int64_t in_bytes = kernel.a_bytes == 4 ? 4 : 1;
  IgemmProblem p{.kernel = &kernel,
                 .m = s.m,
                 .n = s.n,
                 .k = s.k,
                 .taps = &kOneTap,
                 .a = a,
                 .a_zero_point = kernel.a_bytes == 2 ? 0 : zero_point,
                 .outer = s.outer,
                 .inner = s.inner,
                 .row_step = s.m,
                 .epilogue = epilogue};
  p.rows = {1, s.m, {0, 0, lda(s) * kernel.a_bytes}};
  for (const int i : {0, 1}) {
    p.a_step[i] = s.a_stride[i] * kernel.a_bytes;
    p.c_step[i] = s.c_stride[i];
  }
  if (copies(kernel, s)) {
    ImageCopy copy = matrix_copy(kernel, s);
    copy.zero_point = zero_point;
    const std::int64_t bytes = image_bytes(copy);
    for (std::int64_t i = 0; i < distinct(s.outer, s.a_stride[0]); ++i) {
      copy_image(copy, static_cast<const char*>(a) + i * s.a_stride[0] * in_bytes,
                 static_cast<char*>(scratch) + i * bytes, pool);
    }
    p.a = scratch;
    p.rows.steps[2] = s.k * kernel.a_bytes;
    p.a_step[0] = s.a_stride[0] == 0 ? 0 : bytes;
    p.a_step[1] = s.a_stride[1] == 0 ? 0 : s.m * s.k * kernel.a_bytes;
  }
  set_packed(p, s, packed);
  run_igemm(p, pool);
}

void run_matmul(const IgemmKernel& kernel, const GemmShape& s, const void* a, int zero_point, const void* b, int flip,
                const Epilogue& epilogue, void* scratch, ThreadPool& pool) {
  char* packed = static_cast<char*>(scratch) + scratch_bytes(kernel, s);
  const std::int64_t bytes = packed_bytes(kernel, s), inner = distinct(s.inner, s.b_stride[1]);
  const std::int64_t panels = (s.n + kernel.nr - 1) / kernel.nr, in_bytes = kernel.a_bytes == 4 ? 4 : 1;
  const std::int64_t grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, s.k * kernel.nr));
  pool.parallel_for(matrices_b(s) * panels, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t g = i / panels;
      const std::int64_t from = g / inner * s.b_stride[0] + g % inner * s.b_stride[1];
      const WeightSource matrix = source(s, static_cast<const char*>(b) + from * in_bytes, flip);
      pack_panels(kernel, matrix, packed + g * bytes, i % panels, i % panels + 1);
    }
  });
  run_gemm(kernel, s, a, zero_point, packed, epilogue, scratch, pool);
}

}  // namespace octet::kernels
