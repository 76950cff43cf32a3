#include <array>

#include "octet/kernels/weight_grad_f32/kernels.h"
#include "octet/kernels/weight_grad_f32/weight_grad_f32.h"

namespace octet::kernels {
namespace {

constexpr std::array kTable = {&weight_grad_avx512, &weight_grad_avx2, &weight_grad_reference};

}  // namespace

std::span<const WeightGradKernel* const> weight_grad_table() { return kTable; }

const WeightGradKernel& select_weight_grad(std::int64_t columns) {
  for (const WeightGradKernel* kernel : kTable) {
    const bool too_wide = kernel->nr > 16 && columns <= 16;
    if (!too_wide && isa_allowed(kernel->isa)) return *kernel;
  }
  return weight_grad_reference;
}

std::int64_t weight_grad_scratch_bytes(const ConvShape& shape) {
  return weight_grad_scratch_bytes(select_weight_grad(shape.out_channels / shape.groups), shape);
}

void conv_weight_grad_f32(const ConvShape& shape, const float* x, const float* dy, float* dw, void* scratch,
                          ThreadPool& pool) {
  conv_weight_grad_f32(select_weight_grad(shape.out_channels / shape.groups), shape, x, dy, dw, scratch, pool);
}

}  // namespace octet::kernels
