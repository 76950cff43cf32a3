// Calibration: streams batches through the float network and shows chosen values to observers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "octet/quant/statistics.h"
#include "octet/runtime/session.h"

namespace octet::quant {

/// A float network that gives some of its inner values besides its outputs.
class Probe {
 public:
  Probe(const Graph& graph, std::vector<ValueId> values, int threads);

  struct Seen {
    std::vector<Tensor> outputs;  ///< of the network
    std::vector<Tensor> values;   ///< as asked for
  };
  Seen run(const NamedTensors& feed) const;
  const std::vector<ValueId>& values() const { return values_; }

 private:
  std::unique_ptr<Session> session_;
  std::vector<ValueId> values_;
  std::vector<std::string> input_names_;
  std::vector<int> position_;  ///< of each value: an output of the session, or -1 - input
  std::size_t outputs_ = 0;
};

struct CalibrationRun {
  const CalibrationSource& source;
  bool skip_nonfinite = false;
  Progress progress;
  std::string file = {};  ///< what errors about the data call it
};
/// One pass over the source. Memory does not grow with it.
/// Throws bad_input when there is no sample, for a NaN or infinite input (unless skip_nonfinite: the batch is
/// left out and counted in a warning), and, naming the first bad node, when one arises inside the network.
void collect(const Graph& graph, const Probe& probe, const CalibrationRun& run, Statistics& statistics,
             std::vector<std::string>& warnings);

/// Up to `count` batches spread evenly over the `batches` of the source.
std::vector<NamedTensors> spread_batches(const CalibrationSource& source, std::int64_t batches, std::int64_t count,
                                         bool skip_nonfinite);

}  // namespace octet::quant
