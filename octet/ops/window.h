// Windows that slide over the spatial dimensions of [N, C, D1, D2, ...]: what convolutions and pools share.
//
//   const Window window = sliding_window(attributes, shape_of_x);
//   for (position ...) window.offsets(position, ...)
#pragma once

#include <array>
#include <vector>

#include "octet/graph/graph.h"

namespace octet::ops {

/// One size for each spatial dimension.
using Extents = std::array<std::int64_t, Shape::kMaxRank - 2>;

/// A window over `rank` spatial dimensions; a size that is not known yet is -1.
struct Window {
  int rank = 0;
  Extents input{}, output{}, kernel{}, stride{}, dilation{}, pad_begin{}, pad_end{};

  /// Input elements from the first tap of one dimension to its last, both included.
  std::int64_t reach(int i) const {
    const auto at = static_cast<std::size_t>(i);
    return dilation[at] * (kernel[at] - 1) + 1;
  }
  std::int64_t taps() const { return product(kernel); }
  std::int64_t positions() const { return product(output); }
  std::int64_t input_elements() const { return product(input); }
  std::int64_t product(const Extents& extents) const;
};

/// What the attributes say, before it is known what the window slides over.
struct WindowForm {
  enum class AutoPad { none, same_upper, same_lower, valid };
  int rank = 0;
  Extents kernel{}, stride{}, dilation{}, pad_begin{}, pad_end{};
  AutoPad auto_pad = AutoPad::none;
  bool ceil_mode = false;
};

/// Reads kernel_shape, strides, dilations, pads, auto_pad and ceil_mode. `weights` [M, C, k1, k2, ...] gives the
/// kernel of a convolution (nullptr for a pool: then kernel_shape is required).
/// Throws bad_input naming the attribute: a size below 1, negative or huge pads, another number of entries than
/// spatial dimensions, a kernel_shape that contradicts the weights, pads beside auto_pad.
WindowForm read_window(const Attributes& attributes, int rank, const SymbolicShape* weights);

/// The window over x [N, C, D1, ...], with output sizes and the pads that auto_pad asks for:
///   output = floor((input + pads - reach) / stride) + 1, or ceil with ceil_mode, less a last window that would
///   start in the end padding; SAME: ceil(input / stride). A dimension of size 0 gives 0.
/// Throws bad_input when the kernel is larger than the padded input.
/// Source: ONNX Conv-11, MaxPool-12, AveragePool-19.
Window slide(const WindowForm& form, const SymbolicShape& x);

inline Window sliding_window(const Attributes& attributes, const SymbolicShape& x,
                             const SymbolicShape* weights = nullptr) {
  return slide(read_window(attributes, static_cast<int>(x.size()) - 2, weights), x);
}

/// Appends the window's output sizes to `shape`; a symbol passes where the size does not change.
void append_output(const Window& window, const SymbolicShape& x, SymbolicShape& shape);

/// Throws bad_input when x has no spatial dimension ([N, C, D1, ...] is needed).
void check_spatial_rank(const SymbolicShape& x, const char* what = "input");

/// offsets[tap * step] = the input element (within one channel) that the tap reads at that output position,
/// -1 in the padding.
void tap_offsets(const Window& window, std::int64_t position, std::int64_t* offsets, std::int64_t step);

/// The input elements of one channel that the window covers at `position`, in row-major order, padding left out.
void covered(const Window& window, std::int64_t position, std::vector<std::int64_t>& offsets);

/// How many taps fall inside the input and its padding (ceil_mode may let a window stick out further).
std::int64_t taps_within_padding(const Window& window, std::int64_t position);

}  // namespace octet::ops
