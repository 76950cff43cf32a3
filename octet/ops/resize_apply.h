// Carrying out a resize whose taps are known, one Taps for each axis.
#pragma once

#include "octet/ops/from_real.h"
#include "octet/ops/resize_taps.h"

namespace octet::ops {

/// y[p...] = x[i[p]...]: picks elements of any type.
void resize_nearest(ThreadPool& threads, const Tensor& x, const std::vector<Taps>& taps, Tensor& y);
/// Weighted sums along each axis in turn, in float (double for double and wide integers). Integer results
/// saturate; `rounding` says whether they round to nearest even or, as plain ONNX has it, lose their
/// fraction. Throws bad_input for booleans.
void resize_filtered(ThreadPool& threads, const Tensor& x, const std::vector<Taps>& taps, ToInteger rounding,
                     Tensor& y);
/// Positions that lie outside the input along any axis become `value`.
void fill_outside(const std::vector<Taps>& taps, float value, Tensor& y);

/// The transpose of the two above, for float and double: dx gets each element of dy, weighted, where it was made of;
/// what lay outside goes nowhere.
void resize_back(ThreadPool& threads, const Tensor& dy, const std::vector<Taps>& taps, Tensor& dx);

}  // namespace octet::ops
