#include "octet/kernels/igemm/depthwise_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "octet/kernels/igemm/depthwise_rows_layout.h"

namespace octet::kernels {
namespace {

constexpr int kMaxBlock = 64, kMaxTaps = 5;
constexpr std::int64_t kSharedLine = 7168;   // bytes of a row of pixels
constexpr std::int64_t kRowGrain = 1 << 18;  // products that are worth another thread

// What the rows of a block of channels have in common, in the kernel's order: s32 [block] that sums start
// from, float scales [block], and what columns of padding add [columns][block].
void order_constants(const IgemmKernel& kernel, const Epilogue& e, const std::int32_t* sums, int zero_point,
                     std::int64_t n, int channels, std::int64_t columns, std::int32_t* init) {
  auto* const scale = reinterpret_cast<float*>(init + kernel.nr);
  const int block = kernel.nr;
  // Of sums that wrap around, as those that they begin.
  const auto times = [sums, zero_point](std::int64_t i) {
    return static_cast<std::uint32_t>(zero_point) * static_cast<std::uint32_t>(sums[i]);
  };
  for (std::int64_t i = 0; i < block; ++i) init[i] = static_cast<std::int32_t>(0 - times(i));
  for (std::int64_t i = block; i < (1 + columns) * block; ++i) init[block + i] = static_cast<std::int32_t>(times(i));
  for (int place = 0; place < block; ++place) {
    const int c = channel_at(kernel, place);
    scale[place] = c < channels && e.scale != nullptr ? e.scale[n + c] : 0;
    if (c < channels && e.bias_s32 != nullptr)
      init[place] = static_cast<std::int32_t>(static_cast<std::uint32_t>(init[place]) +
                                              static_cast<std::uint32_t>(e.bias_s32[n + c]));
  }
}

// Rounding, adding the zero point and saturating keep the order of floats: limits may follow them.
std::uint8_t byte_of_limit(float limit, const Epilogue& e) {
  const float scaled = limit * e.inv_scale;
  if (!(scaled > static_cast<float>(-e.zero_point))) return 0;
  if (scaled >= static_cast<float>(255 - e.zero_point)) return 255;
  return static_cast<std::uint8_t>(static_cast<int>(std::nearbyint(scaled)) + e.zero_point);
}

// The limits of what becomes bytes.
void find_limits(const Epilogue& e, DepthwiseRow& row) {
  const bool clamp = e.activation == Activation::clamp;
  if (clamp || e.activation == Activation::relu) row.low = byte_of_limit(clamp ? e.alpha : 0.0f, e);
  if (clamp) row.high = byte_of_limit(e.beta, e);
}

// The input's rows that `out_rows` rows of outputs from oy on read; the others are zeros.
void find_rows(const ConvShape& s, const char* image, std::int64_t oy, std::int64_t out_rows, std::int64_t row_bytes,
               std::int64_t pixel, const char* zeros, const char** rows, std::int64_t* steps) {
  for (std::int64_t t = 0; t < kMaxTaps; ++t) {
    const std::int64_t y = oy * s.stride_h + t - s.pad_top;
    const bool inside = y >= 0 && y < s.in_height && t < s.kernel_height + out_rows - 1;
    rows[t] = inside ? image + y * row_bytes : zeros;
    steps[t] = inside ? pixel : 0;
  }
}

}  // namespace

bool depthwise_rows_fit(const IgemmKernel& kernel, const ConvShape& s) {
  const bool square = s.kernel_height == s.kernel_width && (s.kernel_height == 3 || s.kernel_height == 5);
  return square && s.stride_w <= 2 && s.dilation_h == 1 && s.dilation_w == 1 &&
         (!kernel.rows->whole_blocks || s.in_channels % kernel.nr == 0);
}

std::int64_t depthwise_rows_scratch_bytes(const IgemmKernel& kernel, const ConvShape& s) {
  return (s.out_channels + kernel.nr - 1) / kernel.nr * kernel.nr * 4 * constants_of_a_channel(kernel, s);
}

namespace {

// All rows of outputs [begin, end), each of all channels: what they read of the input stays in cache.
struct RowRun {
  const IgemmKernel& kernel;
  const ConvShape& s;
  const char* in;
  const char* packed;
  const Epilogue& epilogue;
  const char* zeros;
  const std::int32_t* constants;
  bool in_registers;

  // Rows of outputs at once: two, where the four rows that they read stay in L1 from half to half of a block. Blocks
  // that share lines of cache take more of it.
  std::int64_t at_once() const {
    const std::int64_t pixel = s.in_stride == 0 ? s.in_channels : s.in_stride;
    const bool stays = pixel % 64 == 0 || s.in_width * pixel <= kSharedLine;
    const bool fits = s.kernel_height == 3 && s.stride_h == 1 && by_halves(kernel, s);
    return in_registers && fits && stays ? 2 : 1;
  }
  std::int64_t times() const { return (s.out_height + at_once() - 1) / at_once(); }

  void operator()(std::int64_t begin, std::int64_t end) const {
    const std::int64_t bytes = kernel.a_bytes == 4 ? 4 : 1;
    const std::int64_t pixel = (s.in_stride == 0 ? s.in_channels : s.in_stride) * bytes, line = s.in_width * pixel;
    alignas(64) char acc[kPixelsAtOnce * kMaxBlock * 4];
    const char *first[kMaxTaps], *rows[kMaxTaps];
    std::int64_t steps[kMaxTaps];
    DepthwiseRow row{.rows = rows, .steps = steps, .zeros = zeros};
    row.in_width = s.in_width;
    row.pad_left = s.pad_left;
    row.epilogue = &epilogue;
    row.acc = acc;
    row.in_registers = in_registers;
    row.out_width = s.out_width;
    find_limits(epilogue, row);
    const std::int64_t most = at_once(), times = this->times();
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t image = i / times, y = i % times * most, out_rows = std::min(most, s.out_height - y);
      find_rows(s, in + image * s.in_height * line, y, out_rows, line, pixel, zeros, first, steps);
      row.m = (image * s.out_height + y) * s.out_width;
      for (std::int64_t n = 0; n < s.out_channels; n += kernel.nr) {
        for (int t = 0; t < kMaxTaps; ++t) rows[t] = first[t] + (steps[t] == 0 ? 0 : n * bytes);
        run_block(row, n, out_rows);
      }
    }
  }

  void run_block(DepthwiseRow& row, std::int64_t n, std::int64_t out_rows) const {
    const IgemmKernel& block = kernel_at(kernel, s, n);
    row.n = n;
    row.channels = static_cast<int>(std::min<std::int64_t>(block.nr, s.out_channels - n));
    row.weights = packed + n / kernel.nr * block_bytes(kernel, s);
    if (constants != nullptr) {
      row.init = constants + constants_of_a_channel(kernel, s) * n;
      row.scale = reinterpret_cast<const float*>(row.init + block.nr);
      row.padding = row.init + 2 * block.nr;
    }
    if (!in_registers) return run_and_finish(block, row);
    row.begin = 0;
    row.end = s.out_width;
    out_rows == 2 ? block.rows->two_rows(row) : function_of(block)(row);
  }

  DepthwiseRowFunction function_of(const IgemmKernel& block) const {
    return block.rows->run[s.kernel_height == 5][s.stride_w == 2];
  }

  void run_and_finish(const IgemmKernel& block, DepthwiseRow& row) const {
    for (row.begin = 0; row.begin < s.out_width; row.begin = row.end) {
      row.end = std::min(row.begin + kPixelsAtOnce, s.out_width);
      function_of(block)(row);
      std::int64_t rows[kPixelsAtOnce];
      std::iota(rows, rows + (row.end - row.begin), row.m + row.begin);
      block.finish(epilogue, row.acc, {rows, row.n, static_cast<int>(row.end - row.begin), row.channels});
    }
  }
};

}  // namespace

namespace {

// Whether a sweep of f32 sums knows this epilogue.
bool finishes_floats(const Epilogue& e) {
  const bool to_bytes = e.out_type == Cell::u8 && e.lookup == nullptr;
  return (only_limits(e) || e.activation == Activation::hard_swish) && e.residual == nullptr &&
         (e.out_type == Cell::f32 || to_bytes);
}

// Whether a sweep of s32 sums knows this epilogue.
bool becomes_bytes(const Epilogue& e, std::int64_t channels) {
  const bool known = (only_limits(e) && scales_to_bytes(e)) || only_hard_swish(e);
  return known && ends_in_bytes(e) && e.lookup == nullptr && stays_in_s32(e, 0, channels);
}

}  // namespace

void run_depthwise_rows(const IgemmKernel& kernel, const ConvShape& s, const void* in, int zero_point,
                        const void* packed, const Epilogue& epilogue, void* scratch, ThreadPool& pool) {
  const bool floats = kernel.a_bytes == 4;
  Epilogue e = epilogue;
  e.weight_zero_point = nullptr;
  auto* const constants = floats ? nullptr : static_cast<std::int32_t*>(scratch);
  for (std::int64_t n = 0; n < s.out_channels && !floats; n += kernel.nr) {
    const IgemmKernel& block = kernel_at(kernel, s, n);
    const char* panel = static_cast<const char*>(packed) + n / kernel.nr * block_bytes(kernel, s);
    const int channels = static_cast<int>(std::min<std::int64_t>(block.nr, s.out_channels - n));
    order_constants(block, e, reinterpret_cast<const std::int32_t*>(panel + sums_offset(block, s)), zero_point, n,
                    channels, sums_of_a_channel(kernel, s) - 1, constants + constants_of_a_channel(kernel, s) * n);
  }
  const bool in_registers = floats ? finishes_floats(e) : becomes_bytes(e, s.out_channels);
  alignas(64) char zeros[kMaxBlock * 4];
  std::memset(zeros, floats ? 0 : zero_point, sizeof(zeros));
  const std::int64_t work = s.out_width * s.out_channels * s.kernel_height * s.kernel_width;
  const RowRun run{kernel,    s,           static_cast<const char*>(in), static_cast<const char*>(packed), e, zeros,
                   constants, in_registers};
  const std::int64_t grain = kRowGrain / std::max<std::int64_t>(1, work * run.at_once());
  pool.parallel_for(s.batch * run.times(), std::max<std::int64_t>(1, grain), run);
}

}  // namespace octet::kernels
