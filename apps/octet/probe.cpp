#include "apps/octet/probe.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>

#include "octet/base/random.h"
#include "octet/runtime/session.h"

namespace octet::app {
namespace {

constexpr std::int64_t kM = 128, kK = 768, kN = 768;
constexpr double kSeconds = 0.01;

Tensor random_tensor(const Shape& shape, DType dtype, float low, float high) {
  Random random(1);
  Tensor out(DType::f32, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i) out.data<float>()[i] = random.uniform(low, high);
  return out.cast(dtype);
}

// Spread as trained weights are: the mean of four. (Some kernels are faster where few weights are large.)
Tensor random_weights(const Shape& shape) {
  Random random(2);
  Tensor out(DType::i8, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i) {
    float sum = 0;
    for (int j = 0; j < 4; ++j) sum += random.uniform(-127, 127);
    out.data<std::int8_t>()[i] = static_cast<std::int8_t>(sum / 4);
  }
  return out;
}

Graph float_product() {
  Graph graph;
  graph.opsets[""] = 13;
  const ValueId x = graph.add_input("x", DType::f32, {kM, kK});
  const ValueId w = graph.add_initializer("w", random_tensor({kK, kN}, DType::f32, -1, 1));
  graph.outputs.push_back(graph.add_node("MatMul", {x, w}));
  return graph;
}

// u8 x s8 -> u8, written as every quantized file writes it.
Graph int8_product() {
  Graph graph;
  graph.opsets[""] = 13;
  const ValueId x = graph.add_input("x", DType::u8, {kM, kK});
  const ValueId scale = graph.add_initializer("scale", Tensor::scalar(0.01f));
  const ValueId zero = graph.add_initializer("zero", Tensor::scalar<std::uint8_t>(128));
  const ValueId w_scale = graph.add_initializer("w_scale", Tensor::scalar(0.01f));
  const ValueId w_zero = graph.add_initializer("w_zero", Tensor::scalar<std::int8_t>(0));
  const ValueId w = graph.add_initializer("w", random_weights({kK, kN}));
  const ValueId a = graph.add_node("DequantizeLinear", {x, scale, zero});
  const ValueId b = graph.add_node("DequantizeLinear", {w, w_scale, w_zero});
  const ValueId product = graph.add_node("MatMul", {a, b});
  graph.outputs.push_back(graph.add_node("QuantizeLinear", {product, scale, zero}));
  return graph;
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// 1e9 operations a second in the fastest of some runs.
double rate(const Session& session, const Tensor& x) {
  const NamedTensors feed = {{"x", x}};
  double fastest = 1e9;
  for (const double end = now() + kSeconds; now() < end;) {
    const double begin = now();
    session.run(feed);
    fastest = std::min(fastest, now() - begin);
  }
  return 2e-9 * static_cast<double>(kM * kK * kN) / fastest;
}

}  // namespace

struct MachineProbe::Networks {
  Session float_session, int8_session;
  Tensor float_input = random_tensor({kM, kK}, DType::f32, -1, 1),
         int8_input = random_tensor({kM, kK}, DType::u8, 0, 255);
};

MachineProbe::MachineProbe(int threads)
    : networks_(new Networks{Session(float_product(), {.threads = threads}),
                             Session(int8_product(), {.threads = threads})}) {}
MachineProbe::~MachineProbe() = default;

void MachineProbe::measure() {
  best_.float_gflops = std::max(best_.float_gflops, rate(networks_->float_session, networks_->float_input));
  best_.int8_gops = std::max(best_.int8_gops, rate(networks_->int8_session, networks_->int8_input));
}

std::int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

}  // namespace octet::app
