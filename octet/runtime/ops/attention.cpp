// Attention: y = softmax(scale * (q k) + mask) v, the softmax along the last axis, in float.
//   q f32 [..., M, D], k f32 [..., D, S], v f32 [..., S, E]; mask f32 that broadcasts to [..., M, S], or none
//   y f32 [..., M, E]; leading dimensions of the operands are equal, or 1
// Attributes q_perm, k_perm, v_perm: the operand is that Transpose of the input; y_perm: the output is that Transpose
// of y; scale; products "s8": of 8-bit integers (attention_s8.cpp) where the head's size allows it, absent: of
// floats. Keys and values of a matrix are packed once for many rows of queries, blocks of which pass through both
// products while their scores are in cache.
// Source: Vaswani et al. 2017 (arXiv 1706.03762), equation 1.
#include "octet/runtime/ops/attention.h"

#include <algorithm>

#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/kernels/math/math.h"
#include "octet/runtime/ops/fused.h"
#include "octet/runtime/ops/scratch.h"
#include "octet/runtime/ops/slot.h"

namespace octet::runtime {
namespace {

constexpr std::int64_t kScores = 16 * 1024;  // floats of a block of rows
constexpr std::int64_t kLeastRows = 24;      // of a block: whole tiles of the kernels
constexpr std::int64_t kPartRows = 384;      // that share packed keys and values, where threads need no more parts

class AttentionStep : public PreparedStep {
 public:
  explicit AttentionStep(const PrepareContext& ctx)
      : layout_(ctx), scale_(ctx.node.attributes.real("scale", 1)), threads_(std::min(ctx.threads, Slot::kMost)) {
    rows_ = layout_.q.rows;
    keys_ = layout_.v.rows;
    first_ = {.m = rows_,
              .n = keys_,
              .k = layout_.q.columns,
              .lda = layout_.q.row_step,
              .b_k_stride = layout_.k.row_step,
              .b_n_stride = layout_.k.column_step};
    second_ = {.m = rows_,
               .n = layout_.v.columns,
               .k = keys_,
               .lda = keys_,
               .b_k_stride = layout_.v.row_step,
               .b_n_stride = layout_.v.column_step};
    out_stride_ = layout_.y.row_step;
    const std::int64_t fits =
        std::max(kLeastRows, kScores / std::max<std::int64_t>(1, keys_) / kLeastRows * kLeastRows);
    block_ = std::min(rows_, fits);
    part_ = layout_.part_rows(block_, kPartRows, ctx.threads);
  }

  void run(EvalContext& ctx) const override {
    Tensor& y = ctx.output(0, DType::f32, layout_.output);
    if (y.elements() == 0) return;
    const std::int64_t parts = (rows_ + part_ - 1) / part_, matrices = layout_.matrices();
    std::atomic<std::uint64_t> taken{0};
    const auto body = [&](std::int64_t begin, std::int64_t end) {
      const Slot slot(taken);
      for (std::int64_t i = begin; i < end; ++i) {
        run_part(ctx, y.data<float>(), i / parts, i % parts * part_, ctx.scratch + slot.number() * slot_bytes());
      }
    };
    // More threads than slots: they share the loops of the products instead.
    if (ctx.threads().size() > threads_) return body(0, matrices * parts);
    ctx.threads().parallel_for(matrices * parts, 1, body);
  }

  std::string kernel() const override { return std::string("igemm_f32 ") + kernel_of(first_).name; }
  std::int64_t scratch_bytes() const override { return threads_ * slot_bytes(); }

 private:
  static const kernels::IgemmKernel& kernel_of(const kernels::GemmShape& gemm) {
    return kernels::select_igemm_f32(gemm.n);
  }

  static std::int64_t packed_bytes_of(const kernels::GemmShape& gemm) {
    return aligned(kernels::packed_bytes_f32(kernel_of(gemm), gemm));
  }
  std::int64_t scores_bytes() const { return aligned(4 * block_ * keys_); }
  std::int64_t slot_bytes() const {
    return scores_bytes() + packed_bytes_of(first_) + packed_bytes_of(second_) +
           aligned(std::max(kernels::scratch_bytes_f32(kernel_of(first_), first_),
                            kernels::scratch_bytes_f32(kernel_of(second_), second_)));
  }

  // Rows from `begin` on, as many as share packed keys and values.
  void run_part(EvalContext& ctx, float* y, std::int64_t matrix, std::int64_t begin, std::uint8_t* memory) const {
    std::uint8_t *const keys = memory + scores_bytes(), *const values = keys + packed_bytes_of(first_),
                        *const rest = values + packed_bytes_of(second_);
    kernels::pack_gemm_f32(kernel_of(first_), first_, ctx.input(1).data<float>() + layout_.offset(layout_.k, matrix),
                           keys);
    kernels::pack_gemm_f32(kernel_of(second_), second_, ctx.input(2).data<float>() + layout_.offset(layout_.v, matrix),
                           values);
    const float* const q = ctx.input(0).data<float>() + layout_.offset(layout_.q, matrix);
    const float* const mask =
        ctx.has_input(3) ? ctx.input(3).data<float>() + layout_.offset(layout_.mask, matrix) : nullptr;
    float* const out = y + layout_.offset(layout_.y, matrix);
    auto* const scores = reinterpret_cast<float*>(memory);
    const std::int64_t end = std::min(rows_, begin + part_);
    for (std::int64_t row = begin; row < end; row += block_) {
      kernels::GemmShape first = first_, second = second_;
      first.m = second.m = std::min(block_, end - row);
      kernels::gemm_f32(kernel_of(first), first, q + row * first.lda, keys, {.out = scores, .out_stride = keys_}, rest,
                        ctx.threads());
      for (std::int64_t r = 0; r < first.m; ++r) {
        softmax(scores + r * keys_, mask == nullptr ? nullptr : mask + (row + r) * layout_.mask.row_step);
      }
      kernels::gemm_f32(kernel_of(second), second, scores, values,
                        {.out = out + row * out_stride_, .out_stride = out_stride_}, rest, ctx.threads());
    }
  }

  void softmax(float* line, const float* mask) const {
    const kernels::MathTable& math = kernels::math();
    const float most = math.scaled_maximum(line, scale_, mask, line, keys_);
    math.scale(line, static_cast<float>(1 / math.exp_shifted(line, most, line, keys_)), keys_);
  }

  AttentionLayout layout_;
  float scale_;
  int threads_;
  kernels::GemmShape first_, second_;  ///< of all rows of one matrix
  std::int64_t rows_ = 0, keys_ = 0, block_ = 0, part_ = 0, out_stride_ = 0;
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  const bool masked = ctx.node.inputs.size() > 3 && ctx.node.inputs[3] != kNoValue;
  if (!ctx.inputs[0] || !ctx.inputs[1] || !ctx.inputs[2] || (masked && !ctx.inputs[3])) return nullptr;
  if (ctx.node.attributes.text("products", "f32") == "s8") {
    if (auto step = prepare_attention_s8(ctx)) return step;
  }
  return std::make_unique<AttentionStep>(ctx);
}

}  // namespace

std::vector<RuntimeOp> attention_op() {
  OpDef def{.name = "Attention", .domain = kDomain, .inputs = {3, 4}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  return {{.def = def, .prepare = prepare}};
}

}  // namespace octet::runtime
