// octet_kernels_bench [--json FILE] [NAME...]: dense and depthwise kernels beside oneDNN, one thread each,
// on the shapes of real networks (or those whose line contains NAME). Processor time, the least of many
// runs, ours and oneDNN's taking turns; each line shows what share of the machine's peak loop, measured in
// the same turns, ours reached, and what limits it.
#include <fmt/format.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "octet/kernels/depthwise_f32/depthwise_f32.h"
#include "octet/kernels/depthwise_u8s8/depthwise_u8s8.h"
#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/kernels/igemm_u8s8/igemm_u8s8.h"
#include "onednn.h"
#include "probe.h"

namespace octet::bench {
namespace {

using namespace octet::kernels;

double processor_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double time_of(const std::function<void()>& run) {
  const double start = processor_seconds();
  run();
  return processor_seconds() - start;
}

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

std::function<void()> our_conv(const ConvShape& s, bool int8, const char** name) {
  const bool depthwise = s.groups > 1;
  const std::int64_t k = s.in_channels / s.groups, m = s.batch * s.out_height * s.out_width, n = s.out_channels;
  const IgemmKernel& kernel = depthwise ? (int8 ? select_depthwise_u8s8(s) : select_depthwise_f32(s))
                              : int8    ? select_igemm_u8s8(n, k * s.kernel_height * s.kernel_width)
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
      return depthwise_u8s8(kernel, s, u8, 3, job->packed.data(), e, job->scratch.data(), one_thread());
    if (depthwise) return depthwise_f32(kernel, s, f32, job->packed.data(), e, job->scratch.data(), one_thread());
    if (int8) return conv_u8s8(kernel, s, u8, 3, job->packed.data(), e, job->scratch.data(), one_thread());
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

constexpr double kSecondsPerLine = 0.3;
// Of bytes that a kernel moves at least once; about what one core reads from L3.
constexpr double kBytesPerSecond = 30e9;

// What keeps a kernel from the peak: its bytes, or what is done for every sum beside the products.
const char* limit_of(double operations, double bytes, double peak) {
  const double compute = operations / peak, memory = bytes / kBytesPerSecond;
  if (memory > compute) return "memory";
  return memory * 2 > compute ? "compute and memory" : "compute";
}

nlohmann::ordered_json& results() {
  static nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  return rows;
}

void line(const std::string& label, double operations, double bytes, bool int8, const std::function<void()>& ours,
          const char* kernel, const Peer& peer) {
  const Probe probe = int8 ? int8_probe() : float_probe();
  double peak = 0, our_time = 1e9, peer_time = 1e9;
  const double end = processor_seconds() + kSecondsPerLine;
  for (int i = 0; i < 5 || processor_seconds() < end; ++i) {
    if (i % 4 == 0) {
      double done = 0;
      const double t = time_of([&] { done = probe.run(); });
      peak = std::max(peak, done / t);
    }
    our_time = std::min(our_time, time_of(ours));
    peer_time = std::min(peer_time, time_of(peer.run));
  }
  const double rate = operations / our_time;
  const char* limit = limit_of(operations, bytes, peak);
  fmt::print(
      "{:<38} {:>8.0f} us {:>6.1f} Gop/s {:>4.0f} % of {} | oneDNN {:>8.0f} us {:>6.1f} | {:.2f}x | {} | {} / {}\n",
      label, our_time * 1e6, rate * 1e-9, 100 * rate / peak, probe.name, peer_time * 1e6, operations / peer_time * 1e-9,
      peer_time / our_time, limit, kernel, peer.implementation);
  results().push_back({{"name", label},
                       {"us", our_time * 1e6},
                       {"gops", rate * 1e-9},
                       {"peak_gops", peak * 1e-9},
                       {"peak", probe.name},
                       {"onednn_us", peer_time * 1e6},
                       {"onednn_gops", operations / peer_time * 1e-9},
                       {"limit", limit},
                       {"kernel", kernel},
                       {"onednn_kernel", peer.implementation}});
}

struct ConvCase {
  const char* name;
  std::int64_t size, in, out, kernel, stride, groups;
};

// Layers of ResNet, MobileNet and EfficientNet-Lite.
constexpr ConvCase kConvs[] = {{"stem 7x7", 224, 3, 64, 7, 2, 1},
                               {"stem 3x3", 224, 3, 32, 3, 2, 1},
                               {"3x3", 56, 64, 64, 3, 1, 1},
                               {"3x3", 28, 128, 128, 3, 1, 1},
                               {"3x3", 14, 256, 256, 3, 1, 1},
                               {"3x3", 7, 512, 512, 3, 1, 1},
                               {"3x3 ResNet-20", 32, 16, 16, 3, 1, 1},
                               {"3x3 ResNet-20", 16, 32, 32, 3, 1, 1},
                               {"3x3 ResNet-20", 8, 64, 64, 3, 1, 1},
                               {"1x1", 56, 64, 256, 1, 1, 1},
                               {"1x1", 56, 144, 24, 1, 1, 1},
                               {"1x1", 14, 480, 112, 1, 1, 1},
                               {"1x1", 7, 192, 1152, 1, 1, 1},
                               {"1x1 stride 2", 56, 256, 512, 1, 2, 1},
                               {"depthwise 3x3", 112, 32, 32, 3, 1, 32},
                               {"depthwise 3x3", 56, 144, 144, 3, 1, 144},
                               {"depthwise 3x3", 28, 192, 192, 3, 1, 192},
                               {"depthwise 5x5", 14, 480, 480, 5, 1, 480}};

struct GemmCase {
  const char* name;
  std::int64_t m, n, k;
};

constexpr GemmCase kGemms[] = {{"Linear", 128, 768, 768}, {"Linear", 128, 1536, 384}, {"Linear", 128, 384, 1536},
                               {"Linear", 16, 384, 384},  {"Linear", 1, 1000, 512},   {"Linear", 1, 5632, 2048}};

void run(const std::vector<std::string>& names) {
  const auto wanted = [&](const std::string& label) {
    return names.empty() ||
           std::any_of(names.begin(), names.end(), [&](const auto& n) { return label.find(n) != std::string::npos; });
  };
  for (const bool int8 : {true, false}) {
    const char* kernel = "";
    for (const GemmCase& c : kGemms) {
      const GemmShape s{.m = c.m, .n = c.n, .k = c.k, .b_k_stride = c.n};
      const auto label = fmt::format("{} {} {}x{}x{}", int8 ? "int8" : "f32", c.name, c.m, c.n, c.k);
      if (!wanted(label)) continue;
      const auto ours = our_gemm(s, int8, &kernel);
      const double bytes = static_cast<double>(c.m * c.k + c.n * c.k + c.m * c.n) * (int8 ? 1 : 4);
      line(label, 2.0 * static_cast<double>(c.m * c.n * c.k), bytes, int8, ours, kernel, onednn_gemm(s, int8));
    }
    for (const ConvCase& c : kConvs) {
      const std::int64_t out = (c.size + c.stride - 1) / c.stride, pad = (c.kernel - 1) / 2;
      const ConvShape s{.in_height = c.size,
                        .in_width = c.size,
                        .in_channels = c.in,
                        .out_height = out,
                        .out_width = out,
                        .out_channels = c.out,
                        .kernel_height = c.kernel,
                        .kernel_width = c.kernel,
                        .stride_h = c.stride,
                        .stride_w = c.stride,
                        .pad_top = pad,
                        .pad_left = pad,
                        .groups = c.groups};
      const auto label =
          fmt::format("{} {} {}x{}x{} -> {}", int8 ? "int8" : "f32", c.name, c.size, c.size, c.in, c.out);
      if (!wanted(label)) continue;
      const auto ours = our_conv(s, int8, &kernel);
      const double products = static_cast<double>(out * out * c.out * c.kernel * c.kernel * c.in / c.groups);
      const double numbers = static_cast<double>(c.size * c.size * c.in + out * out * c.out +
                                                 c.out * c.in / c.groups * c.kernel * c.kernel);
      line(label, 2 * products, numbers * (int8 ? 1 : 4), int8, ours, kernel, onednn_conv(s, int8));
    }
  }
}

}  // namespace
}  // namespace octet::bench

int main(int argc, char** argv) {
  // oneDNN's runtime reads this when it is loaded, before main: one thread each.
  if (getenv("OMP_NUM_THREADS") == nullptr) {
    setenv("OMP_NUM_THREADS", "1", 1);
    execv("/proc/self/exe", argv);
  }
  std::vector<std::string> names(argv + 1, argv + argc);
  std::string file;
  if (names.size() >= 2 && names[0] == "--json") {
    file = names[1];
    names.erase(names.begin(), names.begin() + 2);
  }
  octet::bench::run(names);
  if (!file.empty()) std::ofstream(file) << octet::bench::results().dump(1) << "\n";
  return 0;
}
