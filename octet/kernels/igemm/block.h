// A block of rows of A, which one thread multiplies with panel after panel: where its rows lie, and which taps they
// need.
#pragma once

#include <array>

#include "octet/kernels/igemm/driver.h"

namespace octet::kernels {

inline constexpr std::int64_t kMaxBlockRows = 384;
inline constexpr std::size_t kMostRuns = 16;  ///< of places along an axis

/// Rows one after another in the block that need the same: taps [first_tap, first_tap + taps), and of each of them
/// steps [first_step, first_step + steps) of k.
struct Segment {
  std::int32_t rows, first_tap, taps, first_step, steps;  // not set to zero: a block has room for many
};

struct Block {
  std::int64_t m = 0, rows = 0;  ///< rows [m, m + rows) of the product, segment by segment
  std::array<Segment, kMostRuns * kMostRuns> segments;
  std::size_t segment_count = 0;
  std::array<const void*, kMaxBlockRows> row;  ///< of A, where the first step that is needed begins
  const std::int64_t* to = nullptr;            ///< the row of the output, from row m on
  std::array<std::int64_t, kMaxBlockRows> own_to;
  std::array<std::int32_t, kMaxBlockRows> sum;
  std::int16_t* spread = nullptr;  ///< of a narrow kernel, once a panel needs it
  bool is_spread = false;
};

/// Places [begin, end) along an axis of the output whose taps [first, last) lie inside the image.
struct TapRun {
  std::int64_t begin = 0, end = 0, first = 0, last = 0;
};

struct TapRuns {
  std::array<TapRun, kMostRuns> run;
  std::size_t count = 0;
};

/// What the rows of all blocks of a problem have in common.
class RowFinder {
 public:
  explicit RowFinder(const IgemmProblem& problem);
  /// Fills in the rows and segments of a block whose m and rows are set, of the product whose A begins at `a`.
  void find(const char* a, Block& block) const;

 private:
  void add_all(const char* a, Block& block) const;
  void add_segment(const char* a, const TapRun& lines, const TapRun& places, Block& block, std::size_t& filled) const;

  const IgemmProblem& problem_;
  TapRuns lines_, places_;
  bool in_order_;                                       ///< segments follow each other as rows of the output do
  std::int64_t line_taps_, place_steps_, place_bytes_;  ///< of one tap row, and one tap column
};

}  // namespace octet::kernels
