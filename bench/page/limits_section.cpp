#include <fmt/format.h>

#include <map>

#include "bench/machine/limits.h"
#include "bench/page/sections.h"

namespace octet::bench {
namespace {

constexpr double kShown = 0.005;  // steps of a smaller share of the time are counted, not listed

struct Machine {
  double int8 = 0, real = 0;  // operations a second
  std::vector<Level> levels;
};

Machine machine_of(const Json& results) {
  const Json before = results.value("limits.before", Json::object());
  Machine machine{1e9 * number(before, {"int8_gops"}), 1e9 * number(before, {"float_gflops"}), {}};
  for (const Json& level : before.value("levels", Json::array())) {
    machine.levels.push_back({level["name"], level["bytes"], 1e9 * level["gbytes"].get<double>()});
  }
  return machine;
}

Work work_of(const Json& step, const Machine& machine) {
  return {1e-3 * number(step, {"ms"}), 2 * number(step, {"macs"}),
          step["int8"].get<bool>() ? machine.int8 : machine.real, step["bytes"].get<std::int64_t>()};
}

std::string network(const Json& line, const Machine& machine) {
  std::string table = head({"step", "operator", "kernel", "us", "share", "Gop/s", "of its limit", "limited by"});
  std::map<std::string, double> seconds;
  double all = 0;
  for (const Json& step : line["result"]["operators"]) all += 1e-3 * number(step, {"ms"});
  for (const Json& step : line["result"]["operators"]) {
    const Work work = work_of(step, machine);
    const std::string limit = limit_of(work, machine.levels);
    seconds[limit] += work.seconds;
    if (work.seconds < kShown * all) continue;
    table += row({fmt::format("`{}`", step["name"].get<std::string>()), step["op"].get<std::string>(),
                  step["kernel"].get<std::string>(), text(1e6 * work.seconds, 1), percent(work.seconds / all),
                  work.operations > 0 ? text(1e-9 * work.operations / work.seconds, 0) : "",
                  percent(share_of_limit(work, machine.levels)), limit});
  }
  std::string summary = line["name"].get<std::string>() + ":";
  for (const auto& [limit, part] : seconds) summary += fmt::format(" {} {}", percent(part / all), limit);
  return fmt::format("<details><summary>{}</summary>\n\n{}\n</details>\n\n", summary, table);
}

}  // namespace

std::string limits_section(const Json& results) {
  const Machine machine = machine_of(results);
  std::string out = section_head(results, "What limits each layer", "limits",
                                 "`octet bench MODEL --profile --threads 1 --json`, batch 1. The rule: at the peak "
                                 "(the register loop of its precision) a "
                                 "step's operations take a time, and at the rate of the first level of memory that "
                                 "holds all that it reads and writes its "
                                 "bytes take another. The longer of the two is its limit if it is half of the measured "
                                 "time or more; otherwise the rest "
                                 "is: overhead, what is done around the products, and starting it all. Steps of less "
                                 "than 0.5 % are counted but not listed.");
  if (machine.levels.empty()) return out;
  for (const Json& line : results.value("limits", Json::array())) out += network(line, machine);
  return out;
}

}  // namespace octet::bench
