// GRU and DynamicGRU: the usual cell (sigmoid, tanh; no clipping), with or without linear_before_reset.
//   [z, r] = sigmoid(X W' + Wb + H R' + Rb)
//   h = tanh(X Wh' + Wbh + r * (H Rh' + Rbh))      linear_before_reset 1
//   h = tanh(X Wh' + Wbh + (r * H) Rh' + Rbh)      otherwise
//   H = (1 - z) * h + z * H
// Source: ONNX GRU-14.
#include <algorithm>

#include "octet/kernels/math/math.h"
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
    direction.state[0]->run(cell.h, batch_, into(cell.gates, &direction.state_bias, columns_), cell.scratch,
                            *cell.threads);
    for (std::int64_t b = 0; b < batch_; ++b) {
      const float* x = cell.input + b * columns_;
      float *s = cell.gates + b * columns_, *candidate = s + 2 * hidden_, *r = s + hidden_;
      reset_and_update(x, s);
      for (std::int64_t n = 0; n < hidden_; ++n) candidate[n] = x[2 * hidden_ + n] + r[n] * candidate[n];
      blend(s, candidate, cell.h + b * hidden_);
    }
  }

  // gates: z and r [B, 2 H] first, then r * h [B, H] and the sums of the candidate [B, H]; c keeps z.
  void step_reset_first(const Direction& direction, const Cell& cell) const {
    direction.state[0]->run(cell.h, batch_, into(cell.gates, &direction.state_bias, 2 * hidden_), cell.scratch,
                            *cell.threads);
    for (std::int64_t b = 0; b < batch_; ++b) {
      float *s = cell.gates + b * 2 * hidden_, *h = cell.h + b * hidden_;
      reset_and_update(cell.input + b * columns_, s);
      std::copy_n(s, hidden_, cell.c + b * hidden_);
      // Row b of r * h comes to lie where rows before it have been read.
      for (std::int64_t n = 0; n < hidden_; ++n) cell.gates[b * hidden_ + n] = s[hidden_ + n] * h[n];
    }
    const auto& bias = candidate_bias_[static_cast<std::size_t>(&direction - directions_.data())];
    float* const sums = cell.gates + batch_ * hidden_;
    direction.state[1]->run(cell.gates, batch_, into(sums, &bias, hidden_), cell.scratch, *cell.threads);
    for (std::int64_t b = 0; b < batch_; ++b) {
      const float* x = cell.input + b * columns_ + 2 * hidden_;
      float* candidate = sums + b * hidden_;
      for (std::int64_t n = 0; n < hidden_; ++n) candidate[n] = x[n] + candidate[n];
      blend(cell.c + b * hidden_, candidate, cell.h + b * hidden_);
    }
  }

  // s = sigmoid(x + s) for z and r.
  void reset_and_update(const float* x, float* s) const {
    for (std::int64_t n = 0; n < 2 * hidden_; ++n) s[n] = x[n] + s[n];
    kernels::math().sigmoid(s, s, 2 * hidden_);
  }

  // h = (1 - z) * tanh(candidate) + z * h
  void blend(const float* z, float* candidate, float* h) const {
    kernels::math().tanh(candidate, candidate, hidden_);
    for (std::int64_t n = 0; n < hidden_; ++n) h[n] = (1 - z[n]) * candidate[n] + z[n] * h[n];
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
