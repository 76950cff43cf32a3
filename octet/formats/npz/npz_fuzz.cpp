// libFuzzer: any bytes are an .npz or a .npy, or are refused with an Error.
#include <cstddef>
#include <cstdint>

#include "octet/base/error.h"
#include "octet/formats/npz/npz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    octet::formats::parse_npz({data, size});
  } catch (const octet::Error&) {
  }
  try {
    octet::formats::parse_npy({data, size});
  } catch (const octet::Error&) {
  }
  return 0;
}
