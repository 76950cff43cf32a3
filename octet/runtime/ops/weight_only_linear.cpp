// WeightOnlyLinear: a product of float rows by weights of 8 or 4 bits, which stay so in memory; x counts in steps of 16
// bits (kernels/weight_only says with what error).
//   inputs   x f32 [..., K]; w s8, u8, s4 or u4 [K, N] ([N, K] with transB 1) constant; w_scale f32 constant;
//            bias f32 [N] constant or none; residual f32 of the output's shape or none
//   block      0: w_scale is [1] or [N]; else of the blocks of so many k: [ceil(K / block), N], transB: [N, ...]
//   zero_point tensor of w's type and w_scale's shape; absent: 0
//   y = activation(x (w_scale * (w - zero_point)) + bias + residual)   [..., N]
#include "octet/base/sha256.h"
#include "octet/kernels/weight_only/weight_only.h"
#include "octet/runtime/ops/fused.h"
#include "octet/runtime/ops/linear.h"
#include "octet/tensor/four_bits.h"

namespace octet::runtime {
namespace {

// Numbers of one of the four types as signed ones: those of unsigned types less half of their range.
std::vector<std::int8_t> signed_numbers(const Tensor& tensor) {
  const Tensor bytes = is_four_bits(tensor.dtype()) ? unpack_four_bits(tensor) : tensor;
  const int half = tensor.dtype() == DType::u4 ? 8 : tensor.dtype() == DType::u8 ? 128 : 0;
  std::vector<std::int8_t> out(static_cast<std::size_t>(bytes.elements()));
  const auto* raw = static_cast<const std::uint8_t*>(bytes.raw());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::int8_t>(raw[i] - half);
  return out;
}

// Scales and zero points as [blocks][N].
struct BlockParams {
  kernels::WeightOnlyForm form;
  std::vector<float> scale;
  std::vector<std::int8_t> zero;
};

template <class T>
std::vector<T> by_blocks(const std::vector<T>& given, std::int64_t blocks, std::int64_t n, bool transposed) {
  std::vector<T> out;
  for (std::int64_t b = 0; b < blocks; ++b) {
    for (std::int64_t c = 0; c < n; ++c)
      out.push_back(given[given.size() == 1 ? 0 : static_cast<std::size_t>(transposed ? c * blocks + b : b * n + c)]);
  }
  return out;
}

BlockParams read_params(const Node& node, const Tensor& w, const Tensor& scale, const kernels::GemmShape& gemm) {
  BlockParams out;
  out.form.bits = is_four_bits(w.dtype()) ? 4 : 8;
  out.form.block = node.attributes.integer("block", 0);
  const std::int64_t blocks = out.form.block == 0 ? 1 : (gemm.k + out.form.block - 1) / out.form.block;
  const bool transposed = out.form.block != 0 && node.attributes.integer("transB", 0) != 0;
  const auto scales = scale.values<float>();
  out.scale = by_blocks(std::vector<float>(scales.begin(), scales.end()), blocks, gemm.n, transposed);
  std::vector<std::int8_t> zero;
  if (node.attributes.has("zero_point")) {
    zero = signed_numbers(node.attributes.tensor("zero_point"));
  } else if (w.dtype() == DType::u4 || w.dtype() == DType::u8) {
    zero.assign(scales.size(), out.form.bits == 4 ? -8 : -128);
  }
  if (std::all_of(zero.begin(), zero.end(), [](std::int8_t z) { return z == 0; })) return out;
  out.zero = by_blocks(zero, blocks, gemm.n, transposed);
  out.form.zero_points = true;
  // The kernel has zero points in blocks only: one block for all of k.
  if (out.form.block == 0)
    out.form.block = (gemm.k + kernels::kWeightOnlyGroup) / kernels::kWeightOnlyGroup * kernels::kWeightOnlyGroup;
  return out;
}

// Scales and zero points are packed with the weights.
std::string pack_form(const kernels::GemmShape& gemm, const BlockParams& params) {
  if (params.form.block == 0) return linear_form("weight_only", gemm);
  Sha256 digest;
  digest.add(params.scale.data(), params.scale.size() * sizeof(float));
  digest.add(params.zero.data(), params.zero.size());
  return linear_form("weight_only", gemm) + " blocks of " + std::to_string(params.form.block) + " " + digest.hex();
}

class WeightOnlyLinearStep : public PreparedStep {
 public:
  explicit WeightOnlyLinearStep(const PrepareContext& ctx)
      : gemm_(linear_shape(ctx.node, *ctx.inputs[0], *ctx.inputs[1])), output_(linear_output(*ctx.inputs[0], gemm_.n)) {
    epilogue_.read(ctx.node, gemm_.n);
    epilogue_.set_bias(ctx.constants.size() > 3 ? ctx.constants[3] : nullptr, gemm_.n);
    const Tensor& w = *ctx.constants[1];
    BlockParams params = read_params(ctx.node, w, *ctx.constants[2], gemm_);
    form_ = params.form;
    packed_ = ctx.cache.get<Packed>(w, pack_form(gemm_, params), [&] {
      Packed packed{Tensor(DType::u8, {kernels::packed_bytes_weight_only(form_, gemm_)})};
      const kernels::WeightOnlyWeights weights{nullptr, params.scale.data(), params.zero.data()};
      pack(w, weights, packed.data.raw());
      return packed;
    });
    if (form_.block == 0) column_scale_ = std::move(params.scale);
  }

  void run(EvalContext& ctx) const override {
    Tensor& y = ctx.output(0, DType::f32, output_);
    const Tensor* residual = ctx.has_input(4) ? &ctx.input(4) : nullptr;
    kernels::weight_only(form_, gemm_, ctx.input(0).data<float>(), packed_->raw(),
                         form_.block == 0 ? column_scale_.data() : nullptr, epilogue_.bind(residual, y, gemm_.n),
                         ctx.scratch, ctx.threads());
  }

  std::int64_t scratch_bytes() const override { return kernels::scratch_bytes_weight_only(form_, gemm_); }
  std::string kernel() const override {
    std::string name = kernels::select_weight_only().name + std::string(form_.bits == 4 ? " int4" : " int8");
    return form_.block == 0 ? name : name + ", blocks of " + std::to_string(form_.block);
  }
  std::int64_t packed_bytes() const override { return packed_->bytes(); }

 private:
  void pack(const Tensor& w, kernels::WeightOnlyWeights weights, void* packed) const {
    if (w.dtype() == DType::i8) {  // as they lie
      weights.w = w.data<std::int8_t>();
      return kernels::pack_weight_only(form_, gemm_, weights, packed);
    }
    const std::vector<std::int8_t> numbers = signed_numbers(w);
    weights.w = numbers.data();
    kernels::pack_weight_only(form_, gemm_, weights, packed);
  }

  kernels::WeightOnlyForm form_;
  kernels::GemmShape gemm_;
  Shape output_;
  EpilogueSpec epilogue_;
  std::vector<float> column_scale_;
  std::shared_ptr<const Packed> packed_;
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (!ctx.inputs[0] || ctx.constants[1] == nullptr || ctx.constants[2] == nullptr) return nullptr;
  return std::make_unique<WeightOnlyLinearStep>(ctx);
}

}  // namespace

std::vector<RuntimeOp> weight_only_linear_op() {
  OpDef def{.name = "WeightOnlyLinear", .domain = kDomain, .inputs = {3, 5}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  def.four_bits = true;
  return {{.def = def, .prepare = prepare}};
}

}  // namespace octet::runtime
