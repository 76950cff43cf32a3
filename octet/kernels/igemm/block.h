// A block of rows of A, which one thread multiplies with panel after panel: where its rows lie, and which taps they
// need.
#pragma once

#include <array>

#include "octet/kernels/igemm/driver.h"

namespace octet::kernels {

inline constexpr std::int64_t kMaxBlockRows = 384;

/// Rows one after another whose taps [first_tap, first_tap + taps) lie inside their images.
struct Segment {
  std::int32_t rows, first_tap, taps;
};

struct Block {
  std::int64_t m = 0, rows = 0;  ///< rows [m, m + rows) of the product
  std::array<Segment, kMaxBlockRows> segments;
  std::size_t segment_count = 0;
  std::array<const void*, kMaxBlockRows> row;
  std::array<std::int32_t, kMaxBlockRows> sum;
  std::int16_t* spread = nullptr;  ///< of a narrow kernel, once a panel needs it
  bool is_spread = false;
};

/// Fills in rows and segments of a block whose m and rows are set, of the product whose A begins at `a`.
void find_rows(const IgemmProblem& p, const char* a, Block& block);

}  // namespace octet::kernels
