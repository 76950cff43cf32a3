// build/bench/linear_bench [--method dynamic|weights|float] [--k 768] [--n 768] [--m 128] [--threads 1] [--seconds 0.1]
//                    [--error]
// A Linear layer of constant weights, quantized and run by the library as users have it: float32 in and out, int8
// inside. Prints one JSON object: the least and the median time of a run, Gop/s (2 M N K / time), the kernel, what the
// machine gave in the same turns (the register loop of int8 products with one thread, and reading as many bytes as the
// int8 weights take), and with --error ||y - reference|| / ||reference|| against float64.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "bench/machine/clock.h"
#include "bench/machine/memory.h"
#include "bench/machine/probe.h"
#include "octet/octet.h"

namespace octet::bench {
namespace {

struct Options {
  std::string method = "dynamic";
  std::int64_t k = 768, n = 768, m = 128;
  int threads = 1;
  double seconds = 0.1;
  bool error = false;
};

Options read_options(int count, char** words) {
  Options out;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const char* value = i + 1 < count ? words[i + 1] : "";
    if (word == "--error") {
      out.error = true;
      continue;
    }
    if (word == "--method") out.method = value;
    if (word == "--k") out.k = std::atoll(value);
    if (word == "--n") out.n = std::atoll(value);
    if (word == "--m") out.m = std::atoll(value);
    if (word == "--threads") out.threads = std::atoi(value);
    if (word == "--seconds") out.seconds = std::atof(value);
    ++i;
  }
  return out;
}

Tensor normal(const Shape& shape, double scale, std::uint64_t seed) {
  Random random(seed);
  Tensor out(DType::f32, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i) out.data<float>()[i] = static_cast<float>(scale * random.normal());
  return out;
}

Graph linear(const Tensor& w, const std::string& method) {
  Graph graph;
  graph.opsets[""] = 17;
  const ValueId x = graph.add_input("x", DType::f32, {Dim("M"), w.dim(0)});
  graph.outputs.push_back(graph.add_node("MatMul", {x, graph.add_initializer("w", w)}));
  if (method == "dynamic") return quantize(graph, Dynamic{}).model;
  if (method == "weights") return quantize(graph, WeightOnly{}).model;
  return graph;
}

// ||y - x w|| / ||x w||, all in float64.
double relative_error(const Tensor& x, const Tensor& w, const Tensor& y) {
  const std::int64_t m = x.dim(0), k = x.dim(1), n = w.dim(1);
  const float *a = x.data<float>(), *b = w.data<float>(), *c = y.data<float>();
  std::vector<double> row(static_cast<std::size_t>(n));
  double difference = 0, all = 0;
  for (std::int64_t i = 0; i < m; ++i) {
    std::fill(row.begin(), row.end(), 0.0);
    for (std::int64_t j = 0; j < k; ++j) {
      const double factor = a[i * k + j];
      for (std::int64_t l = 0; l < n; ++l) row[static_cast<std::size_t>(l)] += factor * b[j * n + l];
    }
    for (std::int64_t l = 0; l < n; ++l) {
      const double exact = row[static_cast<std::size_t>(l)];
      difference += (c[i * n + l] - exact) * (c[i * n + l] - exact);
      all += exact * exact;
    }
  }
  return std::sqrt(difference / all);
}

std::vector<double> measure(const Session& session, const NamedTensors& feed, double seconds) {
  for (int i = 0; i < 3; ++i) session.run(feed);
  std::vector<double> times;
  for (const double end = now() + seconds; times.size() < 3 || now() < end;) {
    const double begin = now();
    session.run(feed);
    times.push_back(now() - begin);
  }
  std::sort(times.begin(), times.end());
  return times;
}

// The step with the products.
std::string kernel_of(const Session& session) {
  for (const StepInfo& step : session.steps()) {
    if (step.macs > 0) return step.kernel;
  }
  return "";
}

int run(const Options& options) {
  const Tensor w = normal({options.k, options.n}, 1 / std::sqrt(static_cast<double>(options.k)), 1);
  const Tensor x = normal({options.m, options.k}, 1, 2);
  const Session session(linear(w, options.method), {.threads = options.threads, .shapes = {{"x", x.shape()}}});
  const NamedTensors feed{{"x", x}};
  const double peak_before = rate_of(int8_probe()), read_before = read_rate(options.k * options.n, 0.01);
  const std::vector<double> times = measure(session, feed, options.seconds);
  const double operations = 2.0 * static_cast<double>(options.m * options.n * options.k);
  nlohmann::ordered_json out{{"method", options.method},
                             {"k", options.k},
                             {"n", options.n},
                             {"m", options.m},
                             {"threads", options.threads},
                             {"min_ms", 1e3 * times.front()},
                             {"median_ms", 1e3 * times[times.size() / 2]},
                             {"gops", 1e-9 * operations / times.front()},
                             {"kernel", kernel_of(session)},
                             {"weight_gbytes", 1e-9 * static_cast<double>(options.k * options.n) / times.front()},
                             {"peak_gops", 1e-9 * std::max(peak_before, rate_of(int8_probe()))},
                             {"read_gbytes", 1e-9 * std::max(read_before, read_rate(options.k * options.n, 0.01))}};
  if (options.error) out["error"] = relative_error(x, w, session.run(feed).at(0));
  std::puts(out.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace octet::bench

int main(int count, char** words) {
  try {
    return octet::bench::run(octet::bench::read_options(count, words));
  } catch (const octet::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return octet::exit_code(error.info().kind);
  }
}
