// Where the rows of a product lie, and which taps they need: found once where a product runs many times.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace octet::kernels {

struct IgemmProblem;

/// Rows one after another in the block that need the same: taps [first_tap, first_tap + taps), and of each of them
/// steps [first_step, first_step + steps) of k.
struct Segment {
  std::int32_t rows, first_tap, taps, first_step, steps;  // not set to zero: a block has room for many
};

/// Rows [m, m + rows) of the product, segment by segment.
struct BlockRows {
  std::int64_t m = 0, rows = 0;
  const std::int64_t* from = nullptr;  ///< bytes from A to where the first step that is needed begins
  const std::int64_t* to = nullptr;    ///< the row of the output, from row m on
  const Segment* segments = nullptr;
  std::size_t segment_count = 0;
};

/// The rows of all blocks of a problem, found once for many runs.
class RowTable {
 public:
  RowTable() = default;
  RowTable(RowTable&&) = default;  // blocks point into the vectors: a copy's would point into the other's
  RowTable& operator=(RowTable&&) = default;
  /// Block i begins at row begins[i]; the last of `begins` is where all end.
  RowTable(const IgemmProblem& problem, const std::vector<std::int64_t>& begins);
  /// Empty where there are many rows: reading them would take as long as finding them does.
  static constexpr std::int64_t kMostRows = 4096;

  std::size_t size() const { return blocks_.size(); }
  const BlockRows& operator[](std::size_t i) const { return blocks_[i]; }

 private:
  std::vector<BlockRows> blocks_;
  std::vector<std::int64_t> rows_;
  std::vector<Segment> segments_;
};

}  // namespace octet::kernels
