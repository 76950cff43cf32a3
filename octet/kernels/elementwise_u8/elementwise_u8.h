// Elementwise arithmetic on eight-bit tensors without a float tensor between.
//
//   binary_u8({.rows = pixels, .columns = channels, .op = BinaryOp::add, .a = {x, 1, channels, .scale = ...}, ...},
//   pool); lookup_u8(requantize_table(from, to), x, count, y, pool);
//
// Whatever has one eight-bit input is a table of 256 bytes: requantization, relu, sigmoid, silu, gelu.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "octet/base/cpu.h"
#include "octet/base/threads.h"

namespace octet::kernels {

enum class BinaryOp : std::uint8_t { add, sub, mul };

/// value(r, c) = float(data[r * row_stride + c * column_stride] - zero_point) * scale.
struct OperandU8 {
  const void* data = nullptr;
  std::int64_t column_stride = 1;  ///< 1, or 0 where a column is broadcast
  std::int64_t row_stride = 0;     ///< 0 where a row is broadcast
  float scale = 1;
  std::int32_t zero_point = 0;
  bool is_signed = false;
};

/// v = op(a, b), then clamp(v, low, high), then
/// out[r * out_stride + c] = clamp(rint(v * inv_scale) + zero_point, qmin, qmax). Every step is rounded to
/// float; all instruction sets give the same bits. Out may be an operand that is not broadcast.
struct BinaryU8 {
  std::int64_t rows = 1, columns = 0;
  BinaryOp op = BinaryOp::add;
  OperandU8 a = {}, b = {};
  float low = -__builtin_inff(), high = __builtin_inff();
  void* out = nullptr;
  std::int64_t out_stride = 0;
  float inv_scale = 1;
  std::int32_t zero_point = 0;
  bool is_signed = false;
};

void binary_u8(const BinaryU8& work, ThreadPool& pool);

using Table256 = std::array<std::uint8_t, 256>;

/// out[i] = table[in[i]]; may be in place.
void lookup_u8(const Table256& table, const void* in, std::int64_t count, void* out, ThreadPool& pool);
/// The same over rows of a wider tensor: a slice of a concatenation, for example.
void lookup_rows_u8(const Table256& table, const void* in, std::int64_t in_stride, std::int64_t rows,
                    std::int64_t columns, void* out, std::int64_t out_stride, ThreadPool& pool);

struct ByteParams {
  float scale = 1;
  std::int32_t zero_point = 0;
  bool is_signed = false;
};
/// table[q] = clamp(rint(f(float(q - from.zero_point) * from.scale) * float(1 / to.scale)) + to.zero_point);
/// q is the byte read with from's sign. f null: the identity.
Table256 byte_table(const ByteParams& from, const ByteParams& to, float (*f)(float) = nullptr);

/// A row of the table: one row of a BinaryU8.
struct ElementwiseU8Kernel {
  const char* name;
  Isa isa;
  void (*binary)(const BinaryU8& work, std::int64_t row) noexcept;
};

std::span<const ElementwiseU8Kernel* const> elementwise_u8_table();
const ElementwiseU8Kernel& select_elementwise_u8();

}  // namespace octet::kernels
