// Times a training step (forward, backward, SGD with momentum) of an ONNX classifier on random images:
//   build/bench/training_bench MODEL.onnx|small [--qat octet] [--batch 128] [--threads 2] [--rounds 15] [--recompute]
//                              [--profile] [--json]
// small: the network of fashion_mnist.cpp. --qat: the step with fake quantization by that preset.
// Prints the least and the median time of a step, the memory that the step's plan takes, and the process's peak; with
// --json only that, as one object. Beside it stands the peer that runs the same step in PyTorch
// (bench/peers/training.py).
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "bench/training/fashion.h"
#include "octet/octet.h"

namespace octet {
namespace {

struct Options {
  std::string model, qat;
  std::int64_t batch = 128;
  int threads = 2, rounds = 15;
  bool recompute = false, profile = false, json = false;
};

Options read_options(int count, char** words) {
  Options out;
  for (int i = 1; i < count; ++i) {
    const auto number = [&] { return i + 1 < count ? std::atoi(words[++i]) : 0; };
    if (std::strcmp(words[i], "--batch") == 0) {
      out.batch = number();
    } else if (std::strcmp(words[i], "--threads") == 0) {
      out.threads = number();
    } else if (std::strcmp(words[i], "--rounds") == 0) {
      out.rounds = number();
    } else if (std::strcmp(words[i], "--qat") == 0 && i + 1 < count) {
      out.qat = words[++i];
    } else if (std::strcmp(words[i], "--recompute") == 0) {
      out.recompute = true;
    } else if (std::strcmp(words[i], "--profile") == 0) {
      out.profile = true;
    } else if (std::strcmp(words[i], "--json") == 0) {
      out.json = true;
    } else {
      out.model = words[i];
    }
  }
  return out;
}

// The network's first output [N, classes] with a cross entropy against "labels".
void add_loss(Graph& graph) {
  const ValueId labels = graph.add_input("labels", DType::i64, {Dim("N")});
  const ValueId loss = graph.add_node("SoftmaxCrossEntropyLoss", {graph.outputs[0], labels});
  graph.rename(loss, "loss");
  graph.outputs = {loss};
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Of all threads: what a step costs on a machine that is not quiet.
double processor_time() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void print_profile(const Session& session) {
  std::map<std::string, std::pair<double, int>> by_kind;
  for (const StepInfo& step : session.steps()) {
    auto& [seconds, times] = by_kind[step.op + " [" + step.kernel + "]"];
    seconds += step.seconds;
    ++times;
  }
  std::vector<std::pair<double, std::string>> rows;
  for (const auto& [kind, item] : by_kind) rows.emplace_back(item.first, kind + " x" + std::to_string(item.second));
  std::sort(rows.rbegin(), rows.rend());
  for (const auto& [seconds, text] : rows) std::printf("  %8.2f ms  %s\n", 1e3 * seconds, text.c_str());
}

Graph network(const std::string& name) {
  if (name != "small") return load_onnx(name);
  Random random(1);
  const auto net = bench::fashion_network(random);
  return nn::to_graph(*net, {{"image", DType::f32, {Dim("N"), 1, 28, 28}}});
}

int run(const Options& options) {
  const Graph graph = network(options.model);
  Shape image;
  for (const Dim& dim : *graph.value(graph.inputs[0]).type.shape)
    image.push_back(dim.known() ? dim.value : options.batch);
  image[0] = options.batch;
  const std::string input = graph.value(graph.inputs[0]).name;
  Trainable model = make_trainable(graph, {.shapes = {{input, image}}});
  if (!options.qat.empty()) model = prepare_qat(model, qconfig(options.qat));
  add_loss(model.graph);
  const Differentiated d = differentiate(model, "loss", {.recompute = options.recompute});
  std::fprintf(
      options.json ? stderr : stdout,
      "%zu parameters, %zu states, %zu nodes; held at once %.1f MiB (%.1f MiB without recomputation, %d segments)\n",
      model.parameters.size(), model.states.size(), d.graph.nodes.size(), static_cast<double>(d.peak_bytes) / 0x1p20,
      static_cast<double>(d.peak_bytes_kept) / 0x1p20, d.segments);

  Random random(1);
  Tensor x(DType::f32, image), labels(DType::i64, {options.batch});
  for (std::int64_t i = 0; i < x.elements(); ++i) x.data<float>()[i] = random.uniform(-1, 1);
  for (std::int64_t i = 0; i < options.batch; ++i) labels.data<std::int64_t>()[i] = random.integer(0, 9);
  NamedTensors inputs{{input, x}, {"labels", labels}};
  for (const std::string& name : model.parameters) {
    inputs.emplace_back(name, model.graph.initializer(model.graph.find(name))->clone());
  }
  for (const Trainable::State& state : model.states) {
    inputs.emplace_back(state.name, model.graph.initializer(model.graph.find(state.name))->clone());
  }
  std::vector<Tensor> velocity;
  for (std::size_t p = 0; p < model.parameters.size(); ++p) {
    velocity.push_back(Tensor::zeros(DType::f32, inputs[2 + p].second.shape()));
  }
  const Session session(d.graph, {.threads = options.threads, .profile = options.profile});
  const std::size_t first = d.graph.outputs.size() - model.parameters.size();
  std::vector<double> times, processor;
  float loss = 0;
  for (int round = 0; round < options.rounds + 2; ++round) {
    const double start = now(), spent = processor_time();
    const std::vector<Tensor> outputs = session.run(inputs);
    loss = outputs[0].data<float>()[0];
    for (std::size_t p = 0; p < model.parameters.size(); ++p) {
      float *w = inputs[2 + p].second.data<float>(), *v = velocity[p].data<float>();
      const float* g = outputs[first + p].data<float>();
      for (std::int64_t i = 0; i < velocity[p].elements(); ++i) {
        v[i] = 0.9f * v[i] + g[i];
        w[i] -= 0.01f * v[i];
      }
    }
    for (std::size_t s = 0; s < model.states.size(); ++s) {
      inputs[2 + model.parameters.size() + s].second = outputs[1 + s];
    }
    if (round < 2) continue;
    times.push_back(1e3 * (now() - start));
    processor.push_back(1e3 * (processor_time() - spent));
  }
  std::sort(times.begin(), times.end());
  std::sort(processor.begin(), processor.end());
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  if (options.json) {
    std::printf("{\"min_ms\":%.4f,\"median_ms\":%.4f,\"arena_bytes\":%lld,\"peak_bytes\":%lld}\n", times.front(),
                times[times.size() / 2], static_cast<long long>(session.arena_bytes()),
                static_cast<long long>(usage.ru_maxrss) * 1024);
    return 0;
  }
  std::printf(
      "step, batch %lld, %d threads: min %.1f ms, median %.1f ms (processor time min %.1f ms); loss %.4f; arena %.1f "
      "MiB; peak of the process %ld MiB\n",
      static_cast<long long>(options.batch), options.threads, times.front(), times[times.size() / 2], processor.front(),
      static_cast<double>(loss), static_cast<double>(session.arena_bytes()) / 0x1p20, usage.ru_maxrss / 1024);
  if (options.profile) print_profile(session);
  return 0;
}

}  // namespace
}  // namespace octet

int main(int count, char** words) {
  try {
    return octet::run(octet::read_options(count, words));
  } catch (const octet::Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
