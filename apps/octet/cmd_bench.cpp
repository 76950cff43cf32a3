// octet bench: latency, memory, and where the time goes.
#include <CLI/CLI.hpp>
#include <chrono>
#include <nlohmann/json.hpp>

#include "apps/octet/command.h"
#include "apps/octet/feeding.h"
#include "apps/octet/probe.h"
#include "apps/octet/terminal.h"
#include "octet/base/cpu.h"
#include "octet/report/bench_report.h"
#include "octet/report/json_forms.h"

namespace octet::app {
namespace {

constexpr int kProbes = 5;       // through the rounds
constexpr double kWarmUp = 0.2;  // seconds, at least one run

struct Options {
  ModelOptions model;
  DataOptions data;
  RunOptions run;
  OutputOptions out;
  std::string against;
  int rounds = 50;
  bool profile = false;
};

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double time_once(const Session& session, const NamedTensors& feed) {
  const double begin = now();
  session.run(feed);
  return now() - begin;
}

// A network with what it is fed.
struct Subject {
  Session session;
  NamedTensors feed;
  std::vector<double> seconds;

  void warm_up() {
    const double end = now() + kWarmUp;
    do {
      session.run(feed);
      check_signals();
    } while (now() < end);
  }
  void measure() { seconds.push_back(time_once(session, feed)); }
};

Subject make_subject(const Options& options, const std::string& path, bool profile) {
  const Graph graph = load_model(path);
  NamedTensors feed;
  if (options.data.path.empty()) {
    feed = random_feed(graph, resolve_shapes(options.run, graph), options.data.options.seed);
  } else {
    formats::Feed first = open_data(options.data, graph, path)->read(0, std::max<std::int64_t>(options.run.batch, 1));
    if (first.samples == 0)
      throw Error(ErrorKind::bad_input, "the data holds no sample that can be used").file(options.data.path);
    feed = std::move(first.inputs);
  }
  return {make_session(graph, options.run, true, profile), std::move(feed), {}};
}

// Rounds interleaved, and each network first in every other one, so that both see the same machine.
void measure(Subject& subject, Subject* other, int rounds, MachineProbe& probe) {
  Progress progress;
  for (int round = 0; round < rounds; ++round) {
    if (round % std::max(1, rounds / kProbes) == 0) probe.measure();
    if (other != nullptr && round % 2 == 1) other->measure();
    subject.measure();
    if (other != nullptr && round % 2 == 0) other->measure();
    progress.update("measuring", round + 1, rounds);
  }
}

int run(const Options& options) {
  Subject subject = make_subject(options, options.model.path, false);
  subject.warm_up();
  report::BenchReport report;
  report.peak_memory_bytes = peak_memory_bytes();  // of this network alone
  report.arena_bytes = subject.session.arena_bytes();
  report.packed_bytes = subject.session.packed_bytes();
  report.narrow_share = report::narrow_share(subject.session.steps());
  report.threads = options.run.threads > 0 ? std::min(options.run.threads, usable_cpus()) : usable_cpus();
  report.batch = std::max<std::int64_t>(options.run.batch, 1);
  report.rounds = options.rounds;
  std::optional<Subject> other;
  if (!options.against.empty()) {
    other.emplace(make_subject(options, options.against, false));
    other->warm_up();
  }
  MachineProbe probe(options.run.threads);
  measure(subject, other ? &*other : nullptr, options.rounds, probe);
  report.latency = report::latency_of(subject.seconds);
  if (other) report.against = report::Against{options.against, report::latency_of(other->seconds)};
  report.probe = probe.best();
  if (options.profile) {  // timed steps are a little slower: runs of their own
    Subject profiled = make_subject(options, options.model.path, true);
    profiled.warm_up();
    for (int round = 0; round < options.rounds; ++round) profiled.measure();
    report.operators = profiled.session.steps();
    report.profiled = true;
  }
  print(options.out.json ? report::dump(report::to_json(report)) + "\n" : report::to_text(report, output_width()));
  const std::string model = shell_word(options.model.path);
  suggest(options.profile ? "octet inspect " + model : "octet bench " + model + " --profile");
  return 0;
}

}  // namespace

std::function<int()> add_bench(CLI::App& app) {
  auto options = std::make_shared<Options>();
  add_model(app, options->model, "the network (ONNX)");
  app.add_option("--against", options->against, "measure this network too, in the same rounds")->type_name("MODEL");
  app.add_option("--rounds", options->rounds, "runs to time")
      ->check(CLI::Range(1, 1000000))
      ->type_name("N")
      ->capture_default_str();
  app.add_flag("--profile", options->profile, "a table of all steps with time, share and Gop/s");
  add_data(app, options->data, "--data", "feed the first batch of this data (default: random numbers)", false);
  add_run_options(app, options->run);
  add_json(app, options->out);
  return [options] { return run(*options); };
}

}  // namespace octet::app
