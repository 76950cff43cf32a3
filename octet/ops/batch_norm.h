// What the forms of batch normalization share.
#pragma once

#include "octet/graph/graph.h"

namespace octet {
class GradientContext;
}

namespace octet::ops {

struct BatchNormForm {
  double epsilon = 1e-5, momentum = 0.9;
  bool unbiased = true;
  /// What the batch's variance over `count` elements is multiplied by before it enters the running one.
  double correction(std::int64_t count) const {
    return unbiased && count > 1 ? static_cast<double>(count) / static_cast<double>(count - 1) : 1;
  }
};
BatchNormForm batch_norm_form(const Attributes& attributes);

/// States the gradients of a batch norm's inputs by octet.BatchNormGrad. `mean` and `inverse` deviation: kNoValue to
/// have them computed from x; `frozen`: they do not depend on x.
void gradient_of_batch_norm(GradientContext& ctx, ValueId mean, ValueId inverse, bool frozen);

}  // namespace octet::ops
