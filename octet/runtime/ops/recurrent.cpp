#include "octet/runtime/ops/recurrent.h"

#include <algorithm>
#include <cstring>

#include "octet/runtime/ops/scratch.h"

namespace octet::runtime {
namespace {

const Tensor* constant_at(const PrepareContext& ctx, std::size_t slot) {
  return slot < ctx.constants.size() ? ctx.constants[slot] : nullptr;
}

}  // namespace

RecurrentStep::RecurrentStep(const PrepareContext& ctx, std::int64_t gates)
    : steps_((*ctx.inputs[kX])[0]),
      batch_((*ctx.inputs[kX])[1]),
      input_((*ctx.inputs[kX])[2]),
      hidden_((*ctx.inputs[kR])[2]),
      gates_(gates),
      columns_(gates * hidden_) {
  const Tensor &w = *ctx.constants[kW], *bias = constant_at(ctx, kBias);
  const std::string direction = ctx.node.attributes.text("direction", "forward");
  for (std::int64_t d = 0; d < w.dim(0); ++d) {
    Direction made;
    made.reverse = d == 1 || direction == "reverse";
    made.input = make_product({.weights = w,
                               .n = columns_,
                               .k = input_,
                               .k_stride = 1,
                               .n_stride = input_,
                               .offset = d * columns_ * input_,
                               .scale = constant_at(ctx, kScaleW),
                               .rows = steps_ * batch_},
                              ctx.cache);
    made.input_bias.assign(static_cast<std::size_t>(columns_), 0);
    made.state_bias = made.input_bias;
    if (bias != nullptr) {
      const float* from = bias->data<float>() + d * 2 * columns_;
      std::copy(from, from + columns_, made.input_bias.begin());
      std::copy(from + columns_, from + 2 * columns_, made.state_bias.begin());
    }
    directions_.push_back(std::move(made));
  }
}

void RecurrentStep::add_state_product(const PrepareContext& ctx, std::int64_t first, std::int64_t count) {
  for (std::size_t d = 0; d < directions_.size(); ++d) {
    const std::int64_t row = static_cast<std::int64_t>(d) * columns_ + first * hidden_;
    directions_[d].state.push_back(make_product({.weights = *ctx.constants[kR],
                                                 .n = count * hidden_,
                                                 .k = hidden_,
                                                 .k_stride = 1,
                                                 .n_stride = hidden_,
                                                 .offset = row * hidden_,
                                                 .scale = constant_at(ctx, kScaleR),
                                                 .scale_offset = first * hidden_,
                                                 .rows = batch_},
                                                ctx.cache));
  }
}

kernels::Epilogue RecurrentStep::into(float* out, const std::vector<float>* bias, std::int64_t columns) const {
  kernels::Epilogue epilogue;
  epilogue.bias_f32 = bias == nullptr ? nullptr : bias->data();
  epilogue.out = out;
  epilogue.out_stride = columns;
  epilogue.residual_stride = columns;
  return epilogue;
}

RecurrentStep::Layout RecurrentStep::layout() const {
  Layout at{};
  std::int64_t product = directions_.front().input->scratch_bytes(steps_ * batch_);
  for (const auto& state : directions_.front().state) product = std::max(product, state->scratch_bytes(batch_));
  at.projected = 0;
  at.gates = aligned(steps_ * batch_ * columns_ * 4);
  at.h = at.gates + aligned(batch_ * columns_ * 4);
  at.c = at.h + aligned(batch_ * hidden_ * 4);
  at.product = at.c + aligned(batch_ * hidden_ * 4);
  at.total = at.product + product;
  return at;
}

std::int64_t RecurrentStep::scratch_bytes() const { return layout().total; }

std::int64_t RecurrentStep::packed_bytes() const {
  std::int64_t bytes = 0;
  for (const Direction& direction : directions_) {
    bytes += direction.input->packed_bytes();
    for (const auto& state : direction.state) bytes += state->packed_bytes();
  }
  return bytes;
}

void RecurrentStep::run(EvalContext& ctx) const {
  const auto count = static_cast<std::int64_t>(directions_.size());
  if (ctx.wants_output(0)) ctx.output(0, DType::f32, {steps_, count, batch_, hidden_});
  if (ctx.wants_output(1)) ctx.output(1, DType::f32, {count, batch_, hidden_});
  if (ctx.wants_output(2)) ctx.output(2, DType::f32, {count, batch_, hidden_});
  for (std::int64_t d = 0; d < count; ++d) run_direction(ctx, d);
}

void RecurrentStep::run_direction(EvalContext& ctx, std::int64_t d) const {
  const Direction& direction = directions_[static_cast<std::size_t>(d)];
  const Layout at = layout();
  const auto floats = [&](std::int64_t offset) { return reinterpret_cast<float*>(ctx.scratch + offset); };
  const std::int64_t state = batch_ * hidden_;
  float* const projected = floats(at.projected);
  direction.input->run(ctx.input(kX).data<float>(), steps_ * batch_, into(projected, &direction.input_bias, columns_),
                       ctx.scratch + at.product, ctx.threads());
  const auto start = [&](int slot, float* to) {
    if (ctx.has_input(slot)) {
      std::copy_n(ctx.input(slot).data<float>() + d * state, state, to);
    } else {
      std::fill_n(to, state, 0.0f);
    }
  };
  Cell cell{.input = nullptr,
            .gates = floats(at.gates),
            .h = floats(at.h),
            .c = floats(at.c),
            .scratch = ctx.scratch + at.product,
            .threads = &ctx.threads()};
  start(kInitialH, cell.h);
  start(kInitialC, cell.c);
  const auto count = static_cast<std::int64_t>(directions_.size());
  for (std::int64_t s = 0; s < steps_; ++s) {
    const std::int64_t t = direction.reverse ? steps_ - 1 - s : s;
    cell.input = projected + t * batch_ * columns_;
    step(direction, cell);
    if (ctx.wants_output(0)) {
      float* y = ctx.output(0, DType::f32, {steps_, count, batch_, hidden_}).data<float>();
      std::copy_n(cell.h, state, y + (t * count + d) * state);
    }
  }
  const auto finish = [&](int slot, const float* from) {
    if (!ctx.wants_output(slot)) return;
    std::copy_n(from, state, ctx.output(slot, DType::f32, {count, batch_, hidden_}).data<float>() + d * state);
  };
  finish(1, cell.h);
  finish(2, cell.c);
}

}  // namespace octet::runtime
