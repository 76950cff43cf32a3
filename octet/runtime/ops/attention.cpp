// Attention: y = softmax(scale * (q k) + mask) v, the softmax along the last axis, in float.
//   q f32 [..., M, D], k f32 [..., D, S], v f32 [..., S, E]; mask f32 that broadcasts to [..., M, S], or none
//   y f32 [..., M, E]; leading dimensions of the operands are equal, or 1
// Attributes q_perm, k_perm, v_perm: the operand is that Transpose of the input; y_perm: the output is that Transpose
// of y; scale. Keys and values of a matrix are packed once for many rows of queries, blocks of which pass through both
// products while their scores are in cache.
// Source: Vaswani et al. 2017 (arXiv 1706.03762), equation 1.
#include <algorithm>

#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/kernels/math/math.h"
#include "octet/runtime/ops/fused.h"
#include "octet/runtime/ops/linear.h"
#include "octet/runtime/ops/slot.h"

namespace octet::runtime {
namespace {

constexpr std::int64_t kScores = 16 * 1024;  // floats of a block of rows
constexpr std::int64_t kLeastRows = 24;      // of a block: whole tiles of the kernels
constexpr std::int64_t kPartRows = 384;      // that share packed keys and values, where threads need no more parts

Shape shape_of(const View& view) { return Shape(view.dims); }
std::int64_t aligned(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }

// Steps of a matrix of `view` along the leading axes of `lead`; 0 where it is repeated.
std::vector<std::int64_t> lead_strides(const View& view, const Shape& lead) {
  std::vector<std::int64_t> out(static_cast<std::size_t>(lead.rank()), 0);
  const std::size_t missing = static_cast<std::size_t>(lead.rank()) + 2 - view.dims.size();
  for (std::size_t i = missing; i < out.size(); ++i) {
    if (view.dims[i - missing] != 1) out[i] = view.strides[i - missing];
  }
  return out;
}

std::int64_t offset(const std::vector<std::int64_t>& strides, const Shape& lead, std::int64_t index) {
  std::int64_t at = 0;
  for (int i = lead.rank() - 1; i >= 0; --i) {
    at += index % lead[i] * strides[static_cast<std::size_t>(i)];
    index /= lead[i];
  }
  return at;
}

class AttentionStep : public PreparedStep {
 public:
  explicit AttentionStep(const PrepareContext& ctx)
      : scale_(ctx.node.attributes.real("scale", 1)), threads_(std::min(ctx.threads, Slot::kMost)) {
    const Attributes& attributes = ctx.node.attributes;
    const View q = permuted_view(*ctx.inputs[0], attributes.integers("q_perm"));
    const View k = permuted_view(*ctx.inputs[1], attributes.integers("k_perm"));
    const View v = permuted_view(*ctx.inputs[2], attributes.integers("v_perm"));
    const Shape scores = matmul_output(shape_of(q), shape_of(k)), product = matmul_output(scores, shape_of(v));
    lead_ = Shape(product.dims().first(static_cast<std::size_t>(product.rank() - 2)));
    const std::vector<std::int64_t> perm = attributes.integers("y_perm");
    output_ = shape_of(permuted_view(product, perm));
    const View y = permuted_view(output_, inverse_of(perm));

    rows_ = scores[scores.rank() - 2];
    keys_ = scores.back();
    first_ = plan(q, k);
    second_ = plan({{rows_, keys_}, {keys_, 1}}, v);
    out_stride_ = y.strides[y.strides.size() - 2];
    q_lead_ = lead_strides(q, lead_), k_lead_ = lead_strides(k, lead_), v_lead_ = lead_strides(v, lead_);
    y_lead_ = lead_strides(y, lead_);
    if (ctx.inputs.size() > 3 && ctx.inputs[3]) read_mask(permuted_view(*ctx.inputs[3], {}));
    const std::int64_t fits =
        std::max(kLeastRows, kScores / std::max<std::int64_t>(1, keys_) / kLeastRows * kLeastRows);
    block_ = std::min(rows_, fits);
    // Enough parts for all threads, but of whole blocks.
    const std::int64_t parts = std::max<std::int64_t>(1, 2 * ctx.threads / std::max<std::int64_t>(1, lead_.elements()));
    const std::int64_t share = std::min(kPartRows, (rows_ + parts - 1) / parts);
    part_ = (share + block_ - 1) / std::max<std::int64_t>(1, block_) * block_;
  }

  void run(EvalContext& ctx) const override {
    Tensor& y = ctx.output(0, DType::f32, output_);
    if (y.elements() == 0) return;
    const std::int64_t parts = (rows_ + part_ - 1) / part_, matrices = lead_.elements();
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
  static kernels::GemmShape plan(const View& a, const View& b) {
    const std::size_t ra = a.dims.size(), rb = b.dims.size();
    return {.m = a.dims[ra - 2],
            .n = b.dims[rb - 1],
            .k = a.dims[ra - 1],
            .lda = a.strides[ra - 2],
            .b_k_stride = b.strides[rb - 2],
            .b_n_stride = b.strides[rb - 1]};
  }
  static const kernels::IgemmKernel& kernel_of(const kernels::GemmShape& gemm) {
    return kernels::select_igemm_f32(gemm.n);
  }

  void read_mask(const View& mask) {
    View full = mask;
    while (full.dims.size() < 2) {
      full.dims.insert(full.dims.begin(), 1);
      full.strides.insert(full.strides.begin(), 0);
    }
    mask_lead_ = lead_strides(full, lead_);
    mask_row_ = full.dims[full.dims.size() - 2] == 1 ? 0 : full.strides[full.dims.size() - 2];
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
    kernels::pack_gemm_f32(kernel_of(first_), first_, ctx.input(1).data<float>() + offset(k_lead_, lead_, matrix),
                           keys);
    kernels::pack_gemm_f32(kernel_of(second_), second_, ctx.input(2).data<float>() + offset(v_lead_, lead_, matrix),
                           values);
    const float* const q = ctx.input(0).data<float>() + offset(q_lead_, lead_, matrix);
    const float* const mask =
        ctx.has_input(3) ? ctx.input(3).data<float>() + offset(mask_lead_, lead_, matrix) : nullptr;
    float* const out = y + offset(y_lead_, lead_, matrix);
    auto* const scores = reinterpret_cast<float*>(memory);
    const std::int64_t end = std::min(rows_, begin + part_);
    for (std::int64_t row = begin; row < end; row += block_) {
      kernels::GemmShape first = first_, second = second_;
      first.m = second.m = std::min(block_, end - row);
      kernels::gemm_f32(kernel_of(first), first, q + row * first.lda, keys, {.out = scores, .out_stride = keys_}, rest,
                        ctx.threads());
      for (std::int64_t r = 0; r < first.m; ++r) {
        softmax(scores + r * keys_, mask == nullptr ? nullptr : mask + (row + r) * mask_row_);
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

  float scale_;
  int threads_;
  Shape lead_, output_;
  kernels::GemmShape first_, second_;  ///< of all rows of one matrix
  std::vector<std::int64_t> q_lead_, k_lead_, v_lead_, y_lead_, mask_lead_;
  std::int64_t rows_ = 0, keys_ = 0, block_ = 0, part_ = 0, out_stride_ = 0, mask_row_ = 0;
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  const bool masked = ctx.node.inputs.size() > 3 && ctx.node.inputs[3] != kNoValue;
  if (!ctx.inputs[0] || !ctx.inputs[1] || !ctx.inputs[2] || (masked && !ctx.inputs[3])) return nullptr;
  return std::make_unique<AttentionStep>(ctx);
}

}  // namespace

std::vector<RuntimeOp> attention_op() {
  OpDef def{.name = "Attention", .domain = kDomain, .inputs = {3, 4}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  return {{.def = def, .prepare = prepare}};
}

}  // namespace octet::runtime
