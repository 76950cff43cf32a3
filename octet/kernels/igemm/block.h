// Finds where the rows of a block of A lie, and which taps they need.
#pragma once

#include <array>

#include "octet/kernels/igemm/driver.h"

namespace octet::kernels {

inline constexpr std::int64_t kMaxBlockRows = 1056;
inline constexpr std::size_t kMostRuns = 16;  ///< of places along an axis

/// What a block's rows are found in.
struct RowSpace {
  std::array<Segment, kMostRuns * kMostRuns> segments;
  std::array<std::int64_t, kMaxBlockRows> from, to;
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
  BlockRows find(std::int64_t m, std::int64_t rows, RowSpace& space) const;

 private:
  void add_all(BlockRows& block, RowSpace& space) const;
  void add_segment(const TapRun& lines, const TapRun& places, BlockRows& block, RowSpace& space,
                   std::int64_t& filled) const;

  const IgemmProblem& problem_;
  TapRuns lines_, places_;
  bool in_order_;                                       ///< segments follow each other as rows of the output do
  std::int64_t line_taps_, place_steps_, place_bytes_;  ///< of one tap row, and one tap column
};

}  // namespace octet::kernels
