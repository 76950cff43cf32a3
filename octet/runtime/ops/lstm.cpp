// LSTM and DynamicLSTM: the usual cell (sigmoid, tanh, tanh; no peepholes, no clipping).
//   [i, o, f, g] = X W' + Wb + H R' + Rb;  C = sigmoid(f) * C + sigmoid(i) * tanh(g);  H = sigmoid(o) * tanh(C)
// Source: ONNX LSTM-14.
#include "octet/runtime/ops/gates.h"
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
    for (std::int64_t b = 0; b < batch_; ++b) {
      const float* gates = cell.gates + b * columns_;
      float *h = cell.h + b * hidden_, *c = cell.c + b * hidden_;
      for (std::int64_t i = 0; i < hidden_; ++i) {
        c[i] = sigmoid(gates[2 * hidden_ + i]) * c[i] + sigmoid(gates[i]) * tanh_gate(gates[3 * hidden_ + i]);
        h[i] = sigmoid(gates[hidden_ + i]) * tanh_gate(c[i]);
      }
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
