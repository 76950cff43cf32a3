#include <fmt/format.h>

#include "bench/page/sections.h"

namespace octet::bench {
namespace {

constexpr const char* kNetwork = "efficientnet-lite0";

// What the network took beyond the process before it was loaded.
double taken(const Json& lines, const std::string& name) {
  return largest(lines, name, "memory_peak") - largest(lines, name, "memory_before");
}

std::string start_table(const Json& start, const Json& ort) {
  std::string out =
      "Fresh processes, the file dropped from the page cache first: load, pack, plan (`build/bench/sessions_bench "
      "MODEL`; "
      "the largest of all turns, since each is cold).\n\n" +
      head({"network", "load ms", "load, pack and plan ms", "first run ms", "asked", "reached"});
  std::vector<std::string> names;
  for (const Json& line : start) {
    const std::string name = line["name"].get<std::string>();
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  for (const std::string& name : names) {
    const double ms = largest(start, name, "start_ms");
    out += row(
        {name, text(largest(start, name, "load_ms"), 1), text(ms, 1), text(largest(start, name, "first_run_ms"), 1)},
        name == kNetwork ? at_most(ms, 500, " ms") : nothing_asked());
  }
  return out +
         row({"efficientnet-lite0 in ONNX Runtime, int8", "", text(largest(ort, kNetwork, "start_ms"), 1),
              text(largest(ort, kNetwork, "first_run_ms"), 1)},
             nothing_asked()) +
         "\n";
}

std::string peak_table(const Json& start, const Json& ort) {
  const double ours = taken(start, kNetwork), its = taken(ort, kNetwork);
  return "### Memory\n\nPeak resident memory of a process that loads EfficientNet-Lite0 in int8 and runs it with one "
         "thread, and "
         "of it what came after the process had loaded its libraries; ONNX Runtime in Python.\n\n" +
         head({"", "whole process MB", "by the network MB", "ours over its", "asked", "reached"}) +
         row({"Octet", megabytes(largest(start, kNetwork, "memory_peak")), megabytes(ours), text(ours / its, 2)},
             at_most(ours / its, 1.1)) +
         row({"ONNX Runtime", megabytes(largest(ort, kNetwork, "memory_peak")), megabytes(its), ""}, nothing_asked()) +
         "\n";
}

std::string sessions_table(const Json& sessions) {
  std::string out =
      "Several sessions of EfficientNet-Lite0 in int8, two threads each (`build/bench/sessions_bench MODEL --sessions "
      "8 "
      "--threads 2`; `--callers 8` runs one session from eight threads at once, which share its packed weights).\n\n" +
      head({"", "resident MB", "peak MB", "packed weights of a session MB", "memory over one session's"});
  const double one = largest(sessions, "1 sessions", "memory_peak");
  for (const char* name : {"1 sessions", "8 sessions", "1 session, 8 callers"}) {
    const double peak = largest(sessions, name, "memory_peak");
    out += row({name == std::string("1 sessions") ? "1 session" : name, megabytes(largest(sessions, name, "memory")),
                megabytes(peak), megabytes(largest(sessions, name, "packed_bytes")), text(peak / one, 2)});
  }
  return out + "\n";
}

std::string memory_table(const Json& limits) {
  std::string out = "Every network at batch 1 with one thread, as `octet bench MODEL --json` says it.\n\n" +
                    head({"network", "peak of the process MB", "values between layers MB", "packed weights MB"});
  for (const Json& line : limits) {
    const Json& r = line["result"];
    out += row({line["name"].get<std::string>(), megabytes(number(r, {"peak_memory_bytes"})),
                megabytes(number(r, {"arena_bytes"})), megabytes(number(r, {"packed_bytes"}))});
  }
  return out + "\n";
}

}  // namespace

std::string overheads_section(const Json& results) {
  const auto lines = [&](const char* name) { return results.value(name, Json::array()); };
  return section_head(results, "Starting, memory, allocations", "overheads", "") +
         start_table(lines("start"), lines("ort")) + peak_table(lines("start"), lines("ort")) +
         sessions_table(lines("sessions")) + memory_table(lines("limits")) +
         "Allocations in a run: none but those of its results and the lists that hold them; the test "
         "`Allocation.ASteadyRunAllocatesOnlyItsResults` in `octet/runtime/allocation_test.cpp` counts them.\n\n";
}

std::string avx2_section(const Json& results) {
  std::string out =
      section_head(results, "AVX2", "avx2",
                   "`OCTET_ISA=avx2 octet bench INT8 --against FLOAT --threads 1`: our int8 against our float under "
                   "the same cap, one thread, "
                   "batch 1, in turns. The last columns are what a large product of ours gave meanwhile.");
  out += head({"network", "int8 ms", "float ms", "float over int8", "asked", "reached", "int8 Gop/s", "float Gflop/s"});
  for (const Json& line : results.value("avx2", Json::array())) {
    const Json& r = line["result"];
    const double int8 = number(r, {"min_ms"}), real = number(r, {"against", "min_ms"});
    std::vector<std::string> more = at_least(real / int8, 1.25);
    more.push_back(text(number(r, {"probe", "int8_gops"}), 0));
    more.push_back(text(number(r, {"probe", "float_gflops"}), 0));
    out += row({line["name"].get<std::string>(), milliseconds(int8), milliseconds(real), text(real / int8, 2)}, more);
  }
  return out + "\n";
}

}  // namespace octet::bench
