// The header of one .npy array.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "octet/tensor/tensor.h"

namespace octet::formats {

struct NpyHeader {
  DType dtype = DType::undefined;  ///< undefined: a type that Octet does not read (`descr` says which)
  bool swapped = false;            ///< big-endian data
  bool fortran = false;            ///< first index varies fastest
  Shape shape;
  std::string descr;           ///< as the file spells it
  std::size_t data_begin = 0;  ///< bytes before the data
};

inline constexpr std::size_t kNpyPrologue = 12;  ///< bytes needed by npy_header_size

/// Bytes of magic, version, length and header text, from the first kNpyPrologue bytes. Throws bad_input
/// where they are no .npy header, or one that is longer than any honest one.
std::size_t npy_header_size(std::span<const std::uint8_t> bytes);
/// `bytes` holds at least npy_header_size(bytes). Throws bad_input.
/// Source: numpy.lib.format, versions 1.0, 2.0 and 3.0.
NpyHeader parse_npy_header(std::span<const std::uint8_t> bytes);
/// Throws bad_input for object arrays, unsupported for other types that Octet does not read.
void require_numeric(const NpyHeader& header);
/// The whole header for a C-ordered little-endian array, its size a multiple of 64.
std::string make_npy_header(DType dtype, const Shape& shape);

/// Brings data as it lies in the file (in a tensor of header.shape) to native bytes and row-major order.
Tensor finish_npy(const NpyHeader& header, Tensor raw);

}  // namespace octet::formats
