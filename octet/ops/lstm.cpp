// LSTM: gates in the order i, o, f, c of W and R; peepholes in the order i, o, f.
//   i = f(Xi + Hi + Pi * C)    f = f(Xf + Hf + Pf * C), or 1 - i with input_forget    c~ = g(Xc + Hc)
//   C = f * C + i * c~         o = f(Xo + Ho + Po * C)                                H = o * h(C)
// where Xi + Hi stands for X * Wi' + H * Ri' + Wbi + Rbi, limited to +-clip before the function.
// Source: ONNX LSTM-14.
#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"
#include "octet/ops/recurrent.h"

namespace octet::ops {
namespace {

template <class T>
class LstmCell : public Cell<T> {
 public:
  LstmCell(const Attributes& attributes, const Direction<T>& direction)
      : coupled_(attributes.integer("input_forget", 0) != 0),
        recurrent_(direction.r, direction.gates * direction.hidden, direction.hidden),
        product_(static_cast<std::size_t>(direction.batch * direction.gates * direction.hidden)) {}

  void step(ThreadPool& threads, const std::vector<const T*>& x, Direction<T>& d) override {
    recurrent_.multiply(threads, d.h.data(), d.batch, product_.data());
    for (std::int64_t b = 0; b < d.batch; ++b) {
      if (const T* row = x[static_cast<std::size_t>(b)]) {
        advance(row, product_.data() + b * 4 * d.hidden, d, d.h.data() + b * d.hidden, d.c.data() + b * d.hidden);
      }
    }
  }

 private:
  enum Gate : std::int64_t { kInput, kOutput, kForget, kCell };

  void advance(const T* x, const T* r, const Direction<T>& d, T* h, T* c) const {
    for (std::int64_t i = 0; i < d.hidden; ++i) {
      const auto sum = [&](Gate gate) { return x[gate * d.hidden + i] + r[gate * d.hidden + i] + d.bias(gate, i); };
      const auto peek = [&](Gate gate, T cell) {
        return d.peepholes == nullptr ? T{0} : d.peepholes[gate * d.hidden + i] * cell;
      };
      const auto apply = [&](int which, T value) {
        return static_cast<T>(d.activations[which](static_cast<double>(clipped(value, d.clip))));
      };
      const T input = apply(0, sum(kInput) + peek(kInput, c[i]));
      const T forget = coupled_ ? T{1} - input : apply(0, sum(kForget) + peek(kForget, c[i]));
      c[i] = forget * c[i] + input * apply(1, sum(kCell));
      h[i] = apply(0, sum(kOutput) + peek(kOutput, c[i])) * static_cast<T>(d.activations[2](static_cast<double>(c[i])));
    }
  }

  bool coupled_;
  PackedRows<T> recurrent_;
  std::vector<T> product_;
};

void eval(EvalContext& ctx) {
  eval_recurrent<LstmCell>(ctx, 4, {.initial_c = 6, .peepholes = 7}, {"Sigmoid", "Tanh", "Tanh"});
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out = recurrent_samples(random, 4, 3);
  Sample coupled = out[0];
  coupled.attributes.set("input_forget", std::int64_t{1});
  out.push_back(coupled);
  Sample other = out[1];
  other.attributes.set("activations", std::vector<std::string>{"HardSigmoid", "Softsign", "LeakyRelu"});
  other.attributes.set("activation_alpha", std::vector<float>{0.3f, 0.1f});
  other.attributes.set("activation_beta", std::vector<float>{0.4f});
  out.push_back(other);
  return out;
}

}  // namespace

Rows lstm() {
  return {{
      .name = "LSTM",
      .inputs = {3, 8},
      .outputs = {0, 3},
      .attributes = {"activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size",
                     "input_forget", "layout"},
      .infer = [](InferContext& ctx) { infer_recurrent(ctx, 4); },
      .eval = eval,
      .gradient = gradient_of_recurrent,
      // For dynamic and weight-only quantization; R (slot 2) is quantized like W, both per row (axis 1).
      .quant = {.kind = QuantRule::Kind::weighted, .activation = 0, .weight = 1, .bias = 3, .weight_channel_axis = 1},
      .samples = samples,
  }};
}

}  // namespace octet::ops
