// Post-training quantization from C++: a float network goes in; three quantized ones come out and are
// compared on test pictures.
//
//   build/examples/post_training [FOLDER]      (default: examples/demo)
#include <fmt/core.h>

#include <algorithm>

#include "octet/octet.h"

namespace {

using octet::Tensor;

// The rows [first, first + count) of a tensor's outermost dimension.
Tensor rows(const Tensor& all, std::int64_t first, std::int64_t count) {
  octet::Shape shape = all.shape();
  const std::size_t row = all.bytes() / static_cast<std::size_t>(shape[0]);
  shape[0] = count;
  Tensor out(all.dtype(), shape);
  std::memcpy(out.raw(), static_cast<const char*>(all.raw()) + static_cast<std::size_t>(first) * row, out.bytes());
  return out;
}

double top1(const octet::Graph& model, const Tensor& images, const Tensor& labels) {
  const octet::Session session(octet::clone(model));
  const Tensor logits = session.run({{"image", images}}).front();
  const std::vector<std::int64_t> expected = labels.to_int64();
  std::int64_t right = 0;
  for (std::int64_t i = 0; i < logits.dim(0); ++i) {
    const float* row = logits.data<float>() + i * logits.dim(1);
    right += std::max_element(row, row + logits.dim(1)) - row == expected[static_cast<std::size_t>(i)];
  }
  return 100.0 * static_cast<double>(right) / static_cast<double>(logits.dim(0));
}

void compare(const std::string& folder) {
  const octet::Graph model = octet::load_onnx(folder + "/fashion.onnx");
  const auto calibration = octet::load_npz(folder + "/fashion-calibration.npz");
  const auto test = octet::load_npz(folder + "/fashion-test.npz");
  const Tensor &images = test.at(0).second, &labels = test.at(1).second;

  // Calibration asks for one batch after another until there is none.
  std::int64_t next = 0;
  const octet::CalibrationSource batches = [&](bool first) -> std::optional<octet::NamedTensors> {
    if (first) next = 0;
    const Tensor& all = calibration.at(0).second;
    if (next >= all.dim(0)) return std::nullopt;
    const std::int64_t count = std::min<std::int64_t>(50, all.dim(0) - next);
    next += count;
    return octet::NamedTensors{{"image", rows(all, next - count, count)}};
  };

  fmt::print("float        {:.1f} %\n", top1(model, images, labels));
  const auto show = [&](const octet::QuantizeResult& result) {
    fmt::print("{:<12} {:.1f} %, {:.0f} % of the multiply-accumulates in int8\n", result.method,
               top1(result.model, images, labels), 100 * result.coverage);
  };
  show(octet::quantize(model, octet::Static{.calibration = batches}));
  show(octet::quantize(model, octet::Dynamic{}));
  show(octet::quantize(model, octet::WeightOnly{}));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    compare(argc > 1 ? argv[1] : "examples/demo");
    return 0;
  } catch (const octet::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return octet::exit_code(error.info().kind);
  }
}
