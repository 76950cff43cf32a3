// What operators with subgraphs share (If, Loop, Scan).
#pragma once

#include <vector>

#include "octet/ops/op.h"

namespace octet::ops {

/// The one boolean of a condition; throws bad_input naming `what` otherwise.
bool truth(const Tensor& condition, const char* what);

/// What holds of a value that has either type: equal dimensions stay, others become unknown.
TypeInfo common(const TypeInfo& a, const TypeInfo& b);

void set_output(InferContext& ctx, int output, const TypeInfo& type);

/// One output from the results of all iterations, side by side along a new axis; `reversed` puts the last
/// first. With no results the shape comes from the declared `type`, unknown dimensions counting 0.
void stack(EvalContext& ctx, int output, const std::vector<Tensor>& results, const TypeInfo& type, std::int64_t axis,
           bool reversed);

/// The type of a stacked value: one more, unknown dimension at `axis`.
TypeInfo stacked(const TypeInfo& each, std::int64_t axis, const Dim& count);

}  // namespace octet::ops
