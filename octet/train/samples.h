// Samples: the data of training, in any order. Tensors that are there already, or a Dataset, which is kept in memory as
// far as it fits into the budget and read again and again where it does not.
//
//   Samples samples({{"x", x}}, y);                       // first dimension: samples
//   Samples samples(open_dataset(...), {.threads = 2});
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "octet/formats/data/dataset.h"
#include "octet/runtime/session.h"

namespace octet::train {

/// One feed of a training step.
struct Batch {
  NamedTensors inputs;
  Tensor target;  ///< undefined: the data has no expected answers
  std::int64_t samples = 0;
  std::vector<std::int64_t> indices;  ///< which samples these are
};

struct SamplesOptions {
  std::int64_t memory = std::int64_t{2} << 30;  ///< bytes that may be kept
  /// Called while data is read for the first time; may throw to stop.
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};
};

class Samples {
 public:
  /// Throws usage unless all have the same first dimension.
  Samples(NamedTensors inputs, Tensor target);
  explicit Samples(std::shared_ptr<formats::Dataset> data, const SamplesOptions& options = {});
  ~Samples();
  Samples(Samples&&) noexcept;
  Samples& operator=(Samples&&) noexcept;

  /// Units that can be drawn: samples, or whole feeds where the data or the network's fixed batch says so.
  std::int64_t size() const;
  /// Whether they are kept in memory; otherwise each is read anew.
  bool in_memory() const;
  bool has_targets() const;
  /// These samples in order, in as few batches as their shapes allow.
  std::vector<Batch> gather(std::span<const std::int64_t> indices) const;
  /// What was skipped or converted.
  std::vector<std::string> warnings() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace octet::train
