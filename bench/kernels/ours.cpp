#include "bench/kernels/ours.h"

#include <cstring>
#include <memory>
#include <vector>

#include "bench/machine/memory.h"
#include "octet/kernels/depthwise_f32/depthwise_f32.h"
#include "octet/kernels/depthwise_u8s8/depthwise_u8s8.h"
#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/kernels/igemm_u8s8/igemm_u8s8.h"

namespace octet::bench {
namespace {

using namespace octet::kernels;

struct Buffer {
  explicit Buffer(std::int64_t bytes) : storage(static_cast<std::size_t>(bytes) + 64, 1) {}
  void* data() { return storage.data() + (64 - reinterpret_cast<std::uintptr_t>(storage.data()) % 64); }
  std::vector<unsigned char> storage;
};

struct Job {
  Job(std::int64_t in_bytes, std::int64_t packed_bytes, std::int64_t scratch_bytes, std::int64_t m, std::int64_t n)
      : in(in_bytes),
        packed(packed_bytes),
        scratch(scratch_bytes),
        out(4 * m * n),
        bias(static_cast<std::size_t>(n), 1),
        scale(static_cast<std::size_t>(n), 0.001f) {}
  Epilogue epilogue(bool int8, std::int64_t n) {
    Epilogue e;
    if (int8) e.scale = scale.data();
    e.out = out.data();
    e.out_stride = n;
    e.out_type = int8 ? Cell::u8 : Cell::f32;
    return e;
  }
  Buffer in, packed, scratch, out;
  std::vector<float> bias, scale;
};

ThreadPool& one_thread() {
  static ThreadPool pool(1);
  return pool;
}

}  // namespace

// oneDNN's activations have no zero point, as those behind a Relu: neither have ours.
std::function<void()> our_conv(const ConvShape& s, bool int8, const char** name) {
  const bool depthwise = s.groups > 1;
  const std::int64_t m = s.batch * s.out_height * s.out_width, n = s.out_channels;
  const IgemmKernel& kernel = depthwise ? (int8 ? select_depthwise_u8s8(s) : select_depthwise_f32(s))
                              : int8    ? select_igemm_u8s8(s, {})
                                        : select_igemm_f32(n);
  *name = kernel.name;
  const std::int64_t packed =
      depthwise ? (int8 ? packed_bytes_depthwise_u8s8(kernel, s) : packed_bytes_depthwise_f32(kernel, s))
      : int8    ? packed_bytes_u8s8(kernel, s)
                : packed_bytes_f32(kernel, s);
  const std::int64_t scratch =
      depthwise ? (int8 ? scratch_bytes_depthwise_u8s8(kernel, s) : scratch_bytes_depthwise_f32(kernel, s))
      : int8    ? scratch_bytes_u8s8(kernel, s)
                : scratch_bytes_f32(kernel, s);
  const std::int64_t in = s.batch * s.in_height * s.in_width * s.in_channels * (int8 ? 1 : 4);
  auto job = std::make_shared<Job>(in, packed, scratch, m, n);
  std::memset(job->in.data(), int8 ? 3 : 0, static_cast<std::size_t>(in));
  std::memset(job->packed.data(), 0, static_cast<std::size_t>(packed));
  const Epilogue e = job->epilogue(int8, n);
  return [job, s, e, int8, depthwise, &kernel] {
    const auto* u8 = static_cast<const std::uint8_t*>(job->in.data());
    const auto* f32 = static_cast<const float*>(job->in.data());
    if (depthwise && int8)
      return depthwise_u8s8(kernel, s, u8, 0, job->packed.data(), e, job->scratch.data(), one_thread());
    if (depthwise) return depthwise_f32(kernel, s, f32, job->packed.data(), e, job->scratch.data(), one_thread());
    if (int8) return conv_u8s8(kernel, s, u8, 0, job->packed.data(), e, job->scratch.data(), one_thread());
    conv_f32(kernel, s, f32, job->packed.data(), e, job->scratch.data(), one_thread());
  };
}

std::function<void()> our_gemm(const GemmShape& s, bool int8, const char** name) {
  const IgemmKernel& kernel = int8 ? select_igemm_u8s8(s.n, s.k) : select_igemm_f32(s.n);
  *name = kernel.name;
  auto job = std::make_shared<Job>(s.m * s.k * 4, int8 ? packed_bytes_u8s8(kernel, s) : packed_bytes_f32(kernel, s),
                                   int8 ? scratch_bytes_u8s8(kernel, s) : scratch_bytes_f32(kernel, s), s.m, s.n);
  std::memset(job->in.data(), 0, static_cast<std::size_t>(s.m * s.k * 4));
  const Epilogue e = job->epilogue(int8, s.n);
  return [job, s, e, int8, &kernel] {
    const void* in = job->in.data();
    if (int8)
      return gemm_u8s8(kernel, s, static_cast<const std::uint8_t*>(in), 3, job->packed.data(), e, job->scratch.data(),
                       one_thread());
    gemm_f32(kernel, s, static_cast<const float*>(in), job->packed.data(), e, job->scratch.data(), one_thread());
  };
}

WeightOnlyJob our_weight_only(const WeightOnlyForm& form, const GemmShape& s, std::int64_t copies, const char** name) {
  *name = select_weight_only().name;
  const std::int64_t bytes = (packed_bytes_weight_only(form, s) + 511) / 512 * 512;
  auto job = std::make_shared<Job>(4 * s.m * s.k, copies * bytes, scratch_bytes_weight_only(form, s), s.m, s.n);
  std::memset(job->in.data(), 0, static_cast<std::size_t>(4 * s.m * s.k));
  const Epilogue e = job->epilogue(false, s.n);
  const auto run = [job, form, s, e, copies, bytes] {
    for (std::int64_t i = 0; i < copies; ++i) {
      weight_only(form, s, static_cast<const float*>(job->in.data()),
                  static_cast<const char*>(job->packed.data()) + i * bytes, job->scale.data(), e, job->scratch.data(),
                  one_thread());
    }
  };
  return {run, [job, copies, bytes] { read_through(job->packed.data(), copies * bytes); }, copies * bytes,
          4.0 * static_cast<double>(copies * s.m * s.n * s.k)};
}

}  // namespace octet::bench
