// The loops of this family in plain C++, compiled once for each instruction set (the compiler makes the
// vectors). Included only by the files of one instruction set and by the reference.
#pragma once

#include "octet/kernels/elementwise_u8/elementwise_u8.h"

namespace octet::kernels {
namespace {

template <BinaryOp kOp>
float apply(float a, float b) {
  if constexpr (kOp == BinaryOp::add) return a + b;
  if constexpr (kOp == BinaryOp::sub) return a - b;
  if constexpr (kOp == BinaryOp::mul) return a * b;
}

// Signed bytes are read as unsigned ones with 128 added, and their zero point with them.
struct Operand {
  const std::uint8_t* data;
  std::int32_t flip, zero_point;
  float scale;

  Operand(const OperandU8& o, std::int64_t row)
      : data(static_cast<const std::uint8_t*>(o.data) + row * o.row_stride),
        flip(o.is_signed ? 0x80 : 0),
        zero_point(o.zero_point + flip),
        scale(o.scale) {}
  float operator[](std::int64_t i) const { return static_cast<float>((data[i] ^ flip) - zero_point) * scale; }
};

struct Output {
  float inv_scale, low, high, qmin, qmax;
  std::int32_t zero_point;

  explicit Output(const BinaryU8& w)
      : inv_scale(w.inv_scale),
        low(w.low),
        high(w.high),
        qmin(static_cast<float>((w.is_signed ? -128 : 0) - w.zero_point)),
        qmax(qmin + 255),
        zero_point(w.zero_point) {}
  std::uint8_t operator()(float v) const {
    v = v < high ? v : high;
    v = (v > low ? v : low) * inv_scale;
    v = v < qmax ? v : qmax;
    v = v > qmin ? v : qmin;
    return static_cast<std::uint8_t>(static_cast<std::int32_t>(__builtin_nearbyintf(v)) + zero_point);
  }
};

template <BinaryOp kOp>
void binary_row(const BinaryU8& w, std::int64_t row) noexcept {
  const Operand a(w.a, row), b(w.b, row);
  const Output output(w);
  std::uint8_t* out = static_cast<std::uint8_t*>(w.out) + row * w.out_stride;
  const std::int64_t count = w.columns;
  if (w.a.column_stride != 0 && w.b.column_stride != 0) {
    for (std::int64_t i = 0; i < count; ++i) out[i] = output(apply<kOp>(a[i], b[i]));
  } else if (w.b.column_stride == 0) {
    const float scalar = b[0];
    for (std::int64_t i = 0; i < count; ++i) out[i] = output(apply<kOp>(a[i * w.a.column_stride], scalar));
  } else {
    const float scalar = a[0];
    for (std::int64_t i = 0; i < count; ++i) out[i] = output(apply<kOp>(scalar, b[i]));
  }
}

void binary_loop(const BinaryU8& work, std::int64_t row) noexcept {
  switch (work.op) {
    case BinaryOp::add:
      return binary_row<BinaryOp::add>(work, row);
    case BinaryOp::sub:
      return binary_row<BinaryOp::sub>(work, row);
    case BinaryOp::mul:
      return binary_row<BinaryOp::mul>(work, row);
  }
}

}  // namespace
}  // namespace octet::kernels
