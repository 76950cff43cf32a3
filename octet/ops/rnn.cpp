// RNN: H = f(X * W' + H * R' + Wb + Rb), the sum limited to +-clip before the function.  Source: ONNX RNN-14.
#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"
#include "octet/ops/recurrent.h"

namespace octet::ops {
namespace {

template <class T>
class RnnCell : public Cell<T> {
 public:
  RnnCell(const Attributes&, const Direction<T>& d)
      : recurrent_(d.r, d.hidden, d.hidden), product_(static_cast<std::size_t>(d.batch * d.hidden)) {}

  void step(ThreadPool& threads, const std::vector<const T*>& x, Direction<T>& d) override {
    recurrent_.multiply(threads, d.h.data(), d.batch, product_.data());
    for (std::int64_t b = 0; b < d.batch; ++b) {
      const T* row = x[static_cast<std::size_t>(b)];
      for (std::int64_t i = 0; row != nullptr && i < d.hidden; ++i) {
        const auto at = static_cast<std::size_t>(b * d.hidden + i);
        const T sum = row[i] + product_[at] + d.bias(0, i);
        d.h[at] = static_cast<T>(d.activations[0](static_cast<double>(clipped(sum, d.clip))));
      }
    }
  }

 private:
  PackedRows<T> recurrent_;
  std::vector<T> product_;
};

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out = recurrent_samples(random, 1, 2);
  for (const char* name : {"Relu", "Affine", "ThresholdedRelu", "ScaledTanh", "Elu", "Softplus"}) {
    Sample s = out[1];
    s.attributes.set("activations", std::vector<std::string>{name});
    s.attributes.set("activation_alpha", std::vector<float>{0.5f});
    s.attributes.set("activation_beta", std::vector<float>{0.7f});
    out.push_back(s);
  }
  return out;
}

}  // namespace

Rows rnn() {
  return {{
      .name = "RNN",
      .inputs = {3, 6},
      .outputs = {0, 2},
      .attributes = {"activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size",
                     "layout"},
      .infer = [](InferContext& ctx) { infer_recurrent(ctx, 1); },
      .eval = [](EvalContext& ctx) { eval_recurrent<RnnCell>(ctx, 1, {}, {"Tanh"}); },
      .gradient = gradient_of_recurrent,
      // For dynamic and weight-only quantization; R (slot 2) is quantized like W, both per row (axis 1).
      .quant = {.kind = QuantRule::Kind::weighted, .activation = 0, .weight = 1, .bias = 3, .weight_channel_axis = 1},
      .samples = samples,
  }};
}

}  // namespace octet::ops
