// build/bench/kernels_bench [--seconds N] [--json FILE] [NAME...]: dense and depthwise kernels beside oneDNN, one
// thread each, on the shapes of real networks (or those whose line contains NAME). Processor time, the least of many
// runs, ours and oneDNN's taking turns, N seconds a line; each line shows what share of the machine's peak loop,
// measured in the same turns, ours reached, and what limits it. Products of one row by integer weights: GB/s of
// weights, and what share that is of reading the same weights, in the same turns, from the level of memory that holds
// them.
#include <fmt/format.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/kernels/onednn.h"
#include "bench/kernels/ours.h"
#include "bench/machine/limits.h"
#include "bench/machine/probe.h"

namespace octet::bench {
namespace {

using namespace octet::kernels;

struct Options {
  double seconds = 0.5;
  std::string json;
  std::vector<std::string> names;
};

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

struct Case {
  std::string label;
  bool int8;
  double operations;
  std::int64_t bytes;  // each number read or written once
};

class Bench {
 public:
  explicit Bench(const Options& options) : options_(options), levels_(measure_levels()) {}

  bool wanted(const std::string& label) const {
    return options_.names.empty() || std::any_of(options_.names.begin(), options_.names.end(), [&](const auto& name) {
             return label.find(name) != std::string::npos;
           });
  }

  void measure(const Case& c, const std::function<void()>& ours, const char* kernel, const Peer& peer) {
    const Probe probe = c.int8 ? int8_probe() : float_probe();
    double peak = 0, our_time = 1e9, peer_time = 1e9;
    const double end = processor_seconds() + options_.seconds;
    for (int i = 0; i < 5 || processor_seconds() < end; ++i) {
      if (i % 4 == 0) {
        double done = 0;
        const double t = time_of([&] { done = probe.run(); });
        peak = std::max(peak, done / t);
      }
      our_time = std::min(our_time, time_of(ours));
      peer_time = std::min(peer_time, time_of(peer.run));
    }
    const double rate = c.operations / our_time, peer_rate = c.operations / peer_time;
    const std::string limit = limit_of({our_time, c.operations, peak, c.bytes}, levels_);
    fmt::print(
        "{:<36} {:>7.0f} us {:>6.1f} Gop/s {:>4.0f} % of {} | oneDNN {:>7.0f} us {:>6.1f} | {:.2f}x | {} | {} / {}\n",
        c.label, our_time * 1e6, rate * 1e-9, 100 * rate / peak, probe.name, peer_time * 1e6, peer_rate * 1e-9,
        peer_time / our_time, limit, kernel, peer.implementation);
    rows_.push_back({{"name", c.label},
                     {"us", our_time * 1e6},
                     {"gops", rate * 1e-9},
                     {"peak_gops", peak * 1e-9},
                     {"peak", probe.name},
                     {"onednn_us", peer_time * 1e6},
                     {"onednn_gops", peer_rate * 1e-9},
                     {"limit", limit},
                     {"kernel", kernel},
                     {"onednn_kernel", peer.implementation}});
  }

  /// `copies` of the weights in turn.
  void measure_weights(const std::string& label, const WeightOnlyJob& job, const char* kernel, std::int64_t copies) {
    const Probe probe = int8_probe();
    double run = 1e9, read = 1e9, peak = 0;
    const double end = processor_seconds() + options_.seconds;
    for (int i = 0; i < 5 || processor_seconds() < end; ++i) {
      run = std::min(run, time_of(job.run));
      read = std::min(read, time_of(job.read));
      double done = 0;
      const double t = time_of([&] { done = probe.run(); });
      peak = std::max(peak, done / t);
    }
    const auto bytes = static_cast<double>(job.bytes), count = static_cast<double>(copies);
    const std::string level = level_of(levels_, job.bytes).name;
    const double of_peak = job.operations / run / peak;
    const std::string limit = of_peak * run > read ? "compute" : "memory (" + level + ")";
    fmt::print(
        "{:<36} {:>7.0f} us {:>6.1f} GB/s of weights {:>4.0f} % of reading them from {} ({:.1f} GB/s), "
        "{:.0f} % of {} | {} | {}\n",
        label, run / count * 1e6, bytes / run * 1e-9, 100 * read / run, level, bytes / read * 1e-9, 100 * of_peak,
        probe.name, limit, kernel);
    rows_.push_back({{"name", label},
                     {"us", run / count * 1e6},
                     {"weight_gbytes", bytes / run * 1e-9},
                     {"read_gbytes", bytes / read * 1e-9},
                     {"level", level},
                     {"of_peak", of_peak},
                     {"limit", limit},
                     {"kernel", kernel}});
  }

  std::int64_t beyond_caches() const { return 2 * levels_[levels_.size() - 2].bytes; }

  void write() const {
    if (!options_.json.empty()) std::ofstream(options_.json) << rows_.dump(1) << "\n";
  }

 private:
  Options options_;
  std::vector<Level> levels_;
  nlohmann::ordered_json rows_ = nlohmann::ordered_json::array();
};

struct ConvCase {
  const char* name;
  std::int64_t size, in, out, kernel, stride, groups;
};

// Layers of ResNet, MobileNet and EfficientNet-Lite.
constexpr ConvCase kConvs[] = {{"stem 7x7", 224, 3, 64, 7, 2, 1},
                               {"stem 3x3", 224, 3, 32, 3, 2, 1},
                               {"3x3", 56, 64, 64, 3, 1, 1},
                               {"3x3", 28, 64, 64, 3, 1, 1},
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
                               {"depthwise 3x3", 14, 480, 480, 3, 1, 480},
                               {"depthwise 5x5", 112, 32, 32, 5, 1, 32},
                               {"depthwise 5x5", 56, 144, 144, 5, 1, 144},
                               {"depthwise 5x5", 28, 192, 192, 5, 1, 192},
                               {"depthwise 5x5", 14, 480, 480, 5, 1, 480}};

struct GemmCase {
  std::int64_t m, n, k;
};

constexpr GemmCase kGemms[] = {{128, 768, 768}, {128, 1536, 384}, {128, 384, 1536},
                               {16, 384, 384},  {1, 1000, 512},   {1, 5632, 2048}};

void gemms(Bench& bench, bool int8) {
  for (const GemmCase& g : kGemms) {
    const Case c{fmt::format("{} Linear {}x{}x{}", int8 ? "int8" : "f32", g.m, g.n, g.k), int8,
                 2.0 * static_cast<double>(g.m * g.n * g.k), (g.m * g.k + g.n * g.k + g.m * g.n) * (int8 ? 1 : 4)};
    if (!bench.wanted(c.label)) continue;
    const GemmShape shape{.m = g.m, .n = g.n, .k = g.k, .b_k_stride = g.n};
    const char* kernel = "";
    const auto ours = our_gemm(shape, int8, &kernel);
    bench.measure(c, ours, kernel, onednn_gemm(shape, int8));
  }
}

ConvShape shape_of(const ConvCase& c) {
  const std::int64_t out = (c.size + c.stride - 1) / c.stride, pad = (c.kernel - 1) / 2;
  return {.in_height = c.size,
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
}

void convs(Bench& bench, bool int8) {
  for (const ConvCase& conv : kConvs) {
    const ConvShape s = shape_of(conv);
    const std::int64_t weights = s.out_channels * s.in_channels / s.groups * s.kernel_height * s.kernel_width;
    const std::int64_t pixels = s.out_height * s.out_width;
    const Case c{
        fmt::format("{} {} {}x{}x{} -> {}", int8 ? "int8" : "f32", conv.name, conv.size, conv.size, conv.in, conv.out),
        int8, 2.0 * static_cast<double>(pixels * weights),
        (s.in_height * s.in_width * s.in_channels + pixels * s.out_channels + weights) * (int8 ? 1 : 4)};
    if (!bench.wanted(c.label)) continue;
    const char* kernel = "";
    const auto ours = our_conv(s, int8, &kernel);
    bench.measure(c, ours, kernel, onednn_conv(s, int8));
  }
}

// One set of weights again and again, which stays where it fits, and copies enough to come from RAM each time.
void weight_only(Bench& bench) {
  const GemmShape shape{.m = 1, .n = 5632, .k = 2048, .b_k_stride = 5632};
  struct Weights {
    const char* name;
    WeightOnlyForm form;
  };
  for (const auto& [name, form] : {Weights{"int8", {}}, Weights{"int4, groups of 128", {.bits = 4, .block = 128}},
                                   Weights{"int4, groups of 128, zero points", {4, 128, true}}}) {
    for (const bool from_memory : {false, true}) {
      const std::string label = fmt::format("weight-only {} 1x5632x2048{}", name, from_memory ? ", copies" : "");
      if (!bench.wanted(label)) continue;
      const std::int64_t bytes = packed_bytes_weight_only(form, shape);
      const std::int64_t copies = from_memory ? bench.beyond_caches() / bytes + 1 : 1;
      const char* kernel = "";
      const WeightOnlyJob job = our_weight_only(form, shape, copies, &kernel);
      bench.measure_weights(label, job, kernel, copies);
    }
  }
}

Options read_options(int count, char** words) {
  Options out;
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(words[i], "--seconds") == 0 && i + 1 < count) {
      out.seconds = std::atof(words[++i]);
    } else if (std::strcmp(words[i], "--json") == 0 && i + 1 < count) {
      out.json = words[++i];
    } else {
      out.names.emplace_back(words[i]);
    }
  }
  return out;
}

}  // namespace
}  // namespace octet::bench

int main(int argc, char** argv) {
  // oneDNN's runtime reads this when it is loaded, before main: one thread each.
  if (getenv("OMP_NUM_THREADS") == nullptr) {
    setenv("OMP_NUM_THREADS", "1", 1);
    execv("/proc/self/exe", argv);
  }
  octet::bench::Bench bench(octet::bench::read_options(argc, argv));
  for (const bool int8 : {true, false}) {
    octet::bench::gemms(bench, int8);
    octet::bench::convs(bench, int8);
  }
  octet::bench::weight_only(bench);
  bench.write();
  return 0;
}
