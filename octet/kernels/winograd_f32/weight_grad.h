// The gradient of a dense 3x3 convolution's weights in Winograd's form, F(3x3, 2x2): 16 products where the direct form
// takes 36.
//   dU = sum over tiles of (B' d B) (A dy A')', dw = G' dU G, with the transforms of winograd_f32.h
// Images are dealt to parts that follow from the shape alone, and the parts are added in order, in double: any number
// of threads gives the same bits.  Source: Lavin & Gray 2015 (arXiv 1509.09308).
#pragma once

#include "octet/kernels/winograd_f32/winograd_f32.h"

namespace octet::kernels {

std::int64_t winograd_weight_grad_scratch(const ConvShape& shape);
/// x and dy NHWC, dw [out_channels][in_channels][3][3]; for shapes that winograd_fits() admits.
void winograd_weight_grad_f32(const ConvShape& shape, const float* x, const float* dy, float* dw, void* scratch,
                              ThreadPool& pool);
void winograd_weight_grad_f32(const WinogradKernel& kernel, const ConvShape& shape, const float* x, const float* dy,
                              float* dw, void* scratch, ThreadPool& pool);

}  // namespace octet::kernels
