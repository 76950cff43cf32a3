// octet doctor: this machine, and what Octet makes of it.
#include <fmt/format.h>
#include <sched.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "apps/octet/command.h"
#include "apps/octet/options.h"
#include "apps/octet/probe.h"
#include "apps/octet/terminal.h"
#include "octet/base/cpu.h"
#include "octet/formats/versions.h"
#include "octet/kernels/depthwise_f32/depthwise_f32.h"
#include "octet/kernels/depthwise_u8s8/depthwise_u8s8.h"
#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/kernels/igemm_u8s8/igemm_u8s8.h"
#include "octet/report/json_forms.h"
#include "octet/report/table.h"
#include "octet/report/text.h"

namespace octet::app {
namespace {

using Json = nlohmann::ordered_json;

struct KernelRow {
  std::string table, name, isa, verdict;
  bool chosen = false;
};

// Why a kernel is not used; empty when nothing speaks against it.
std::string rejection(Isa isa) {
  if (!cpu_supports(isa)) return fmt::format("this processor lacks {}", to_string(isa));
  if (!isa_allowed(isa)) return "OCTET_ISA forbids it";
  return {};
}

// The best one that nothing speaks against is chosen (a narrow form of it serves few channels).
template <class Table>
void add_table(std::vector<KernelRow>& rows, const std::string& name, const Table& table) {
  std::optional<Isa> chosen;
  for (const auto* kernel : table) {
    KernelRow row{name, kernel->name, to_string(kernel->isa), rejection(kernel->isa)};
    if (row.verdict.empty() && (!chosen || *chosen == kernel->isa)) {
      row.chosen = true;
      chosen = kernel->isa;
      row.verdict = "chosen";
    } else if (row.verdict.empty()) {
      row.verdict = "a better one is chosen";
    }
    rows.push_back(row);
  }
}

std::vector<KernelRow> kernel_rows() {
  std::vector<KernelRow> rows;
  add_table(rows, "product and convolution, int8", kernels::igemm_u8s8_table());
  add_table(rows, "product and convolution, float", kernels::igemm_f32_table());
  add_table(rows, "depthwise convolution, int8", kernels::depthwise_u8s8_table());
  add_table(rows, "depthwise convolution, float", kernels::depthwise_f32_table());
  return rows;
}

std::vector<std::pair<std::string, bool>> features() {
  const CpuFeatures& f = cpu_features();
  return {{"avx2", f.avx2},
          {"fma", f.fma},
          {"f16c", f.f16c},
          {"avx_vnni", f.avx_vnni},
          {"avx512", f.avx512},
          {"avx512_vnni", f.avx512_vnni},
          {"avx512_fp16", f.avx512_fp16},
          {"avx512_bf16", f.avx512_bf16},
          {"amx_int8", f.amx_int8}};
}

// Training with weights in eight bits computes on fp16 numbers: how.
std::string half_arithmetic() {
  return cpu_features().avx512_fp16
             ? "storage only: sums of products in fp16 lose the accuracy that training asks for; float32 arithmetic"
             : "storage only: this processor lacks avx512_fp16; float32 arithmetic";
}

int affinity() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
}

Json to_json(const report::Probe& probe) {
  Json out;
  out["version"] = OCTET_VERSION;
  out["cpu"] = cpu_name();
  for (const auto& [name, present] : features()) out["features"][name] = present;
  const char* cap = std::getenv("OCTET_ISA");
  out["octet_isa"] = cap != nullptr ? Json(report::safe(cap)) : Json();
  out["kernels"] = Json::array();
  for (const KernelRow& row : kernel_rows()) {
    out["kernels"].push_back(
        {{"table", row.table}, {"name", row.name}, {"isa", row.isa}, {"chosen", row.chosen}, {"why", row.verdict}});
  }
  out["threads"] = {
      {"hardware", std::thread::hardware_concurrency()}, {"affinity", affinity()}, {"used", usable_cpus()}};
  out["fp16"] = half_arithmetic();
  out["probe"] = {{"int8_gops", probe.int8_gops}, {"float_gflops", probe.float_gflops}};
  for (const auto& [name, version] : formats::library_versions()) out["libraries"][name] = version;
  return out;
}

std::string to_text(const report::Probe& probe, int width) {
  std::string present, absent;
  for (const auto& [name, has] : features()) (has ? present : absent) += " " + name;
  std::string out = fmt::format("octet {}\n{}\nhas:{}\nlacks:{}\n\n", OCTET_VERSION, cpu_name(), present, absent);
  report::Table table({{"family"}, {"kernel"}, {"instructions"}, {"verdict"}});
  for (const KernelRow& row : kernel_rows()) table.add({row.table, row.name, row.isa, row.verdict});
  out += table.text(width);
  out += fmt::format("\nthreads: {} used of {} in the machine; the affinity mask admits {}{}\n", usable_cpus(),
                     std::thread::hardware_concurrency(), affinity(),
                     usable_cpus() < affinity() ? ", the processor quota of the control group fewer" : "");
  out += "fp16: " + half_arithmetic() + "\n";
  out += fmt::format("speed now, all threads: {:.0f} Gop/s in int8, {:.0f} Gflop/s in float\n", probe.int8_gops,
                     probe.float_gflops);
  std::string libraries;
  for (const auto& [name, version] : formats::library_versions())
    libraries += fmt::format("{}{} {}", libraries.empty() ? "" : ", ", name, version);
  return out + "libraries: " + libraries + "\n";
}

int run(const OutputOptions& options) {
  MachineProbe probe(0);
  probe.measure();
  print(options.json ? report::dump(to_json(probe.best())) + "\n" : to_text(probe.best(), output_width()));
  suggest("octet demo");
  return 0;
}

}  // namespace

std::function<int()> add_doctor(CLI::App& app) {
  auto options = std::make_shared<OutputOptions>();
  add_json(app, *options);
  return [options] { return run(*options); };
}

}  // namespace octet::app
