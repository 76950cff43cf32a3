#include "octet/kernels/igemm/depthwise.h"

#include "octet/kernels/igemm/conv_plan.h"
#include "octet/kernels/igemm/depthwise_rows.h"

namespace octet::kernels {
namespace {

std::int64_t steps(const IgemmKernel& kernel, const ConvShape& s) {
  return (s.kernel_height * s.kernel_width + kernel.kr - 1) / kernel.kr;
}

std::int64_t panel_bytes(const IgemmKernel& kernel, const ConvShape& s) {
  return steps(kernel, s) * kernel.nr * kernel.kr * kernel.a_bytes;  // weights are as wide as activations
}

}  // namespace

std::int64_t depthwise_packed_bytes(const IgemmKernel& kernel, const ConvShape& s) {
  if (kernel.rows != nullptr) return depthwise_rows_packed_bytes(kernel, s);
  return (s.out_channels + kernel.nr - 1) / kernel.nr * panel_bytes(kernel, s);
}

std::int64_t depthwise_weight_index(const IgemmKernel& kernel, const ConvShape& s, std::int64_t tap,
                                    std::int64_t channel) {
  const std::int64_t panel = channel / kernel.nr, column = channel % kernel.nr, group = column / 4;
  const std::int64_t place = kernel.kr == 1 ? column : group % 2 * (kernel.nr / 2) + group / 2 * 4 + column % 4;
  return ((panel * steps(kernel, s) + tap / kernel.kr) * kernel.nr + place) * kernel.kr + tap % kernel.kr;
}

std::int64_t depthwise_scratch_bytes(const IgemmKernel& kernel, const ConvShape& s) {
  return kernel.rows != nullptr ? depthwise_rows_scratch_bytes(kernel, s) : scratch_bytes(plan_depthwise(kernel, s));
}

void run_depthwise(const IgemmKernel& kernel, const ConvShape& s, const void* in, int zero_point, const void* packed,
                   const Epilogue& epilogue, void* scratch, ThreadPool& pool) {
  if (kernel.rows != nullptr) return run_depthwise_rows(kernel, s, in, zero_point, packed, epilogue, scratch, pool);
  const ConvPlan plan = plan_depthwise(kernel, s);
  IgemmProblem p = problem_of(kernel, plan, s);
  read_plan(plan, s, in, zero_point, scratch, pool, p);
  p.n = s.out_channels;
  p.packed = packed;
  p.panel_bytes = panel_bytes(kernel, s);
  p.panel_step = std::int64_t{kernel.nr} * kernel.a_bytes;
  p.epilogue = epilogue;
  p.epilogue.weight_zero_point = nullptr;  // it is in the packed weights
  run_igemm(p, pool);
}

}  // namespace octet::kernels
