#include "octet/kernels/igemm/block.h"

#include <algorithm>
#include <utility>

namespace octet::kernels {
namespace {

TapRuns find_runs(const TapAxis& t, std::int64_t places) {
  TapRuns runs;
  if (t.count == 0) {
    runs.run[runs.count++] = {.begin = 0, .end = places, .first = 0, .last = 1};
    return runs;
  }
  for (std::int64_t i = 0; i < places; ++i) {
    std::int64_t first = 0, last = t.count;
    while (first < last && i * t.stride + first * t.dilation < t.pad) ++first;
    while (last > first && i * t.stride + (last - 1) * t.dilation - t.pad >= t.size) --last;
    if (first == last) first = last = 0;
    TapRun* const before = runs.count == 0 ? nullptr : &runs.run[runs.count - 1];
    if (before != nullptr && before->first == first && before->last == last) {
      before->end = i + 1;
    } else {
      runs.run[runs.count++] = {.begin = i, .end = i + 1, .first = first, .last = last};
    }
  }
  return runs;
}

constexpr auto kInOrder = [] {
  std::array<std::int64_t, kMaxBlockRows> rows{};
  for (std::int64_t i = 0; i < kMaxBlockRows; ++i) rows[static_cast<std::size_t>(i)] = i;
  return rows;
}();

}  // namespace

RowFinder::RowFinder(const IgemmProblem& p)
    : problem_(p), lines_(find_runs(p.tap_rows, p.rows.height)), places_(find_runs(p.tap_columns, p.rows.width)) {
  const std::int64_t columns = std::max<std::int64_t>(1, p.tap_columns.count);
  in_order_ = places_.count == 1 && (lines_.count == 1 || p.m <= p.rows.height * p.rows.width);
  line_taps_ = p.tap_count / std::max<std::int64_t>(1, p.tap_rows.count);
  place_steps_ = (p.k + p.kernel->kr - 1) / p.kernel->kr / columns;
  place_bytes_ = p.k / columns * p.kernel->a_bytes;
}

void RowFinder::add_segment(const TapRun& lines, const TapRun& places, BlockRows& block, RowSpace& space,
                            std::int64_t& filled) const {
  const RowMap& map = problem_.rows;
  const std::int64_t begin = block.m, end = block.m + block.rows;
  std::int64_t* const from = space.from.data();
  std::int64_t at = filled;
  for (std::int64_t image = begin / map.width / map.height; image * map.height * map.width < end; ++image) {
    const std::int64_t top = image * map.height;
    const std::int64_t first = std::max(begin / map.width, top + lines.begin);
    const std::int64_t last = std::min((end - 1) / map.width + 1, top + lines.end);
    std::int64_t line = image * map.steps[0] + (first - top) * map.steps[1] + places.first * place_bytes_;
    std::int64_t m = first * map.width;
    for (std::int64_t y = first; y < last; ++y, line += map.steps[1], m += map.width) {
      const std::int64_t start = std::max(places.begin, begin - m), stop = std::min(places.end, end - m);
      std::int64_t row = line + start * map.steps[2], to = at;
      for (std::int64_t x = start; x < stop; ++x, row += map.steps[2]) from[at++] = row;
      for (std::int64_t x = start; to < at && !in_order_; ++x) space.to[static_cast<std::size_t>(to++)] = m + x - begin;
    }
  }
  const std::int64_t before = std::exchange(filled, at);
  if (filled == before) return;
  space.segments[block.segment_count++] = {
      .rows = static_cast<std::int32_t>(filled - before),
      .first_tap = static_cast<std::int32_t>(lines.first * line_taps_),
      .taps = static_cast<std::int32_t>((lines.last - lines.first) * line_taps_),
      .first_step = static_cast<std::int32_t>(places.first * place_steps_),
      .steps = static_cast<std::int32_t>((places.last - places.first) * place_steps_)};
}

// Rows that all need the same, without much ado: there may be many of them, and little to do for each.
void RowFinder::add_all(BlockRows& block, RowSpace& space) const {
  const RowMap& map = problem_.rows;
  std::int64_t x = block.m % map.width, y = block.m / map.width % map.height, image = block.m / map.width / map.height;
  for (std::int64_t r = 0; r < block.rows; x = 0) {
    std::int64_t row = image * map.steps[0] + y * map.steps[1] + x * map.steps[2];
    const std::int64_t end = std::min(block.rows, r + map.width - x);
    for (; r < end; ++r, row += map.steps[2]) space.from[static_cast<std::size_t>(r)] = row;
    if (++y < map.height) continue;
    y = 0;
    ++image;
  }
  space.segments[block.segment_count++] = {.rows = static_cast<std::int32_t>(block.rows),
                                           .first_tap = 0,
                                           .taps = static_cast<std::int32_t>(problem_.tap_count),
                                           .first_step = 0,
                                           .steps = static_cast<std::int32_t>(place_steps_)};
}

BlockRows RowFinder::find(std::int64_t m, std::int64_t rows, RowSpace& space) const {
  BlockRows block{.m = m,
                  .rows = rows,
                  .from = space.from.data(),
                  .to = in_order_ ? kInOrder.data() : space.to.data(),
                  .segments = space.segments.data()};
  std::int64_t filled = 0;
  if (problem_.tap_rows.count == 0 && problem_.tap_columns.count == 0) {
    add_all(block, space);
    return block;
  }
  for (std::size_t y = 0; y < lines_.count; ++y) {
    for (std::size_t x = 0; x < places_.count; ++x) add_segment(lines_.run[y], places_.run[x], block, space, filled);
  }
  return block;
}

RowTable::RowTable(const IgemmProblem& problem, const std::vector<std::int64_t>& begins) {
  const RowFinder finder(problem);
  RowSpace space;
  rows_.reserve(static_cast<std::size_t>(2 * begins.back()));  // blocks point into it
  const auto keep = [this](const std::int64_t*& rows, std::int64_t count) {
    const std::int64_t* const kept = rows_.data() + rows_.size();
    rows_.insert(rows_.end(), rows, rows + count);
    rows = kept;
  };
  std::vector<std::size_t> first;
  for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
    BlockRows block = finder.find(begins[i], begins[i + 1] - begins[i], space);
    keep(block.from, block.rows);
    if (block.to != kInOrder.data()) keep(block.to, block.rows);
    first.push_back(segments_.size());
    segments_.insert(segments_.end(), block.segments, block.segments + block.segment_count);
    blocks_.push_back(block);
  }
  for (std::size_t i = 0; i < blocks_.size(); ++i) blocks_[i].segments = segments_.data() + first[i];
}

}  // namespace octet::kernels
