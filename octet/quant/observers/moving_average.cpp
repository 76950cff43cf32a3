// Moving average of each batch's minimum and maximum: the first batch assigns, then m += 0.01 * (x - m).
// Source: MovingAverageMinMaxObserver of torch.ao.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "octet/quant/observers/observers.h"
#include "octet/quant/observers/state_json.h"

namespace octet::quant {
namespace {

constexpr float kConstant = 0.01F;

class MovingAverage : public ObserverState {
 public:
  void observe(std::span<const float> batch) override {
    if (batch.empty()) return;
    const auto [low, high] = std::minmax_element(batch.begin(), batch.end());
    if (batches_ == 0) {
      average_ = {*low, *high};
    } else {
      average_.min += kConstant * (*low - average_.min);
      average_.max += kConstant * (*high - average_.max);
    }
    seen_ = {std::min(seen_.min, *low), std::max(seen_.max, *high)};
    ++batches_;
  }

  // The order of batches is lost between two states: their averages are weighted by batches.
  void merge(const ObserverState& other) override {
    const auto& that = same_kind<MovingAverage>(other);
    if (that.batches_ == 0) return;
    const double share = static_cast<double>(that.batches_) / static_cast<double>(batches_ + that.batches_);
    if (batches_ == 0) {
      average_ = that.average_;
    } else {
      average_.min += static_cast<float>(share * (double{that.average_.min} - average_.min));
      average_.max += static_cast<float>(share * (double{that.average_.max} - average_.max));
    }
    seen_ = {std::min(seen_.min, that.seen_.min), std::max(seen_.max, that.seen_.max)};
    batches_ += that.batches_;
  }

  Range range(const Scheme&, const RangeOptions&) const override { return average_; }
  Range seen() const override { return seen_; }

  nlohmann::json save() const override {
    return {{"average", save_range(average_)}, {"seen", save_range(seen_)}, {"batches", batches_}};
  }
  void load(const nlohmann::json& saved) override {
    average_ = load_range(saved, "average");
    seen_ = load_range(saved, "seen");
    const nlohmann::json& batches = member(saved, "batches");
    if (!batches.is_number_unsigned()) throw malformed("'batches' is not a count");
    batches_ = batches.get<std::uint64_t>();
  }

 private:
  Range average_ = kNothing, seen_ = kNothing;
  std::uint64_t batches_ = 0;
};

}  // namespace

std::unique_ptr<ObserverState> make_moving_average() { return std::make_unique<MovingAverage>(); }

}  // namespace octet::quant
