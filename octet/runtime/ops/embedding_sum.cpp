// EmbeddingSum: the sum of two or three embeddings in one pass over its rows.
//   inputs   for each term table f32 or s8 [R, K], scale f32 [1] or [R] of an s8 table, indices i32 or i64 [..., S]; or
//            table f32 [..., S, K] with neither, added as it is. Leading dimensions that a term lacks repeat it.
//   y f32 [..., S, K] = (term 0 + term 1) + term 2,  term = float(table[indices]) * scale
// Source: ONNX Gather-13 of DequantizeLinear-13, Add-14.
#include "octet/kernels/quantize/quantize.h"
#include "octet/ops/movement.h"
#include "octet/runtime/ops/fused.h"

namespace octet::runtime {
namespace {

constexpr std::int64_t kBlock = 512;    // columns that are made float at once
constexpr std::int64_t kGrain = 16384;  // elements that are worth another thread
constexpr int kMostTerms = 3;

class Term {
 public:
  Term(const EvalContext& ctx, int first) : ctx_(ctx), table_(ctx.input(first)) {
    if (ctx.has_input(first + 1)) scale_ = &ctx.input(first + 1);
    if (ctx.has_input(first + 2)) indices_ = &ctx.input(first + 2);
    columns_ = table_.shape().back();
    rows_ = indices_ == nullptr ? table_.elements() / std::max<std::int64_t>(1, columns_) : indices_->elements();
  }

  /// `count` columns from `first` on of row i: where they lie, or in `held`.
  const float* columns(std::int64_t i, std::int64_t first, std::int64_t count, float* held) const {
    const std::int64_t row =
        indices_ == nullptr ? i % rows_ : ops::checked_index(ctx_, index(i % rows_), table_.dim(0));
    const std::int64_t at = row * columns_ + first;
    if (table_.dtype() == DType::f32) return table_.data<float>() + at;
    const float scale = scale_->data<float>()[scale_->elements() == 1 ? 0 : row];
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(table_.data<std::int8_t>() + at);
    kernels::select_quantize().dequantize({.scale = scale, .is_signed = true}, bytes, count, held);
    return held;
  }

 private:
  std::int64_t index(std::int64_t i) const {
    return indices_->dtype() == DType::i32 ? indices_->data<std::int32_t>()[i] : indices_->data<std::int64_t>()[i];
  }

  const EvalContext& ctx_;
  const Tensor& table_;
  const Tensor *scale_ = nullptr, *indices_ = nullptr;
  std::int64_t columns_ = 0, rows_ = 0;
};

// The broadcast of the terms' shapes.
Shape sum_shape(const EvalContext& ctx, int terms) {
  Shape out;
  for (int t = 0; t < terms; ++t) {
    const Shape& table = ctx.input(3 * t).shape();
    Shape shape = ctx.has_input(3 * t + 2) ? ctx.input(3 * t + 2).shape() : table;
    if (ctx.has_input(3 * t + 2)) shape.push_back(table.back());
    out = t == 0 ? shape : broadcast(out, shape);
  }
  return out;
}

void eval(EvalContext& ctx) {
  const int terms = (ctx.input_count() + 2) / 3;
  const Shape shape = sum_shape(ctx, terms);
  float* const y = ctx.output(0, DType::f32, shape).data<float>();
  const std::int64_t columns = shape.back();
  const Term first(ctx, 0), second(ctx, 3), third(ctx, terms == kMostTerms ? 6 : 0);
  const auto body = [&](std::int64_t begin, std::int64_t end) {
    float held[kMostTerms][kBlock];
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::int64_t k = 0; k < columns; k += kBlock) {
        const std::int64_t count = std::min(kBlock, columns - k);
        float* const to = y + i * columns + k;
        const float *const a = first.columns(i, k, count, held[0]), *const b = second.columns(i, k, count, held[1]);
        if (terms == kMostTerms) {
          const float* const c = third.columns(i, k, count, held[2]);
          for (std::int64_t j = 0; j < count; ++j) to[j] = (a[j] + b[j]) + c[j];
        } else {
          for (std::int64_t j = 0; j < count; ++j) to[j] = a[j] + b[j];
        }
      }
    }
  };
  ctx.threads().parallel_for(shape.elements(0, shape.rank() - 1),
                             std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, columns)), body);
}

}  // namespace

std::vector<RuntimeOp> embedding_sum_op() {
  return {{.def = {.name = "EmbeddingSum", .domain = kDomain, .inputs = {4, 9}, .eval = eval}}};
}

}  // namespace octet::runtime
