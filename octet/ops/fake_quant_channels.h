// What the fake quantization operators share: how a tensor is cut in channels, and switches that may be left out.
#pragma once

#include <vector>

#include "octet/ops/axes.h"
#include "octet/ops/fake_quant_params.h"
#include "octet/ops/op.h"

namespace octet::ops {

/// x as [outer, channels, inner]; without the attribute `axis` one channel, the whole.
struct QuantChannels {
  std::int64_t outer = 1, channels = 1, inner = 1;
  bool per_channel = false;

  /// Of scales, ranges: [channels], or a scalar.
  Shape shape() const { return per_channel ? Shape{channels} : Shape{}; }
  std::int64_t runs() const { return outer * channels; }
};
QuantChannels quant_channels(const Attributes& attributes, const Shape& x);
/// Throws bad_input unless the tensor is float32 with one element a channel.
void check_quant_state(const EvalContext& ctx, int input, const QuantChannels& channels, const char* name);
/// Throws bad_input unless the input is float32.
void check_quant_input(const EvalContext& ctx, int input);

/// An optional scalar input: `fallback` where it is left out. Throws bad_input for more than one element.
float optional_scalar(const EvalContext& ctx, int input, float fallback);

/// The parameters of one channel of a FakeQuant with scale and zero point as inputs `scale` and `scale` + 1:
/// |scale|, at least 2^-23, as a power of two where the rule says so; the zero point rounded and clamped.
/// Throws bad_input for a scale of 0 or not finite: it was never initialised.
kernels::FakeQuantParams channel_params(const EvalContext& ctx, int scale, std::int64_t channel, const RangeRule& rule);

/// clipped + kClippedFollows * (share - clipped): how the share of clipped values is followed over the steps.
inline constexpr float kClippedFollows = 0.1f;
float follow_clipped(float clipped, std::int64_t outside, std::int64_t count);

/// The forward pass of one channel, element by element as it is defined (kernels/fake_quant.h); returns how many levels
/// lie outside.
std::int64_t fake_quant_plainly(const kernels::FakeQuantParams& params, const float* x, std::int64_t count, float* y);

/// How to go over elements: one by one as the definition says, or with the kernels.
enum class Way { reference, fast };

/// OpDef::prepare for an operator whose fast form needs nothing prepared.
template <void (*run_fast)(EvalContext&)>
std::unique_ptr<Prepared> prepare_fast(const Node&, int, const std::vector<const Tensor*>&) {
  struct Fast : Prepared {
    void run(EvalContext& ctx) const override { run_fast(ctx); }
  };
  return std::make_unique<Fast>();
}

}  // namespace octet::ops
