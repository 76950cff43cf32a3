// How a convolution is read: which taps, and from the input itself or from a padded copy.
#pragma once

#include "octet/kernels/igemm/driver.h"
#include "octet/kernels/igemm/image.h"

namespace octet::kernels {

struct ConvPlan {
  std::int64_t taps_y, taps_x;
  std::int64_t k;                   ///< of one tap and group
  std::int64_t height, width;       ///< of what is read, in pixels
  std::int64_t stride_h, stride_w;  ///< there
  std::int64_t pixel;               ///< bytes from pixel to pixel
  bool copy;
  bool only_padding;  ///< is why
  ImageCopy image;
  bool rows_fold = false;  ///< all taps are one: a pixel of the copy has its three rows' bytes side by side
};

/// Dense convolutions in groups. Without groups and dilation the taps of a kernel row are neighbours
/// in memory: they fold into k, and taps_x is 1. Where that leaves k ragged (a 3x3 kernel on a picture's three
/// channels: 9 of 12), a copy lays the rows side by side too, and all of the kernel is one tap (27 of 28).
/// `in_place`: as reads_in_place says, for the padding is never read.
ConvPlan plan_conv(const IgemmKernel& kernel, const ConvShape& shape, bool in_place = false);
/// Whether a convolution whose padding is zero may be read where it lies, taps that lie outside of it left out.
bool reads_in_place(const IgemmKernel& kernel, const ConvShape& shape);
/// One filter a channel: k is 1, and a core reads nr channels of each tap.
ConvPlan plan_depthwise(const IgemmKernel& kernel, const ConvShape& shape);

/// All of a dense convolution that depends on its shape alone, for many runs.
struct PreparedConv {
  ConvPlan plan = {};
  IgemmProblem problem = {};  ///< without pointers and epilogue
  RowTable table;             ///< for a number of threads
  bool zero_padding = false;  ///< whether it counts on padding to be zero
};

std::int64_t scratch_bytes(const ConvPlan& plan);
/// A problem over the rows of the plan. The caller adds the weights, the groups and the epilogue.
IgemmProblem problem_of(const IgemmKernel& kernel, const ConvPlan& plan, const ConvShape& shape);
/// What it reads: copies the input where that is due, and writes the taps into scratch.
void read_plan(const ConvPlan& plan, const ConvShape& shape, const void* in, int zero_point, void* scratch,
               ThreadPool& pool, IgemmProblem& problem);

}  // namespace octet::kernels
