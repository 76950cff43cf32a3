// build/bench/sessions_bench MODEL [--sessions 1] [--callers 1] [--threads 1] [--runs 3] [--shape INPUT=1x3x224x224]...
// Starts sessions of one network in a fresh process and runs each from as many threads as there are callers. Prints one
// JSON object: milliseconds to load the file (dropped from the page cache first) and to pack and plan the first session
// and to run it once, and the memory of the process: before loading, after, and at its peak.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "bench/machine/clock.h"
#include "octet/octet.h"

namespace octet::bench {
namespace {

struct Options {
  std::string model;
  int sessions = 1, callers = 1, threads = 1, runs = 3;
  std::vector<std::pair<std::string, Shape>> shapes;
};

Shape read_shape(const std::string& text) {
  Shape dims;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('x', at), text.size());
    dims.push_back(std::atoll(text.substr(at, end - at).c_str()));
    at = end + 1;
  }
  return dims;
}

Options read_options(int count, char** words) {
  Options out;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i], value = i + 1 < count ? words[i + 1] : "";
    if (!word.starts_with("--")) {
      out.model = word;
      continue;
    }
    ++i;
    if (word == "--sessions") out.sessions = std::atoi(value.c_str());
    if (word == "--callers") out.callers = std::atoi(value.c_str());
    if (word == "--threads") out.threads = std::atoi(value.c_str());
    if (word == "--runs") out.runs = std::atoi(value.c_str());
    const std::size_t equals = value.find('=');
    if (word == "--shape") out.shapes.emplace_back(value.substr(0, equals), read_shape(value.substr(equals + 1)));
  }
  return out;
}

// "VmRSS", "VmHWM" of /proc/self/status, in bytes.
std::int64_t memory(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) return std::atoll(line.c_str() + name.size() + 1) * 1024;
  }
  return 0;
}

// As far as the system lets go of it: pages that another process has mapped stay.
void drop_from_cache(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY);
  if (file < 0) return;
  posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  close(file);
}

// The least time of a run.
double call(const Session& session, const NamedTensors& feed, int runs) {
  double least = 1e9;
  for (int i = 0; i < runs; ++i) {
    const double begin = now();
    session.run(feed);
    least = std::min(least, now() - begin);
  }
  return least;
}

NamedTensors feed_of(const Graph& graph, const std::vector<std::pair<std::string, Shape>>& shapes) {
  NamedTensors feed;
  Random random(1);
  for (const ValueId id : graph.inputs) {
    const Value& value = graph.value(id);
    Shape shape;
    for (const Dim& dim : *value.type.shape) shape.push_back(dim.known() ? dim.value : 1);
    for (const auto& [name, given] : shapes) {
      if (name == value.name) shape = given;
    }
    Tensor x(DType::f32, shape);
    for (std::int64_t i = 0; i < x.elements(); ++i) x.data<float>()[i] = random.uniform();
    feed.emplace_back(value.name, x.cast(value.type.dtype));
  }
  return feed;
}

int run(const Options& options) {
  drop_from_cache(options.model);
  const std::int64_t before = memory("VmRSS");
  const double begin = now();
  std::vector<Session> sessions;
  NamedTensors feed;
  double loaded = 0, started = 0;
  {
    const Graph graph = load_onnx(options.model);
    loaded = now();
    feed = feed_of(graph, options.shapes);
    std::vector<std::pair<std::string, Shape>> shapes;
    for (const auto& [name, tensor] : feed) shapes.emplace_back(name, tensor.shape());
    for (int i = 0; i < options.sessions; ++i) {
      sessions.emplace_back(graph, SessionOptions{.threads = options.threads, .shapes = shapes});
      if (i == 0) started = now();
    }
  }
  const double first_run = now();
  sessions[0].run(feed);
  const double first_done = now();
  std::vector<std::thread> callers;
  for (const Session& session : sessions) {
    for (int i = 0; i < options.callers; ++i) {
      callers.emplace_back([&] { call(session, feed, options.runs); });
    }
  }
  for (std::thread& caller : callers) caller.join();
  std::puts(nlohmann::ordered_json{{"sessions", options.sessions},
                                   {"callers", options.callers},
                                   {"load_ms", 1e3 * (loaded - begin)},
                                   {"start_ms", 1e3 * (started - begin)},
                                   {"first_run_ms", 1e3 * (first_done - first_run)},
                                   {"memory_before", before},
                                   {"memory", memory("VmRSS")},
                                   {"memory_peak", memory("VmHWM")},
                                   {"packed_bytes", sessions[0].packed_bytes()}}
                .dump()
                .c_str());
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
