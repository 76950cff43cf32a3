// Dynamic loss scaling: gradients in half precision are kept away from zero by a factor on the loss.
//
//   LossScale scale;
//   ... gradients of scale.value() * loss ...
//   if (scale.update(all_finite)) apply(gradients * scale.inverse());   // otherwise the step is skipped
#pragma once

#include <cstdint>

namespace octet::train {

/// Starts at 65536; a gradient that is not finite halves it and the step is skipped; 2000 clean steps in a row double
/// it. Source: torch.amp.GradScaler, Micikevicius et al. 2018 (arXiv 1710.03740), with halving in place of dividing
/// by 2.
class LossScale {
 public:
  static constexpr double kStart = 65536;
  static constexpr std::int64_t kCleanSteps = 2000;

  double value() const { return value_; }
  /// In double: what gradients are multiplied with before the update.
  double inverse() const { return 1.0 / value_; }
  /// Tells whether the step is to be done. Never below 2^-24 (then gradients are not finite for another reason).
  bool update(bool finite) {
    if (!finite) {
      if (value_ > 0x1p-24) value_ /= 2;
      clean_ = 0;
      ++skipped_;
      return false;
    }
    if (++clean_ == kCleanSteps) {
      value_ *= 2;
      clean_ = 0;
    }
    return true;
  }
  std::int64_t clean_steps() const { return clean_; }
  std::int64_t skipped() const { return skipped_; }
  void restore(double value, std::int64_t clean, std::int64_t skipped) {
    value_ = value;
    clean_ = clean;
    skipped_ = skipped;
  }

 private:
  double value_ = kStart;
  std::int64_t clean_ = 0, skipped_ = 0;
};

}  // namespace octet::train
