#include "octet/quant/calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace octet::quant {
namespace {

// Index of the first NaN or infinity of a float32 tensor, or -1.
std::int64_t first_nonfinite(const Tensor& tensor) {
  if (tensor.dtype() != DType::f32) return -1;
  const auto values = tensor.values<float>();
  const auto it = std::find_if(values.begin(), values.end(), [](float x) { return !std::isfinite(x); });
  return it == values.end() ? -1 : it - values.begin();
}

std::uint64_t hash_bytes(std::uint64_t hash, const void* bytes, std::size_t count) {
  const auto* p = static_cast<const unsigned char*>(bytes);
  for (std::size_t i = 0; i < count; ++i) hash = (hash ^ p[i]) * 0x100000001b3U;  // FNV-1a
  return hash;
}

// Tells one sample repeated from many: remembers a few hashes only.
class Variety {
 public:
  void see(const NamedTensors& feed, std::int64_t samples) {
    for (std::int64_t i = 0; i < samples && hashes_.size() < 2; ++i) {
      std::uint64_t hash = 0xcbf29ce484222325U;
      for (const auto& [name, tensor] : feed) {
        const bool batched = tensor.rank() > 0 && tensor.dim(0) == samples;
        const std::size_t bytes = batched ? tensor.bytes() / static_cast<std::size_t>(samples) : tensor.bytes();
        const auto* begin =
            static_cast<const unsigned char*>(tensor.raw()) + (batched ? bytes * static_cast<std::size_t>(i) : 0);
        hash = hash_bytes(hash, begin, bytes);
      }
      hashes_.insert(hash);
    }
  }
  bool poor() const { return hashes_.size() < 2; }

 private:
  std::set<std::uint64_t> hashes_;
};

std::int64_t samples_of(const NamedTensors& feed) {
  for (const auto& [name, tensor] : feed) {
    if (tensor.rank() > 0) return tensor.dim(0);
  }
  return 1;
}

// The input that is not finite, or nullptr.
const std::pair<std::string, Tensor>* bad_input(const NamedTensors& feed) {
  for (const auto& item : feed) {
    if (first_nonfinite(item.second) >= 0) return &item;
  }
  return nullptr;
}

Error nonfinite_input(const std::pair<std::string, Tensor>& input, std::int64_t batch, const std::string& file) {
  const std::int64_t index = first_nonfinite(input.second);
  return Error(ErrorKind::bad_input, fmt::format("calibration batch {} holds a value that is not finite", batch))
      .file(file)
      .tensor(input.first)
      .value(fmt::format("{} at index {}", input.second.data<float>()[index], index))
      .expected("finite values")
      .hint("clean the data, or skip such batches with --skip-nonfinite");
}

// The first value that is not finite, of all that the graph computes; `seen` where a run with nothing fused has none.
ValueId first_bad_value(const Graph& graph, const NamedTensors& feed, ValueId seen) {
  ValueId first = kNoValue;
  const Session session(clone(graph));
  session.run(feed, [&](const std::string& name, const Tensor& tensor) {
    if (first == kNoValue && first_nonfinite(tensor) >= 0) first = graph.find(name);
  });
  return first == kNoValue ? seen : first;
}

Error nonfinite_inside(const Graph& graph, ValueId id, std::int64_t batch) {
  const int producer = Uses(graph).producer(id);
  Error error(ErrorKind::bad_input,
              fmt::format("calibration batch {} makes a NaN or infinity inside the network", batch));
  error.tensor(graph.value(id).name)
      .hint("check the preprocessing of the data; --skip-nonfinite leaves such batches out");
  if (producer >= 0) error.node(graph.label(graph.nodes[static_cast<std::size_t>(producer)]));
  return error;
}

}  // namespace

Probe::Probe(const Graph& graph, std::vector<ValueId> values, int threads) : values_(std::move(values)) {
  Graph copy = clone(graph);
  outputs_ = copy.outputs.size();
  for (const ValueId id : values_) {
    const auto input = std::find(copy.inputs.begin(), copy.inputs.end(), id);
    const auto output = std::find(copy.outputs.begin(), copy.outputs.end(), id);
    if (input != copy.inputs.end()) {
      position_.push_back(-1 - static_cast<int>(input - copy.inputs.begin()));
    } else {
      position_.push_back(static_cast<int>(output - copy.outputs.begin()));
      if (output == copy.outputs.end()) copy.outputs.push_back(id);
    }
  }
  for (const ValueId id : copy.inputs) input_names_.push_back(copy.value(id).name);
  session_ = std::make_unique<Session>(std::move(copy), SessionOptions{.threads = threads});
}

Probe::Seen Probe::run(const NamedTensors& feed) const {
  std::vector<Tensor> all = session_->run(feed);
  Seen out;
  out.outputs.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(outputs_));
  for (const int position : position_) {
    if (position >= 0) {
      out.values.push_back(all[static_cast<std::size_t>(position)]);
      continue;
    }
    const std::string& name = input_names_[static_cast<std::size_t>(-1 - position)];
    const auto it = std::find_if(feed.begin(), feed.end(), [&](const auto& item) { return item.first == name; });
    out.values.push_back(it == feed.end() ? Tensor() : it->second);
  }
  return out;
}

void collect(const Graph& graph, const Probe& probe, const CalibrationRun& run, Statistics& statistics,
             std::vector<std::string>& warnings) {
  Variety variety;
  std::int64_t skipped = 0, batch = 0;
  for (auto feed = run.source(true); feed; feed = run.source(false), ++batch) {
    if (const auto* bad = bad_input(*feed)) {
      if (!run.skip_nonfinite) throw nonfinite_input(*bad, batch, run.file);
      ++skipped;
      continue;
    }
    const Probe::Seen seen = probe.run(*feed);
    const auto bad =
        std::find_if(seen.values.begin(), seen.values.end(), [](const Tensor& t) { return first_nonfinite(t) >= 0; });
    if (bad != seen.values.end()) {
      if (!run.skip_nonfinite) {
        const ValueId id = probe.values()[static_cast<std::size_t>(bad - seen.values.begin())];
        throw nonfinite_inside(graph, first_bad_value(graph, *feed, id), batch);
      }
      ++skipped;
      continue;
    }
    for (std::size_t i = 0; i < seen.values.size(); ++i) {
      if (seen.values[i].dtype() != DType::f32) continue;
      statistics.observe(graph.value(probe.values()[i]).name, seen.values[i].values<float>());
    }
    const std::int64_t samples = samples_of(*feed);
    variety.see(*feed, samples);
    statistics.samples += samples;
    ++statistics.batches;
    if (run.progress) run.progress("calibrating", statistics.samples, 0);
  }
  if (statistics.batches == 0) {
    throw Error(ErrorKind::bad_input, skipped == 0 ? "there is no calibration sample"
                                                   : "every calibration batch holds values that are not finite")
        .hint("a few hundred typical inputs are enough");
  }
  if (skipped > 0) warnings.push_back(fmt::format("{} calibration batches were left out: values not finite", skipped));
  if (variety.poor()) {
    warnings.push_back(statistics.samples <= 1
                           ? "only one calibration sample: ranges will not fit other inputs"
                           : "all calibration samples are the same: ranges will not fit other inputs");
  }
}

std::vector<NamedTensors> spread_batches(const CalibrationSource& source, std::int64_t batches, std::int64_t count,
                                         bool skip_nonfinite) {
  std::vector<NamedTensors> out;
  std::int64_t index = 0;
  for (auto feed = source(true); feed && static_cast<std::int64_t>(out.size()) < count; feed = source(false)) {
    if (skip_nonfinite && bad_input(*feed) != nullptr) continue;
    if (index++ * count >= static_cast<std::int64_t>(out.size()) * batches) out.push_back(std::move(*feed));
  }
  return out;
}

}  // namespace octet::quant
