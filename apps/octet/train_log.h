// The log of a training: a line of JSON an epoch (and a step), the same after any number of interruptions.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "octet/train/trainer.h"

namespace octet::app {

class TrainLog {
 public:
  /// No path: nothing is written. A new run replaces the file; one that resumes keeps it until resumed() is called.
  TrainLog(const std::string& path, std::string metric, bool steps, bool keep);
  /// Lines of steps that will be done again go; epochs whose line was not written are added.
  void resumed(std::int64_t step, const std::vector<train::EpochReport>& epochs);
  void epoch(const train::EpochReport& report);
  void step(const train::StepReport& report);

 private:
  void open(const char* mode);
  void write(const std::string& line);

  std::string path_, metric_;
  bool steps_;
  bool settled_;  ///< what stays of an earlier log is decided
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_{nullptr, std::fclose};
};

}  // namespace octet::app
