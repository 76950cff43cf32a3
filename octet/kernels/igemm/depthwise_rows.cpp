#include "octet/kernels/igemm/depthwise_rows.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace octet::kernels {
namespace {

constexpr int kMaxBlock = 64, kMaxTaps = 5;
constexpr std::int64_t kRowGrain = 1 << 18;  // products that are worth another thread

std::int64_t parts(const IgemmKernel& kernel, const ConvShape& s) {
  return (s.kernel_height + kernel.rows->taps_a_part - 1) / kernel.rows->taps_a_part;
}

// Weights of a block; for s32 sums the column sums follow, in the order of channels.
std::int64_t sums_offset(const IgemmKernel& kernel, const ConvShape& s) {
  return s.kernel_width * parts(kernel, s) * kernel.nr * kernel.rows->taps_a_part * kernel.rows->weight_bytes;
}
std::int64_t block_bytes(const IgemmKernel& kernel, const ConvShape& s) {
  return sums_offset(kernel, s) + (kernel.a_bytes == 4 ? 0 : std::int64_t{4} * kernel.nr);
}

// Whose block begins at channel n.
const IgemmKernel& kernel_at(const IgemmKernel& kernel, const ConvShape& s, std::int64_t n) {
  const IgemmKernel* tail = kernel.rows->tail;
  return tail != nullptr && s.out_channels - n <= tail->nr ? *tail : kernel;
}

int channel_at(const IgemmKernel& kernel, int place) {
  return kernel.rows->order == nullptr ? place : kernel.rows->order[place];
}

// T as stored: f32, s8, or s16 where the kernel multiplies words.
template <class From, class To>
void pack_block(const IgemmKernel& kernel, const ConvShape& s, const From* w, int channels, int flip, To* to) {
  const int step = kernel.rows->taps_a_part;
  for (std::int64_t x = 0; x < s.kernel_width; ++x) {
    for (std::int64_t part = 0; part < parts(kernel, s); ++part) {
      for (int place = 0; place < kernel.nr; ++place) {
        const int c = channel_at(kernel, place);
        for (int t = 0; t < step; ++t, ++to) {
          const std::int64_t y = part * step + t;
          if (y >= s.kernel_height || c >= channels) {
            *to = 0;
          } else if constexpr (sizeof(From) == 1) {
            *to = static_cast<std::int8_t>(w[(c * s.kernel_height + y) * s.kernel_width + x] ^ flip);
          } else {
            *to = w[(c * s.kernel_height + y) * s.kernel_width + x];
          }
        }
      }
    }
  }
}

void sum_columns(const ConvShape& s, const std::int8_t* w, int channels, int flip, std::int32_t* sums) {
  const std::int64_t taps = s.kernel_height * s.kernel_width;
  for (int c = 0; c < channels; ++c) {
    for (std::int64_t t = 0; t < taps; ++t) sums[c] += static_cast<std::int8_t>(w[c * taps + t] ^ flip);
  }
}

// What the rows of a block of channels have in common, in the kernel's order: s32 [block] that sums start
// from, and float scales [block].
void order_constants(const IgemmKernel& kernel, const Epilogue& e, const std::int32_t* sums, int zero_point,
                     std::int64_t n, int channels, std::int32_t* init, float* scale) {
  for (int place = 0; place < kernel.nr; ++place) {
    const int c = channel_at(kernel, place);
    init[place] = 0;
    scale[place] = 0;
    if (c >= channels) continue;
    const std::uint32_t bias = e.bias_s32 == nullptr ? 0 : static_cast<std::uint32_t>(e.bias_s32[n + c]);
    const std::uint32_t shift = static_cast<std::uint32_t>(zero_point) * static_cast<std::uint32_t>(sums[c]);
    init[place] = static_cast<std::int32_t>(bias - shift);
    if (e.scale != nullptr) scale[place] = e.scale[n + c];
  }
}

// The input's rows that output row oy reads.
void find_rows(const ConvShape& s, const char* image, std::int64_t oy, std::int64_t row_bytes, std::int64_t pixel,
               const char* zeros, const char** rows, std::int64_t* steps) {
  for (std::int64_t t = 0; t < s.kernel_height; ++t) {
    const std::int64_t y = oy * s.stride_h + t - s.pad_top;
    const bool inside = y >= 0 && y < s.in_height;
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

std::int64_t depthwise_rows_packed_bytes(const IgemmKernel& kernel, const ConvShape& s) {
  return (s.out_channels + kernel.nr - 1) / kernel.nr * block_bytes(kernel, s);
}

void pack_depthwise_rows(const IgemmKernel& kernel, const ConvShape& s, const void* w, int flip, void* packed) {
  const std::int64_t taps = s.kernel_height * s.kernel_width;
  std::memset(packed, 0, static_cast<std::size_t>(depthwise_rows_packed_bytes(kernel, s)));
  for (std::int64_t n = 0; n < s.out_channels; n += kernel.nr) {
    const IgemmKernel& block = kernel_at(kernel, s, n);
    const int channels = static_cast<int>(std::min<std::int64_t>(block.nr, s.out_channels - n));
    char* to = static_cast<char*>(packed) + n / kernel.nr * block_bytes(kernel, s);
    if (kernel.a_bytes == 4) {
      pack_block(block, s, static_cast<const float*>(w) + n * taps, channels, 0, reinterpret_cast<float*>(to));
      continue;
    }
    const auto* from = static_cast<const std::int8_t*>(w) + n * taps;
    if (kernel.rows->weight_bytes == 2) {
      pack_block(block, s, from, channels, flip, reinterpret_cast<std::int16_t*>(to));
    } else {
      pack_block(block, s, from, channels, flip, reinterpret_cast<std::int8_t*>(to));
    }
    sum_columns(s, from, channels, flip, reinterpret_cast<std::int32_t*>(to + sums_offset(block, s)));
  }
}

std::int64_t depthwise_rows_scratch_bytes(const IgemmKernel& kernel, const ConvShape& s) {
  return kernel.a_bytes == 4 ? 0 : (s.out_channels + kernel.nr - 1) / kernel.nr * kernel.nr * 8;
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

  void operator()(std::int64_t begin, std::int64_t end) const {
    const std::int64_t bytes = kernel.a_bytes == 4 ? 4 : 1, nr = kernel.nr;
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
    for (std::int64_t y = begin; y < end; ++y) {
      find_rows(s, in + y / s.out_height * s.in_height * line, y % s.out_height, line, pixel, zeros, first, steps);
      row.m = y * s.out_width;
      for (std::int64_t n = 0; n < s.out_channels; n += nr) {
        for (std::int64_t t = 0; t < s.kernel_height; ++t) rows[t] = first[t] + (steps[t] == 0 ? 0 : n * bytes);
        const IgemmKernel& block = kernel_at(kernel, s, n);
        row.n = n;
        row.channels = static_cast<int>(std::min<std::int64_t>(block.nr, s.out_channels - n));
        row.weights = packed + n / nr * block_bytes(kernel, s);
        row.init = constants == nullptr ? nullptr : constants + 2 * n;
        row.scale = constants == nullptr ? nullptr : reinterpret_cast<const float*>(row.init + block.nr);
        if (in_registers) {
          row.begin = 0;
          row.end = s.out_width;
          function_of(block)(row);
        } else {
          run_and_finish(block, row);
        }
      }
    }
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
                    channels, constants + 2 * n, reinterpret_cast<float*>(constants + 2 * n + block.nr));
  }
  const bool in_registers = floats ? finishes_floats(e) : becomes_bytes(e, s.out_channels);
  alignas(64) char zeros[kMaxBlock * 4];
  std::memset(zeros, floats ? 0 : zero_point, sizeof(zeros));
  const std::int64_t work = s.out_width * s.out_channels * s.kernel_height * s.kernel_width;
  const RowRun run{kernel,    s,           static_cast<const char*>(in), static_cast<const char*>(packed), e, zeros,
                   constants, in_registers};
  pool.parallel_for(s.batch * s.out_height, std::max<std::int64_t>(1, kRowGrain / std::max<std::int64_t>(1, work)),
                    run);
}

}  // namespace octet::kernels
