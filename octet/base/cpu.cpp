#include "octet/base/cpu.h"

#include <cpuid.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "octet/base/error.h"

namespace octet {
namespace {

constexpr std::array kIsas = {Isa::scalar, Isa::avx2, Isa::avx_vnni, Isa::avx512, Isa::avx512_vnni};

CpuFeatures detect() {
  CpuFeatures f;
  __builtin_cpu_init();
  f.avx2 = __builtin_cpu_supports("avx2");
  f.fma = __builtin_cpu_supports("fma");
  f.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  f.avx512_vnni = f.avx512 && __builtin_cpu_supports("avx512vnni");
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d)) f.f16c = (c >> 29) & 1u;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
    f.avx512_fp16 = f.avx512 && ((d >> 23) & 1u);
    f.amx_int8 = (d >> 25) & 1u;
  }
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d)) {
    f.avx_vnni = f.avx2 && ((a >> 4) & 1u);
    f.avx512_bf16 = f.avx512 && ((a >> 5) & 1u);
  }
  return f;
}

Isa cap() {
  const char* text = std::getenv("OCTET_ISA");
  if (text == nullptr || *text == '\0') return Isa::avx512_vnni;
  for (const Isa isa : kIsas) {
    if (std::strcmp(text, to_string(isa)) == 0) return isa;
  }
  throw Error(ErrorKind::usage, "OCTET_ISA names no instruction set")
      .value(text)
      .expected("scalar, avx2, avx_vnni, avx512 or avx512_vnni");
}

double ratio(const std::string& quota, const std::string& period) {
  const double q = std::atof(quota.c_str()), p = std::atof(period.c_str());
  return q > 0 && p > 0 ? q / p : 0;  // "max" and "-1": no quota
}

// This process's cgroup in the v2 hierarchy ("/user.slice/a.scope"), or empty.
std::string own_cgroup() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("0::/", 0) == 0) return line.substr(3);
  }
  return {};
}

// CPU quota in processors, the least of the cgroup and those that hold it (v2), or the container's (v1); 0: none.
double cgroup_quota() {
  double least = 0;
  const auto take = [&](double quota) { least = quota > 0 && (least == 0 || quota < least) ? quota : least; };
  for (std::string group = own_cgroup();; group.resize(group.rfind('/'))) {
    std::string quota, period;
    std::ifstream("/sys/fs/cgroup" + group + "/cpu.max") >> quota >> period;
    take(ratio(quota, period));
    if (group.find('/') == std::string::npos) break;
  }
  std::string quota, period;
  std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") >> quota;
  std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_period_us") >> period;
  take(ratio(quota, period));
  return least;
}

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

bool cpu_supports(Isa isa) {
  const CpuFeatures& f = cpu_features();
  switch (isa) {
    case Isa::scalar:
      return true;
    case Isa::avx2:
      return f.avx2 && f.fma && f.f16c;
    case Isa::avx_vnni:
      return f.avx_vnni && f.fma && f.f16c;
    case Isa::avx512:
      return f.avx512;
    case Isa::avx512_vnni:
      return f.avx512_vnni;
  }
  return false;
}

bool isa_allowed(Isa isa) {
  static const Isa most = cap();  // kernels are chosen at every call of some functions
  return isa <= most && cpu_supports(isa);
}

const char* to_string(Isa isa) {
  switch (isa) {
    case Isa::scalar:
      return "scalar";
    case Isa::avx2:
      return "avx2";
    case Isa::avx_vnni:
      return "avx_vnni";
    case Isa::avx512:
      return "avx512";
    case Isa::avx512_vnni:
      return "avx512_vnni";
  }
  return "scalar";
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

int usable_cpus() {
  int count = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = std::max(1, CPU_COUNT(&set));
  if (const double quota = cgroup_quota(); quota > 0) {
    count = std::min(count, std::max(1, static_cast<int>(std::ceil(quota))));
  }
  return count;
}

}  // namespace octet
