// Min-max: the range is what was seen.  Source: MinMaxObserver of torch.ao, MinMax of ONNX Runtime's tool.
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "octet/quant/observers/observers.h"
#include "octet/quant/observers/state_json.h"

namespace octet::quant {
namespace {

class MinMax : public ObserverState {
 public:
  void observe(std::span<const float> batch) override {
    for (const float x : batch) {
      seen_.min = std::min(seen_.min, x);
      seen_.max = std::max(seen_.max, x);
    }
  }
  void merge(const ObserverState& other) override {
    const auto& that = same_kind<MinMax>(other);
    seen_ = {std::min(seen_.min, that.seen_.min), std::max(seen_.max, that.seen_.max)};
  }
  Range range(const Scheme&, const RangeOptions&) const override { return seen_; }
  Range seen() const override { return seen_; }
  nlohmann::json save() const override { return {{"seen", save_range(seen_)}}; }
  void load(const nlohmann::json& saved) override { seen_ = load_range(saved, "seen"); }

 private:
  Range seen_ = kNothing;
};

}  // namespace

std::unique_ptr<ObserverState> make_min_max() { return std::make_unique<MinMax>(); }

}  // namespace octet::quant
