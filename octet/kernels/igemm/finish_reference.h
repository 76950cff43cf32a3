// The epilogue in plain scalar code: what every vector version must equal bit for bit.
#pragma once

#include "octet/kernels/igemm/epilogue.h"

namespace octet::kernels {

/// Sums acc[rows][stride], `stride` elements from row to row; bias_s32 is in them already.
void finish_reference_s32(const Epilogue& epilogue, const std::int32_t* acc, int stride, const TileSpan& span) noexcept;
void finish_reference_s64(const Epilogue& epilogue, const std::int64_t* acc, int stride, const TileSpan& span) noexcept;
void finish_reference_f32(const Epilogue& epilogue, const float* acc, int stride, const TileSpan& span) noexcept;

}  // namespace octet::kernels
