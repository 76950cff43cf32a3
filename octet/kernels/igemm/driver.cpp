#include "octet/kernels/igemm/driver.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "octet/kernels/igemm/block.h"
#include "octet/kernels/igemm/narrow.h"
#include "octet/kernels/igemm/pack.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kBlockBytes = 192 * 1024;            // of A: with a panel of W, inside L2
constexpr std::int64_t kSmallTask = 1 << 19;                // multiply-adds that are not worth another thread
constexpr std::int64_t kRowsOfWeights = 8;                  // that take as long as reading the weights does
constexpr std::int64_t kLeastTiles = 4;                     // of a block that is cut for the sake of threads
constexpr std::int64_t kNarrowBlockRows = 2 * kSpreadRows;  // spread rows are large, and serve every panel
constexpr int kMaxColumns = 64, kSumBytes = 8192;           // sums that wait in L1 for one call of the epilogue

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

struct Split {
  std::int64_t tiles, row_blocks, panels, block_panels, panel_blocks, tasks, grain;
};

// Rows of a block are whole tiles, as even as they go: with as many blocks a thread none waits for another. Columns are
// cut too where rows do not make enough tasks to keep every thread busy.
Split split(const IgemmProblem& p, int threads) {
  const std::int64_t mr = p.kernel->mr, products = p.outer * p.inner;
  const std::int64_t wanted = threads == 1 ? 1 : std::int64_t{4} * threads;
  Split s;
  s.tiles = divide_up(p.m, mr);
  const std::int64_t row_bytes = std::max<std::int64_t>(1, p.rows.steps[2]);
  const std::int64_t most_rows = p.corrections_offset < 0 ? kMaxBlockRows : kNarrowBlockRows;
  const std::int64_t most_tiles = std::clamp<std::int64_t>(kBlockBytes / row_bytes, mr, most_rows) / mr;
  const std::int64_t busy = std::min(divide_up(wanted, products), s.tiles / kLeastTiles);
  s.row_blocks = std::max({std::int64_t{1}, divide_up(s.tiles, most_tiles), busy});
  if (products == 1 && s.row_blocks > 1) s.row_blocks = std::min(s.tiles, divide_up(s.row_blocks, threads) * threads);
  s.panels = divide_up(p.n, p.kernel->nr);
  s.block_panels = std::max<std::int64_t>(1, s.panels / divide_up(wanted, s.row_blocks * products));
  s.panel_blocks = divide_up(s.panels, s.block_panels);
  s.tasks = products * s.row_blocks * s.panel_blocks;
  // Few rows take the time in which their weights arrive.
  const double work = static_cast<double>(std::max(p.m, kRowsOfWeights)) * static_cast<double>(p.n) *
                      static_cast<double>(p.k) * static_cast<double>(p.tap_count * products) /
                      static_cast<double>(s.tasks);
  s.grain = std::max<std::int64_t>(1, static_cast<std::int64_t>(kSmallTask / std::max(1.0, work)));
  return s;
}

std::int64_t block_begin(const IgemmProblem& p, const Split& s, std::int64_t block) {
  return std::min(p.m, block * s.tiles / s.row_blocks * p.kernel->mr);
}

// A block of rows of A, which one thread multiplies with panel after panel.
struct Block {
  BlockRows rows;
  const char* a = nullptr;
  std::int16_t* spread = nullptr;  // of a narrow kernel, once a panel needs it
  bool is_spread = false;
};

const void* advance(const void* pointer, std::int64_t bytes) {
  return pointer == nullptr ? nullptr : static_cast<const char*>(pointer) + bytes;
}

template <class T>
const T* advance_array(const T* pointer, std::int64_t count) {
  return pointer == nullptr ? nullptr : pointer + count;
}

std::int64_t cell_bytes(Cell cell) { return cell == Cell::u8 || cell == Cell::s8 ? 1 : 4; }

// The epilogue of product `g` from row m on, its arrays moved to where that begins.
Epilogue epilogue_of(const IgemmProblem& p, std::int64_t g, std::int64_t m) {
  Epilogue e = p.epilogue;
  const std::int64_t c = g / p.inner * p.c_step[0] + g % p.inner * p.c_step[1];
  const std::int64_t columns = g * p.column_step, rows = g * p.row_step + m;
  e.out = static_cast<char*>(e.out) + (c + m * e.out_stride) * cell_bytes(e.out_type);
  e.residual = advance(e.residual, (c + m * e.residual_stride) * cell_bytes(e.residual_type));
  e.bias_s32 = advance_array(e.bias_s32, columns);
  e.weight_zero_point = advance_array(e.weight_zero_point, columns);
  e.scale = advance_array(e.scale, columns);
  e.bias_f32 = advance_array(e.bias_f32, columns);
  e.row_scale = advance_array(e.row_scale, rows);
  e.row_sum = advance_array(e.row_sum, rows);
  return e;
}

// sum over taps and k of (a - zero point): what asymmetric weights need to know of a row.
std::int32_t sum_row(const IgemmProblem& p, const char* row) {
  std::int64_t sum = 0;
  for (std::int64_t t = 0; t < p.tap_count; ++t) {
    const char* a = row + p.taps[t];
    if (p.kernel->a_bytes == 2) {
      const auto* s16 = reinterpret_cast<const std::int16_t*>(a);
      for (std::int64_t k = 0; k < p.k; ++k) sum += s16[k];
    } else {
      const auto* u8 = reinterpret_cast<const std::uint8_t*>(a);
      for (std::int64_t k = 0; k < p.k; ++k) sum += u8[k] - p.a_zero_point;
    }
  }
  return static_cast<std::int32_t>(sum);
}

// What the s32 sums of a panel start from: bias - zero point * column sum, modulo 2^32.
void start_sums(const IgemmProblem& p, const Epilogue& e, const char* panel, std::int64_t n, std::int32_t* init) {
  const int nr = p.kernel->nr, columns = static_cast<int>(std::min<std::int64_t>(nr, p.n - n));
  const auto* sums = p.sums_offset < 0 ? nullptr : reinterpret_cast<const std::int32_t*>(panel + p.sums_offset);
  const auto zero_point = static_cast<std::uint32_t>(p.a_zero_point);
  std::fill_n(init, nr, 0);
  if (e.bias_s32 != nullptr) std::copy_n(e.bias_s32 + n, columns, init);
  for (int c = 0; c < nr && sums != nullptr && zero_point != 0; ++c) {
    init[c] = static_cast<std::int32_t>(static_cast<std::uint32_t>(init[c]) -
                                        zero_point * static_cast<std::uint32_t>(sums[c]));
  }
}

// Adds what packing took off the weights of a panel to the sums of rows [m, m + rows) of the block. The tile's rows
// are set here.
void correct_sums(const IgemmProblem& p, Block& block, TileArgs tile, std::int64_t m, int rows, char* acc) {
  const IgemmKernel& kernel = *p.kernel;
  const Corrections corrections = corrections_of(kernel, static_cast<const char*>(tile.panel) + p.corrections_offset);
  if (corrections.ends[kernel.nr - 1] == 0) return;
  const std::int64_t size = spread_size(p.tap_count * tile.k_steps);
  for (std::int64_t r = 0; r < block.rows.rows && !block.is_spread; r += kSpreadRows) {
    tile.rows = block.rows.from + r;
    const auto count = static_cast<int>(std::min<std::int64_t>(kSpreadRows, block.rows.rows - r));
    kernel.narrow->spread(tile, count, block.spread + r / kSpreadRows * size);
  }
  block.is_spread = true;
  for (int r = 0; r < rows; r += kSpreadRows) {
    kernel.narrow->correct(block.spread + (m + r) / kSpreadRows * size, corrections,
                           reinterpret_cast<std::int32_t*>(acc) + r * kernel.nr);
  }
}

// Of a panel from column n on, or nulls.
FusedTiles fused_tiles(const IgemmProblem& p, const Epilogue& e, std::int64_t n) {
  const IgemmKernel& kernel = *p.kernel;
  const bool stored = kernel.fused == nullptr || p.corrections_offset >= 0 || n + kernel.nr > p.n;
  return stored ? FusedTiles{} : kernel.fused(e, n);
}

bool are_in_order(const BlockRows& rows, std::int64_t begin, std::int64_t end) {
  return rows.to[end - 1] - rows.to[begin] == end - 1 - begin;
}

// A tile's taps and steps, and where in the panel their weights begin.
void aim(const IgemmProblem& p, const Segment& segment, const char* panel, TileArgs& tile) {
  const IgemmKernel& kernel = *p.kernel;
  const std::int64_t step = column_sums_offset(kernel, 1, kernel.kr);
  tile.taps = p.taps + segment.first_tap;
  tile.tap_count = segment.taps;
  tile.k_steps = segment.steps;
  tile.panel = panel + column_sums_offset(kernel, segment.first_tap, p.k) + segment.first_step * step;
  tile.panel_skip = (divide_up(p.k, kernel.kr) - segment.steps) * step;
}

void run_panel(const IgemmProblem& p, const Epilogue& e, Block& block, const char* panel, std::int64_t n) {
  const IgemmKernel& kernel = *p.kernel;
  alignas(64) std::int32_t init[kMaxColumns];
  alignas(64) char acc[kSumBytes];
  const BlockRows& rows = block.rows;
  TileArgs tile{.a = block.a, .offset = n / kernel.nr * p.panel_step};
  if (kernel.a_bytes != 4) {
    start_sums(p, e, panel, n, init);
    tile.init = init;
  }
  const int columns = static_cast<int>(std::min<std::int64_t>(kernel.nr, p.n - n));
  const int row_bytes = kernel.nr * kernel.acc_bytes, batch = kSumBytes / (row_bytes * kernel.mr) * kernel.mr;
  const FusedTiles tiles = fused_tiles(p, e, n);
  std::int64_t m = 0;
  for (std::size_t i = 0; i < rows.segment_count; ++i) {
    const std::int64_t end = m + rows.segments[i].rows, whole = rows.segments[i].rows / kernel.mr * kernel.mr;
    aim(p, rows.segments[i], panel, tile);
    const FusedTile fused = are_in_order(rows, m, end) ? tiles.in_order : tiles.anywhere;
    if (fused != nullptr && whole != 0) {
      tile.rows = rows.from + m;
      fused(tile, e, {rows.to + m, n, static_cast<int>(whole), columns});
      m += whole;
    }
    for (; m < end; m += batch) {
      const int count = static_cast<int>(std::min<std::int64_t>(batch, end - m));
      for (int r = 0; r < count; r += kernel.mr) {
        tile.rows = rows.from + m + r;
        kernel.core(tile, std::min(kernel.mr, count - r), acc + r * row_bytes);
      }
      if (p.corrections_offset >= 0) correct_sums(p, block, tile, m, count, acc);
      kernel.finish(e, acc, {rows.to + m, n, count, columns});
    }
    m = end;
  }
}

// Panels [first, last) of a block of one row.
void run_row(const IgemmProblem& p, const Epilogue& e, const Block& block, const char* packed, std::int64_t first,
             std::int64_t last) {
  const IgemmKernel& kernel = *p.kernel;
  alignas(64) std::int32_t init[kRowPanels * kMaxColumns];
  alignas(64) std::int32_t acc[kRowPanels * kMaxColumns];
  TileArgs tile{.a = block.a, .rows = block.rows.from};
  if (kernel.a_bytes != 4) tile.init = init;
  for (std::int64_t i = first; i < last; i += kRowPanels) {
    const int panels = static_cast<int>(std::min<std::int64_t>(kRowPanels, last - i));
    const char* panel = packed + i * p.panel_bytes;
    aim(p, block.rows.segments[0], panel, tile);
    for (int j = 0; j < panels && kernel.a_bytes != 4; ++j)
      start_sums(p, e, panel + j * p.panel_bytes, (i + j) * kernel.nr, init + j * kernel.nr);
    kernel.row_core(tile, panels, p.panel_bytes, acc);
    const std::int64_t n = i * kernel.nr;
    kernel.finish(e, acc, {block.rows.to, n, 1, static_cast<int>(std::min<std::int64_t>(panels * kernel.nr, p.n - n))});
  }
}

// Block i of `finder`, or of the table where there is none.
BlockRows rows_of(const IgemmProblem& p, const Split& s, const RowFinder* finder, std::int64_t i, RowSpace& space) {
  if (finder == nullptr) return (*p.row_table)[static_cast<std::size_t>(i)];
  const std::int64_t m = block_begin(p, s, i);
  return finder->find(m, block_begin(p, s, i + 1) - m, space);
}

void run_task(const IgemmProblem& p, const Split& s, const RowFinder* finder, std::int64_t task,
              std::int16_t* spread = nullptr) {
  const std::int64_t per_product = s.row_blocks * s.panel_blocks, g = task / per_product;
  const std::int64_t outer = g / p.inner, inner = g % p.inner;
  RowSpace space;
  Block block{.rows = rows_of(p, s, finder, task % per_product / s.panel_blocks, space),
              .a = static_cast<const char*>(p.a) + outer * p.a_step[0] + inner * p.a_step[1],
              .spread = spread};
  Epilogue e = epilogue_of(p, g, block.rows.m);
  std::array<std::int32_t, kMaxBlockRows> sums;
  if (e.weight_zero_point != nullptr && e.row_sum == nullptr) {
    for (std::int64_t r = 0; r < block.rows.rows; ++r)
      sums[static_cast<std::size_t>(r)] = sum_row(p, block.a + block.rows.from[r]);
    e.row_sum = sums.data();
  }
  const char* packed = static_cast<const char*>(p.packed) + outer * p.packed_step[0] + inner * p.packed_step[1];
  const std::int64_t first = task % s.panel_blocks * s.block_panels, last = std::min(first + s.block_panels, s.panels);
  const bool one = block.rows.rows == 1 && p.panel_step == 0 && p.corrections_offset < 0;
  if (one && p.kernel->row_core != nullptr) return run_row(p, e, block, packed, first, last);
  for (std::int64_t panel = first; panel < last; ++panel) {
    run_panel(p, e, block, packed + panel * p.panel_bytes, panel * p.kernel->nr);
  }
}

// A task of a narrow kernel: memory for its block's spread rows.
void run_narrow_task(const IgemmProblem& p, const Split& s, const RowFinder* finder, std::int64_t task) {
  alignas(64) std::int16_t spread[kNarrowBlockRows / kSpreadRows * spread_size(kMostSpreadSteps)];
  run_task(p, s, finder, task, spread);
}

}  // namespace

void set_weights(IgemmProblem& p, std::int64_t n, const void* packed) {
  p.n = n;
  p.packed = packed;
  p.panel_bytes = packed_panel_bytes(*p.kernel, p.tap_count, p.k);
  if (p.kernel->a_bytes != 4) p.sums_offset = column_sums_offset(*p.kernel, p.tap_count, p.k);
  if (p.kernel->narrow != nullptr) p.corrections_offset = corrections_offset(*p.kernel, p.tap_count, p.k);
}

RowTable find_rows(const IgemmProblem& p, int threads) {
  if (p.m <= 0 || p.n <= 0 || p.m > RowTable::kMostRows) return {};
  const Split s = split(p, threads);
  std::vector<std::int64_t> begins;
  for (std::int64_t i = 0; i <= s.row_blocks; ++i) begins.push_back(block_begin(p, s, i));
  return {p, begins};
}

void run_igemm(const IgemmProblem& p, ThreadPool& pool) {
  if (p.m <= 0 || p.n <= 0 || p.outer <= 0 || p.inner <= 0) return;
  const Split s = split(p, pool.size());
  const bool known = p.row_table != nullptr && p.row_table->size() == static_cast<std::size_t>(s.row_blocks);
  std::optional<RowFinder> finder;
  if (!known) finder.emplace(p);
  pool.parallel_for(s.tasks, s.grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const RowFinder* const find = known ? nullptr : &*finder;
      p.corrections_offset < 0 ? run_task(p, s, find, task) : run_narrow_task(p, s, find, task);
    }
  });
}

}  // namespace octet::kernels
