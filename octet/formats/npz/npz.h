// .npy and .npz files (numpy's format 1.0 to 3.0), Fortran order converted.
//
//   for (const auto& [name, tensor] : formats::load_npz("x.npz")) ...
//   formats::NpzFile file("big.npz");                 // reads headers only
//   Tensor batch = file.read_rows(0, 100, 16);        // rows 100 to 115 of the first array
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "octet/tensor/tensor.h"

namespace octet::formats {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// Throws io, bad_input (header overrun, object dtype, `../` members), unsupported (text, complex) or
/// limit (a bomb).
Tensor load_npy(const std::string& path);
Tensor parse_npy(std::span<const std::uint8_t> bytes, const std::string& file = {});
NamedTensors load_npz(const std::string& path);
NamedTensors parse_npz(std::span<const std::uint8_t> bytes, const std::string& file = {});
/// Written atomically, uncompressed. numpy has no bfloat16: such a tensor is written as float32.
void save_npz(const std::string& path, const NamedTensors& tensors);

/// An .npz whose arrays are read piece by piece, so that memory does not grow with the file. Rows are
/// cheap in any order where the member is stored; a compressed one is read forwards (going back
/// starts it again). One thread at a time.
class NpzFile {
 public:
  struct Array {
    std::string name;
    DType dtype = DType::undefined;  ///< undefined: not a type that Octet reads; read() says why
    Shape shape;
    bool stored = true;  ///< not compressed
  };

  explicit NpzFile(const std::string& path);
  NpzFile(std::span<const std::uint8_t> bytes, const std::string& file);
  ~NpzFile();

  const std::vector<Array>& arrays() const;
  /// Index of the array of that name, or -1.
  int find(const std::string& name) const;
  Tensor read(std::size_t array);
  /// Rows [first, first + count) along the first dimension. Throws usage outside the array.
  Tensor read_rows(std::size_t array, std::int64_t first, std::int64_t count);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace octet::formats
