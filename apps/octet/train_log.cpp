#include "apps/octet/train_log.h"

#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "octet/base/atomic_file.h"
#include "octet/base/file_descriptor.h"
#include "octet/report/json_forms.h"
#include "octet/report/train_report.h"

namespace octet::app {

using nlohmann::json;

TrainLog::TrainLog(const std::string& path, std::string metric, bool steps, bool keep)
    : path_(path), metric_(std::move(metric)), steps_(steps), settled_(!keep) {
  if (!path_.empty()) open(keep ? "a" : "w");
}

void TrainLog::open(const char* mode) {
  file_.reset(std::fopen(path_.c_str(), mode));
  if (!file_) throw io_error("the log cannot be written", path_, errno);
}

void TrainLog::write(const std::string& line) {
  if (!file_) return;
  if (!settled_) resumed(0, {});  // nothing to go on from was found: what an earlier start wrote does not count
  // One write a line, so that a killed process leaves whole lines.
  const std::string text = line + "\n";
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size() || std::fflush(file_.get()) != 0)
    throw io_error("the log cannot be written", path_, errno);
}

void TrainLog::resumed(std::int64_t step, const std::vector<train::EpochReport>& epochs) {
  settled_ = true;
  if (!file_) return;
  std::string kept;
  std::set<std::int64_t> there;
  std::ifstream in(path_);
  for (std::string line; std::getline(in, line);) {
    const json parsed = json::parse(line, nullptr, false);
    if (!parsed.is_object() || parsed.value("step", step + 1) > step) continue;
    if (parsed.contains("train_loss")) there.insert(parsed.value("epoch", std::int64_t{0}));
    kept += line + "\n";
  }
  for (const train::EpochReport& report : epochs) {
    if (!there.count(report.epoch)) kept += report::dump(report::epoch_line(report, metric_)) + "\n";
  }
  file_.reset();
  write_file_atomically(path_, kept);
  open("a");
}

void TrainLog::epoch(const train::EpochReport& report) { write(report::dump(report::epoch_line(report, metric_))); }

void TrainLog::step(const train::StepReport& report) {
  if (steps_) write(report::dump(report::step_line(report)));
}

}  // namespace octet::app
