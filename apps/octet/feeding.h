// Data sets, feed by feed, with progress.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "apps/octet/options.h"
#include "octet/formats/data/dataset.h"
#include "octet/quant/quantize.h"

namespace octet::app {

std::unique_ptr<formats::Dataset> open_data(const DataOptions& data, const Graph& graph, const std::string& model_path);

/// Calls `use` with every feed that holds samples; returns how many samples that were. Throws bad_input when
/// there were none. `what` names the work in the progress bar.
std::int64_t for_each_feed(formats::Dataset& data, std::int64_t batch, const std::string& what,
                           const std::function<void(const formats::Feed&)>& use);

/// The data as calibration reads it.
CalibrationSource calibration_from(std::shared_ptr<formats::Dataset> data, std::int64_t batch);

}  // namespace octet::app
