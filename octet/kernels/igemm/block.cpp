#include "octet/kernels/igemm/block.h"

#include <algorithm>

namespace octet::kernels {
namespace {

constexpr std::int64_t kLeastLeftOut = 1 << 13;  // products of a row of outputs with a row of taps

// The taps of output row y that read its image, as a segment without rows.
Segment taps_of(const IgemmProblem& p, std::int64_t y) {
  const TapRows& t = p.tap_rows;
  std::int64_t first = 0, last = t.count;
  while (first < last && y * t.stride + first * t.dilation < t.pad_top) ++first;
  while (last > first && y * t.stride + (last - 1) * t.dilation - t.pad_top >= t.in_height) --last;
  return {0, static_cast<std::int32_t>(first * t.width), static_cast<std::int32_t>((last - first) * t.width)};
}

// A tile of its own costs something: a few products are sooner done than left out.
bool worth_leaving_out(const IgemmProblem& p) {
  return p.tap_rows.count != 0 && p.rows.width * p.tap_rows.width * p.k * p.kernel->nr >= kLeastLeftOut;
}

void add_to_segments(Block& block, Segment run) {
  if (block.segment_count != 0) {
    Segment& last = block.segments[block.segment_count - 1];
    if (last.first_tap == run.first_tap && last.taps == run.taps) {
      last.rows += run.rows;
      return;
    }
  }
  block.segments[block.segment_count++] = run;
}

}  // namespace

// Without a division for each row.
void find_rows(const IgemmProblem& p, const char* a, Block& block) {
  const RowMap& map = p.rows;
  const bool leaves_out = worth_leaving_out(p);
  if (!leaves_out)
    add_to_segments(block, {static_cast<std::int32_t>(block.rows), 0, static_cast<std::int32_t>(p.tap_count)});
  std::int64_t x = block.m % map.width, y = block.m / map.width % map.height, image = block.m / map.width / map.height;
  for (std::int64_t r = 0; r < block.rows; x = 0) {
    const char* row = a + image * map.steps[0] + y * map.steps[1] + x * map.steps[2];
    const std::int64_t end = std::min(block.rows, r + map.width - x);
    if (leaves_out) {
      Segment run = taps_of(p, y);
      run.rows = static_cast<std::int32_t>(end - r);
      add_to_segments(block, run);
    }
    for (; r < end; ++r, row += map.steps[2]) block.row[static_cast<std::size_t>(r)] = row;
    if (++y < map.height) continue;
    y = 0;
    ++image;
  }
}

}  // namespace octet::kernels
