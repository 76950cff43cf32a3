// The result of `octet train`: JSON, a table, lines of the log, and a page with the curves.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "octet/train/trainer.h"

namespace octet::report {

struct TrainReport {
  std::string model, output, metric, method;  ///< method: "float32", "qat x86", ...
  train::TrainResult result;
  std::vector<std::pair<std::string, std::string>> settings;  ///< shown on the page
  std::vector<train::StepReport> steps;                       ///< of this run; for the curves
  double seconds = 0;
  std::int64_t peak_memory_bytes = 0;
};

/// {output, epochs, train_loss, eval, metric, seconds, peak_memory_bytes, ...}: the losses of the last epoch, and all
/// in `history`.
nlohmann::ordered_json to_json(const TrainReport& report);
std::string to_text(const TrainReport& report, int width);
/// A line of the log: of an epoch, and of a step.
nlohmann::ordered_json epoch_line(const train::EpochReport& epoch, const std::string& metric);
nlohmann::ordered_json step_line(const train::StepReport& step);
/// A page that stands for itself: curves as SVG, no scripts, nothing fetched; every name is escaped.
std::string to_html(const TrainReport& report);

}  // namespace octet::report
