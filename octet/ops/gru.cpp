// GRU: gates in the order z (update), r (reset), h (hidden).
//   z = f(X * Wz' + H * Rz' + Wbz + Rbz)       r likewise
//   h~ = g(X * Wh' + (r * H) * Rh' + Rbh + Wbh), or with linear_before_reset
//        g(X * Wh' + r * (H * Rh' + Rbh) + Wbh)
//   H = (1 - z) * h~ + z * H                    sums are limited to +-clip before the function.
// Source: ONNX GRU-14.
#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"
#include "octet/ops/recurrent.h"

namespace octet::ops {
namespace {

template <class T>
class GruCell : public Cell<T> {
 public:
  GruCell(const Attributes& attributes, const Direction<T>& d)
      : linear_first_(attributes.integer("linear_before_reset", 0) != 0),
        gates_(d.r, 2 * d.hidden, d.hidden),
        candidate_(d.r + 2 * d.hidden * d.hidden, d.hidden, d.hidden),
        zr_(static_cast<std::size_t>(2 * d.batch * d.hidden)),
        reset_(static_cast<std::size_t>(d.batch * d.hidden)),
        product_(static_cast<std::size_t>(d.batch * d.hidden)) {}

  void step(ThreadPool& threads, const std::vector<const T*>& x, Direction<T>& d) override {
    gates_.multiply(threads, d.h.data(), d.batch, zr_.data());
    for (std::int64_t b = 0; b < d.batch; ++b) open_gates(x[static_cast<std::size_t>(b)], b, d);
    candidate_.multiply(threads, linear_first_ ? d.h.data() : reset_.data(), d.batch, product_.data());
    for (std::int64_t b = 0; b < d.batch; ++b) {
      if (const T* row = x[static_cast<std::size_t>(b)]) advance(row + 2 * d.hidden, b, d);
    }
  }

 private:
  // zr_ := the gates; reset_ := r, or r * H where that is multiplied.
  void open_gates(const T* x, std::int64_t b, const Direction<T>& d) {
    for (std::int64_t i = 0; i < d.hidden; ++i) {
      const auto gate = [&](std::int64_t g) {
        T& sum = zr_[static_cast<std::size_t>((2 * b + g) * d.hidden + i)];
        if (x != nullptr) sum += x[g * d.hidden + i] + d.bias(g, i);
        sum = static_cast<T>(d.activations[0](static_cast<double>(clipped(sum, d.clip))));
        return sum;
      };
      gate(0);
      const T r = gate(1);
      const auto at = static_cast<std::size_t>(b * d.hidden + i);
      reset_[at] = linear_first_ ? r : r * d.h[at];
    }
  }

  void advance(const T* x, std::int64_t b, Direction<T>& d) const {
    for (std::int64_t i = 0; i < d.hidden; ++i) {
      const auto at = static_cast<std::size_t>(b * d.hidden + i);
      const std::int64_t bias = 2 * d.hidden + i;
      const T bias_w = d.bias_w == nullptr ? T{0} : d.bias_w[bias],
              bias_r = d.bias_r == nullptr ? T{0} : d.bias_r[bias];
      const T recurrent = product_[at] + bias_r;
      const T sum = x[i] + bias_w + (linear_first_ ? reset_[at] * recurrent : recurrent);
      const T candidate = static_cast<T>(d.activations[1](static_cast<double>(clipped(sum, d.clip))));
      const T z = zr_[static_cast<std::size_t>(2 * b * d.hidden + i)];
      d.h[at] = (T{1} - z) * candidate + z * d.h[at];
    }
  }

  bool linear_first_;
  PackedRows<T> gates_, candidate_;
  std::vector<T> zr_, reset_, product_;
};

void eval(EvalContext& ctx) { eval_recurrent<GruCell>(ctx, 3, {}, {"Sigmoid", "Tanh"}); }

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out = recurrent_samples(random, 3, 2);
  for (const std::size_t i : {0, 1, 3}) {
    Sample linear = out[i];
    linear.attributes.set("linear_before_reset", std::int64_t{1});
    out.push_back(linear);
  }
  return out;
}

}  // namespace

Rows gru() {
  return {{
      .name = "GRU",
      .inputs = {3, 6},
      .outputs = {0, 2},
      .attributes = {"activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "layout",
                     "linear_before_reset"},
      .infer = [](InferContext& ctx) { infer_recurrent(ctx, 3); },
      .eval = eval,
      .gradient = gradient_of_recurrent,
      // For dynamic and weight-only quantization; R (slot 2) is quantized like W, both per row (axis 1).
      .quant = {.kind = QuantRule::Kind::weighted, .activation = 0, .weight = 1, .bias = 3, .weight_channel_axis = 1},
      .samples = samples,
  }};
}

}  // namespace octet::ops
