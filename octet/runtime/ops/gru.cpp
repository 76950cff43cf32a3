// GRU and DynamicGRU: the usual cell (sigmoid, tanh; no clipping), with or without linear_before_reset.
//   [z, r] = sigmoid(X W' + Wb + H R' + Rb)
//   h = tanh(X Wh' + Wbh + r * (H Rh' + Rbh))      linear_before_reset 1
//   h = tanh(X Wh' + Wbh + (r * H) Rh' + Rbh)      otherwise
//   H = (1 - z) * h + z * H
// Source: ONNX GRU-14.
#include "octet/runtime/ops/gates.h"
#include "octet/runtime/ops/recurrent.h"

namespace octet::runtime {
namespace {

class GruStep : public RecurrentStep {
 public:
  explicit GruStep(const PrepareContext& ctx)
      : RecurrentStep(ctx, 3), linear_first_(ctx.node.attributes.integer("linear_before_reset", 0) != 0) {
    if (linear_first_) {
      add_state_product(ctx, 0, 3);
    } else {
      add_state_product(ctx, 0, 2);
      add_state_product(ctx, 2, 1);
      for (Direction& direction : directions_) {
        candidate_bias_.emplace_back(direction.state_bias.begin() + 2 * hidden_, direction.state_bias.end());
      }
    }
  }

 protected:
  void step(const Direction& direction, const Cell& cell) const override {
    linear_first_ ? step_linear_first(direction, cell) : step_reset_first(direction, cell);
  }

 private:
  void step_linear_first(const Direction& direction, const Cell& cell) const {
    direction.state[0]->run(cell.h, batch_, into(cell.gates, &direction.state_bias, columns_), cell.scratch, *cell.threads);
    for (std::int64_t b = 0; b < batch_; ++b) {
      const float *x = cell.input + b * columns_, *s = cell.gates + b * columns_;
      float* h = cell.h + b * hidden_;
      for (std::int64_t i = 0; i < hidden_; ++i) {
        const float z = sigmoid(x[i] + s[i]), r = sigmoid(x[hidden_ + i] + s[hidden_ + i]);
        const float candidate = tanh_gate(x[2 * hidden_ + i] + r * s[2 * hidden_ + i]);
        h[i] = (1 - z) * candidate + z * h[i];
      }
    }
  }

  // gates: z and r [B, 2 H] first, then r * h [B, H] and the sums of the candidate [B, H]; c keeps z.
  void step_reset_first(const Direction& direction, const Cell& cell) const {
    direction.state[0]->run(cell.h, batch_, into(cell.gates, &direction.state_bias, 2 * hidden_), cell.scratch, *cell.threads);
    for (std::int64_t b = 0; b < batch_; ++b) {
      const float *x = cell.input + b * columns_, *h = cell.h + b * hidden_;
      float *s = cell.gates + b * 2 * hidden_, *z = cell.c + b * hidden_;
      for (std::int64_t i = 0; i < hidden_; ++i) {
        z[i] = sigmoid(x[i] + s[i]);
        s[hidden_ + i] = sigmoid(x[hidden_ + i] + s[hidden_ + i]) * h[i];
      }
    }
    finish_reset_first(direction, cell);
  }

  void finish_reset_first(const Direction& direction, const Cell& cell) const {
    const auto& bias = candidate_bias_[static_cast<std::size_t>(&direction - directions_.data())];
    // Rows of r * h move together, and their products come after them.
    for (std::int64_t b = 0; b < batch_; ++b) {
      std::copy_n(cell.gates + b * 2 * hidden_ + hidden_, hidden_, cell.gates + b * hidden_);
    }
    float* const sums = cell.gates + batch_ * hidden_;
    direction.state[1]->run(cell.gates, batch_, into(sums, &bias, hidden_), cell.scratch, *cell.threads);
    for (std::int64_t b = 0; b < batch_; ++b) {
      const float *x = cell.input + b * columns_ + 2 * hidden_, *s = sums + b * hidden_, *z = cell.c + b * hidden_;
      float* h = cell.h + b * hidden_;
      for (std::int64_t i = 0; i < hidden_; ++i) h[i] = (1 - z[i]) * tanh_gate(x[i] + s[i]) + z[i] * h[i];
    }
  }

  bool linear_first_;
  std::vector<std::vector<float>> candidate_bias_;
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (!ctx.inputs[kX] || ctx.constants[kW] == nullptr || ctx.constants[kR] == nullptr) return nullptr;
  return std::make_unique<GruStep>(ctx);
}

RuntimeOp row(const char* name, bool int8) {
  OpDef def{.name = name, .domain = kDomain, .inputs = {3, 8}, .outputs = {0, 2}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  return {.def = def, .prepare = prepare, .int8 = int8};
}

}  // namespace

std::vector<RuntimeOp> gru_ops() { return {row("GRU", false), row("DynamicGRU", true)}; }

}  // namespace octet::runtime
