// Attention whose products run on 8-bit integers; operands and output as attention.cpp has them.
#include "octet/kernels/attention_s8/attention_s8.h"

#include <algorithm>

#include "octet/runtime/ops/attention.h"
#include "octet/runtime/ops/scratch.h"
#include "octet/runtime/ops/slot.h"

namespace octet::runtime {
namespace {

constexpr std::int64_t kBlockRows = 12, kPartRows = 384;

class AttentionS8Step : public PreparedStep {
 public:
  explicit AttentionS8Step(const PrepareContext& ctx)
      : layout_(ctx),
        kernel_(kernels::select_attention_s8()),
        factor_(ctx.node.attributes.real("scale", 1)),
        threads_(std::min(ctx.threads, Slot::kMost)),
        part_(layout_.part_rows(kBlockRows, kPartRows, ctx.threads)) {
    head_ = {.keys = layout_.v.rows,
             .depth = layout_.q.columns,
             .width = layout_.v.columns,
             .k_stride = layout_.k.column_step,
             .k_step = layout_.k.row_step,
             .v_stride = layout_.v.row_step,
             .v_step = layout_.v.column_step};
  }

  bool fits() const { return kernels::fits_attention_s8(head_.keys, head_.depth); }

  void run(EvalContext& ctx) const override {
    Tensor& y = ctx.output(0, DType::f32, layout_.output);
    if (y.elements() == 0) return;
    const std::int64_t parts = (layout_.q.rows + part_ - 1) / part_;
    std::atomic<std::uint64_t> taken{0};
    const auto body = [&](std::int64_t begin, std::int64_t end) {
      const Slot slot(taken);
      for (std::int64_t i = begin; i < end; ++i) {
        run_part(ctx, y.data<float>(), i / parts, i % parts * part_, ctx.scratch + slot.number() * slot_bytes());
      }
    };
    // There is memory for so many threads as there are slots.
    if (ctx.threads().size() > threads_) return body(0, layout_.matrices() * parts);
    ctx.threads().parallel_for(layout_.matrices() * parts, 1, body);
  }

  std::string kernel() const override { return kernel_.name; }
  std::int64_t scratch_bytes() const override { return threads_ * slot_bytes(); }

 private:
  std::int64_t slot_bytes() const {
    return kernels::scratch_bytes_attention_s8() + aligned(kernels::packed_bytes_attention_s8(head_));
  }

  void run_part(EvalContext& ctx, float* y, std::int64_t matrix, std::int64_t begin, std::uint8_t* memory) const {
    std::uint8_t* const packed = memory + kernels::scratch_bytes_attention_s8();
    kernels::AttentionHead head = head_;
    head.k = ctx.input(1).data<float>() + layout_.offset(layout_.k, matrix);
    head.v = ctx.input(2).data<float>() + layout_.offset(layout_.v, matrix);
    kernel_.pack(head, packed);
    kernels::AttentionQueries queries{
        .q = ctx.input(0).data<float>() + layout_.offset(layout_.q, matrix) + begin * layout_.q.row_step,
        .q_stride = layout_.q.row_step,
        .rows = std::min(part_, layout_.q.rows - begin),
        .factor = factor_,
        .y = y + layout_.offset(layout_.y, matrix) + begin * layout_.y.row_step,
        .y_stride = layout_.y.row_step};
    if (ctx.has_input(3)) {
      queries.mask = ctx.input(3).data<float>() + layout_.offset(layout_.mask, matrix) + begin * layout_.mask.row_step;
      queries.mask_stride = layout_.mask.row_step;
    }
    kernel_.attend(head, packed, queries, memory);
  }

  AttentionLayout layout_;
  const kernels::AttentionS8Kernel& kernel_;
  kernels::AttentionHead head_;
  float factor_;
  int threads_;
  std::int64_t part_;
};

}  // namespace

std::unique_ptr<PreparedStep> prepare_attention_s8(const PrepareContext& ctx) {
  auto step = std::make_unique<AttentionS8Step>(ctx);
  if (!step->fits()) return nullptr;
  return step;
}

}  // namespace octet::runtime
