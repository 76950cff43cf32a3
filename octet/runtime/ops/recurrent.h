// What the prepared LSTM and GRU share: the walk over directions and time.
//   inputs   X f32 [T, B, I]; W [D, G * H, I], R [D, G * H, H] constant, f32 or s8; B f32 [D, 2 * G * H] constant
//            or none; initial_h f32 [D, B, H] or none; initial_c (LSTM) or none; w_scale, r_scale f32 [1] or [G * H]
//            constant, of s8 weights
//   outputs  Y [T, D, B, H], Y_h [D, B, H], Y_c [D, B, H], each or none
// The input of all steps is multiplied at once; then each step multiplies its state.
#pragma once

#include "octet/runtime/ops/fused.h"
#include "octet/runtime/ops/product.h"

namespace octet::runtime {

enum RecurrentSlot { kX, kW, kR, kBias, kInitialH, kInitialC, kScaleW, kScaleR };

class RecurrentStep : public PreparedStep {
 public:
  RecurrentStep(const PrepareContext& ctx, std::int64_t gates);

  void run(EvalContext& ctx) const override;
  std::string kernel() const override { return directions_.front().input->kernel(); }
  std::int64_t scratch_bytes() const override;
  std::int64_t packed_bytes() const override;

 protected:
  /// One direction's weights. `input` gives all gates with what bias may be added beforehand.
  struct Direction {
    std::unique_ptr<Product> input;
    std::vector<std::unique_ptr<Product>> state;  ///< as the cell asks for them
    std::vector<float> input_bias, state_bias;    ///< [G * H]
    bool reverse = false;
  };
  /// Memory of a step: pre-activations from the input [B, G * H]; `gates` scratch of the same size; the state.
  struct Cell {
    const float* input;
    float *gates, *h, *c;
    std::uint8_t* scratch;
    ThreadPool* threads;
  };

  /// Updates h (and c) for the whole batch.
  virtual void step(const Direction& direction, const Cell& cell) const = 0;
  /// Products of the state by gates [first, first + count) of R.
  void add_state_product(const PrepareContext& ctx, std::int64_t first, std::int64_t count);
  kernels::Epilogue into(float* out, const std::vector<float>* bias, std::int64_t columns) const;

  std::int64_t steps_, batch_, input_, hidden_, gates_, columns_;  ///< columns_ = gates_ * hidden_
  std::vector<Direction> directions_;

 private:
  struct Layout {
    std::int64_t projected, gates, h, c, product, total;  ///< offsets in scratch memory
  };
  Layout layout() const;
  void run_direction(EvalContext& ctx, std::int64_t d) const;
};

}  // namespace octet::runtime
