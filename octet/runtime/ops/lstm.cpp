// LSTM and DynamicLSTM: the usual cell (sigmoid, tanh, tanh; no peepholes, no clipping).
//   [i, o, f, g] = X W' + Wb + H R' + Rb;  C = sigmoid(f) * C + sigmoid(i) * tanh(g);  H = sigmoid(o) * tanh(C)
// Source: ONNX LSTM-14.
#include "octet/kernels/math/math.h"
#include "octet/runtime/ops/recurrent.h"

namespace octet::runtime {
namespace {

class LstmStep : public RecurrentStep {
 public:
  explicit LstmStep(const PrepareContext& ctx) : RecurrentStep(ctx, 4) { add_state_product(ctx, 0, 4); }

 protected:
  void step(const Direction& direction, const Cell& cell) const override {
    kernels::Epilogue epilogue = into(cell.gates, &direction.state_bias, columns_);
    epilogue.residual = cell.input;
    direction.state[0]->run(cell.h, batch_, epilogue, cell.scratch, *cell.threads);
    const kernels::MathTable& math = kernels::math();
    for (std::int64_t b = 0; b < batch_; ++b) {
      float *gates = cell.gates + b * columns_, *h = cell.h + b * hidden_, *c = cell.c + b * hidden_;
      const float *i = gates, *o = gates + hidden_, *f = gates + 2 * hidden_, *g = gates + 3 * hidden_;
      math.sigmoid(gates, gates, 3 * hidden_);
      math.tanh(g, gates + 3 * hidden_, hidden_);
      for (std::int64_t n = 0; n < hidden_; ++n) c[n] = f[n] * c[n] + i[n] * g[n];
      math.tanh(c, h, hidden_);
      for (std::int64_t n = 0; n < hidden_; ++n) h[n] = o[n] * h[n];
    }
  }
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (!ctx.inputs[kX] || ctx.constants[kW] == nullptr || ctx.constants[kR] == nullptr) return nullptr;
  return std::make_unique<LstmStep>(ctx);
}

RuntimeOp row(const char* name, bool int8) {
  OpDef def{.name = name, .domain = kDomain, .inputs = {3, 8}, .outputs = {0, 3}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  return {.def = def, .prepare = prepare, .int8 = int8};
}

}  // namespace

std::vector<RuntimeOp> lstm_ops() { return {row("LSTM", false), row("DynamicLSTM", true)}; }

}  // namespace octet::runtime
