// QuantizeRows: rows in eight bits, each by its own range, for all the products that read them.
//   x f32 [..., K]
//   y u8 [..., K], scale f32 [...], zero_point s32 [...]: kernels::quantize_rows of f(x)
// Attribute function: the operator f, of one number ("Gelu"; attribute approximate as it has); absent: x itself. A row
// of f(x) is quantized while it is in cache, and is stored nowhere else.
#include <algorithm>

#include "octet/kernels/math/math.h"
#include "octet/kernels/quantize/quantize.h"
#include "octet/runtime/ops/fused.h"
#include "octet/runtime/ops/scratch.h"
#include "octet/runtime/ops/slot.h"

namespace octet::runtime {
namespace {

constexpr std::int64_t kGrain = 16384;  // elements that are worth another thread

kernels::MathMap function_of(const Attributes& attributes) {
  const kernels::MathTable& math = kernels::math();
  const std::string name = attributes.text("function", "");
  if (name.empty()) return nullptr;
  if (name == "Gelu") return attributes.text("approximate", "none") == "tanh" ? math.gelu_tanh : math.gelu;
  if (name == "Silu") return math.silu;
  if (name == "Sigmoid") return math.sigmoid;
  if (name == "Tanh") return math.tanh;
  throw Error(ErrorKind::internal, "QuantizeRows: unknown function " + name);
}

class QuantizeRowsStep : public PreparedStep {
 public:
  explicit QuantizeRowsStep(const PrepareContext& ctx)
      : shape_(*ctx.inputs[0]),
        params_(shape_.dims().first(static_cast<std::size_t>(shape_.rank() - 1))),
        k_(shape_.back()),
        function_(function_of(ctx.node.attributes)),
        threads_(std::min(ctx.threads, Slot::kMost)) {}

  void run(EvalContext& ctx) const override {
    const float* const x = ctx.input(0).data<float>();
    auto* const y = ctx.output(0, DType::u8, shape_).data<std::uint8_t>();
    auto* const scale = ctx.output(1, DType::f32, params_).data<float>();
    auto* const zero_point = ctx.output(2, DType::i32, params_).data<std::int32_t>();
    const std::int64_t rows = params_.elements();
    if (function_ == nullptr) return kernels::quantize_rows(x, rows, k_, k_, y, scale, zero_point, ctx.threads());
    std::atomic<std::uint64_t> taken{0};
    const auto body = [&](std::int64_t begin, std::int64_t end) {
      const Slot slot(taken);
      auto* const row = reinterpret_cast<float*>(ctx.scratch + slot.number() * row_bytes());
      for (std::int64_t m = begin; m < end; ++m) {
        if (function_ == kernels::math().gelu) {
          float low = 0, high = 0;
          kernels::math().gelu_with_range(x + m * k_, row, k_, low, high);
          kernels::quantize_row(low, high, row, k_, y + m * k_, scale[m], zero_point[m]);
          continue;
        }
        function_(x + m * k_, row, k_);
        kernels::quantize_row(row, k_, y + m * k_, scale[m], zero_point[m]);
      }
    };
    if (ctx.threads().size() > threads_) return body(0, rows);  // there is memory for so many threads as slots
    ctx.threads().parallel_for(rows, std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, k_)), body);
  }

  std::string kernel() const override { return std::string("quantize ") + kernels::select_quantize().name; }
  std::int64_t scratch_bytes() const override { return function_ == nullptr ? 0 : threads_ * row_bytes(); }

 private:
  std::int64_t row_bytes() const { return aligned(4 * k_); }

  Shape shape_, params_;
  std::int64_t k_;
  kernels::MathMap function_;
  int threads_;
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (!ctx.inputs[0]) return nullptr;
  return std::make_unique<QuantizeRowsStep>(ctx);
}

}  // namespace

std::vector<RuntimeOp> quantize_rows_op() {
  OpDef def{.name = "QuantizeRows", .domain = kDomain, .inputs = {1, 1}, .outputs = {3, 3}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  return {{.def = def, .prepare = prepare}};
}

}  // namespace octet::runtime
