// .npy and .npz files (numpy's format 1.0 to 3.0), Fortran order converted.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "octet/tensor/tensor.h"

namespace octet::formats {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// Throws io, bad_input (header overrun, object dtype, `../` members) or limit (a bomb).
Tensor load_npy(const std::string& path);
NamedTensors load_npz(const std::string& path);
/// Written atomically, uncompressed.
void save_npz(const std::string& path, const NamedTensors& tensors);

}  // namespace octet::formats
