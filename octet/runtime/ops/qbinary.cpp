// QAdd, QSub, QMul: two u8 tensors with broadcasting, limits, u8 out.
//   attributes a_scale, a_zero, b_scale, b_zero, y_scale, y_zero; activation "relu" or "clamp" with alpha, beta
//   y = clamp(rint(limit(a op b) / y_scale) + y_zero), rounded as kernels::BinaryU8 says
#include "octet/kernels/elementwise_u8/elementwise_u8.h"
#include "octet/ops/elementwise.h"
#include "octet/runtime/ops/fused.h"

namespace octet::runtime {
namespace {

using kernels::BinaryOp;

class QBinaryStep : public PreparedStep {
 public:
  QBinaryStep(const PrepareContext& ctx, BinaryOp op) : plan_(ops::plan_broadcast(*ctx.inputs[0], *ctx.inputs[1])) {
    const Attributes& a = ctx.node.attributes;
    const int last = plan_.rank - 1;
    const auto operand = [&](const std::string& prefix, const std::int64_t* strides) {
      return kernels::OperandU8{.column_stride = strides[last],
                                .row_stride = last > 0 ? strides[last - 1] : 0,
                                .scale = a.real(prefix + "_scale", 1),
                                .zero_point = static_cast<std::int32_t>(a.integer(prefix + "_zero"))};
    };
    work_.op = op;
    work_.columns = plan_.dims[last];
    work_.rows = last > 0 ? plan_.dims[last - 1] : 1;
    work_.out_stride = work_.columns;
    work_.a = operand("a", plan_.a);
    work_.b = operand("b", plan_.b);
    work_.inv_scale = 1 / a.real("y_scale", 1);
    work_.zero_point = static_cast<std::int32_t>(a.integer("y_zero"));
    set_limits(a);
  }

  // The kernel walks rows and columns; what dimensions are left are walked here.
  void run(EvalContext& ctx) const override {
    auto* y = ctx.output(0, DType::u8, plan_.shape).data<std::uint8_t>();
    const auto *a = ctx.input(0).data<std::uint8_t>(), *b = ctx.input(1).data<std::uint8_t>();
    const std::int64_t block = work_.rows * work_.columns, blocks = block == 0 ? 0 : plan_.shape.elements() / block;
    for (std::int64_t i = 0; i < blocks; ++i) {
      kernels::BinaryU8 work = work_;
      work.a.data = a + offset(plan_.a, i);
      work.b.data = b + offset(plan_.b, i);
      work.out = y + i * block;
      kernels::binary_u8(work, ctx.threads());
    }
  }

  std::string kernel() const override { return std::string("elementwise_u8 ") + kernels::select_elementwise_u8().name; }

 private:
  void set_limits(const Attributes& a) {
    const std::string activation = a.text("activation", "none");
    if (activation == "relu") work_.low = 0;
    if (activation != "clamp") return;
    work_.low = a.real("alpha", 0);
    work_.high = a.real("beta", 0);
  }

  std::int64_t offset(const std::int64_t* strides, std::int64_t block) const {
    std::int64_t at = 0;
    for (int i = plan_.rank - 3; i >= 0; --i) {
      at += block % plan_.dims[i] * strides[i];
      block /= plan_.dims[i];
    }
    return at;
  }

  ops::BroadcastPlan plan_;
  kernels::BinaryU8 work_;
};

template <BinaryOp kOp>
std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (!ctx.inputs[0] || !ctx.inputs[1]) return nullptr;
  return std::make_unique<QBinaryStep>(ctx, kOp);
}

template <BinaryOp kOp>
RuntimeOp row(const char* name) {
  OpDef def{.name = name, .domain = kDomain, .inputs = {2, 2}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare<kOp>); };
  return {.def = def, .prepare = prepare<kOp>, .int8 = true};
}

}  // namespace

std::vector<RuntimeOp> qbinary_ops() {
  return {row<BinaryOp::add>("QAdd"), row<BinaryOp::sub>("QSub"), row<BinaryOp::mul>("QMul")};
}

}  // namespace octet::runtime
