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

void RowFinder::add_segment(const char* a, const TapRun& lines, const TapRun& places, Block& block,
                            std::size_t& filled) const {
  const RowMap& map = problem_.rows;
  const std::int64_t begin = block.m, end = block.m + block.rows;
  std::size_t at = filled;
  for (std::int64_t image = begin / map.width / map.height; image * map.height * map.width < end; ++image) {
    const std::int64_t top = image * map.height;
    const std::int64_t first = std::max(begin / map.width, top + lines.begin);
    const std::int64_t last = std::min((end - 1) / map.width + 1, top + lines.end);
    const char* line = a + image * map.steps[0] + (first - top) * map.steps[1] + places.first * place_bytes_;
    std::int64_t m = first * map.width;
    for (std::int64_t y = first; y < last; ++y, line += map.steps[1], m += map.width) {
      const std::int64_t start = std::max(places.begin, begin - m), stop = std::min(places.end, end - m);
      const char* row = line + start * map.steps[2];
      std::size_t to = at;
      for (std::int64_t x = start; x < stop; ++x, row += map.steps[2]) block.row[at++] = row;
      for (std::int64_t x = start; to < at && !in_order_; ++x) block.own_to[to++] = m + x - begin;
    }
  }
  const std::size_t before = std::exchange(filled, at);
  if (filled == before) return;
  block.segments[block.segment_count++] = {
      .rows = static_cast<std::int32_t>(filled - before),
      .first_tap = static_cast<std::int32_t>(lines.first * line_taps_),
      .taps = static_cast<std::int32_t>((lines.last - lines.first) * line_taps_),
      .first_step = static_cast<std::int32_t>(places.first * place_steps_),
      .steps = static_cast<std::int32_t>((places.last - places.first) * place_steps_)};
}

// Rows that all need the same, without much ado: there may be many of them, and little to do for each.
void RowFinder::add_all(const char* a, Block& block) const {
  const RowMap& map = problem_.rows;
  std::int64_t x = block.m % map.width, y = block.m / map.width % map.height, image = block.m / map.width / map.height;
  for (std::int64_t r = 0; r < block.rows; x = 0) {
    const char* row = a + image * map.steps[0] + y * map.steps[1] + x * map.steps[2];
    const std::int64_t end = std::min(block.rows, r + map.width - x);
    for (; r < end; ++r, row += map.steps[2]) block.row[static_cast<std::size_t>(r)] = row;
    if (++y < map.height) continue;
    y = 0;
    ++image;
  }
  block.segments[block.segment_count++] = {.rows = static_cast<std::int32_t>(block.rows),
                                           .first_tap = 0,
                                           .taps = static_cast<std::int32_t>(problem_.tap_count),
                                           .first_step = 0,
                                           .steps = static_cast<std::int32_t>(place_steps_)};
}

void RowFinder::find(const char* a, Block& block) const {
  std::size_t filled = 0;
  block.to = in_order_ ? kInOrder.data() : block.own_to.data();
  if (problem_.tap_rows.count == 0 && problem_.tap_columns.count == 0) return add_all(a, block);
  for (std::size_t y = 0; y < lines_.count; ++y) {
    for (std::size_t x = 0; x < places_.count; ++x) add_segment(a, lines_.run[y], places_.run[x], block, filled);
  }
}

}  // namespace octet::kernels
