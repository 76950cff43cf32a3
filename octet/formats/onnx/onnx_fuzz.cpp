// libFuzzer target of the ONNX reader (and of shape inference, printer, parser and writer behind it).
//   cmake --preset fuzz && cmake --build build-fuzz --target onnx_fuzz
//   build-fuzz/layers/formats/onnx_fuzz -rss_limit_mb=2048 -malloc_limit_mb=1024 -timeout=20 CORPUS tests/corpus/onnx
#include "octet/formats/onnx/exercise.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  octet::formats::testing::exercise({data, size});  // a broken promise leaves as an exception: libFuzzer reports it
  return 0;
}
