// The kinds of optimizer, made by make_optimizer.
#pragma once

#include "octet/train/optimizer.h"

namespace octet::train {

struct AdamForm {
  Adam options;
  bool decoupled_decay = false;  ///< AdamW
};
std::unique_ptr<Optimizer> make_sgd(const Sgd& options, std::vector<Parameter> parameters);
std::unique_ptr<Optimizer> make_adam(const AdamForm& form, std::vector<Parameter> parameters);

/// Throws usage unless `fits`.
void require_range(bool fits, const char* option, double value, const char* expected);

/// Elements that one piece of a parallel update takes at least.
inline constexpr std::int64_t kUpdateGrain = 8192;

}  // namespace octet::train
