#include <algorithm>

#include "octet/kernels/igemm/driver.h"
#include "octet/kernels/igemm/image.h"
#include "octet/kernels/igemm/lower.h"
#include "octet/kernels/igemm/pack.h"

namespace octet::kernels {
namespace {

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
  set_weights(p, s.n, packed);
  p.packed_step[0] = s.b_stride[0] == 0 ? 0 : inner * bytes;
  p.packed_step[1] = s.b_stride[1] == 0 ? 0 : bytes;
}

}  // namespace

std::int64_t packed_bytes(const IgemmKernel& kernel, const GemmShape& s) { return packed_bytes(kernel, s.n, 1, s.k); }

void pack_gemm(const IgemmKernel& kernel, const GemmShape& s, const void* w, int flip, void* packed) {
  pack_panels(kernel, source(s, w, flip), packed, 0, (s.n + kernel.nr - 1) / kernel.nr);
}

NarrowFit fit_narrow(const IgemmKernel& kernel, const GemmShape& s, const void* w, int flip) {
  return fit_narrow(kernel, source(s, w, flip));
}

std::int64_t scratch_bytes(const IgemmKernel& kernel, const GemmShape& s) {
  return copies(kernel, s) ? distinct(s.outer, s.a_stride[0]) * image_bytes(matrix_copy(kernel, s)) : 0;
}

std::int64_t matmul_scratch_bytes(const IgemmKernel& kernel, const GemmShape& s) {
  return scratch_bytes(kernel, s) + matrices_b(s) * packed_bytes(kernel, s);
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
