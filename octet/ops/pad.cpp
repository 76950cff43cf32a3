// Pad: borders before and after each axis; negative ones crop.
//   constant  the value (0 unless given); reflect  mirrored without the edge; edge  the edge repeated;
//   wrap  the other end.  A quantized Pad must hold the value among its levels (it is input 2).
// Source: ONNX Pad-2 (attributes), Pad-11 (inputs), Pad-18 (axes), Pad-19 (wrap).
#include "octet/ops/pad.h"

#include <algorithm>

#include "octet/base/checked.h"
#include "octet/ops/fill.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/movement.h"
#include "octet/ops/movement_gradient.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

constexpr int kPadsAreInput = 11;
constexpr std::int64_t kOutside = -1;

// One begin and one end for every axis of the tensor.
std::vector<std::int64_t> all_pads(const std::vector<std::int64_t>& pads,
                                   const std::optional<std::vector<std::int64_t>>& axes, int rank) {
  const auto named = axes ? unique_axes(*axes, rank) : std::vector<int>{};
  const std::size_t count = axes ? named.size() : static_cast<std::size_t>(rank);
  if (pads.size() != 2 * count) {
    throw Error(ErrorKind::bad_input, "Pad: a begin and an end are needed for each axis")
        .value(std::to_string(pads.size()) + " numbers")
        .expected(std::to_string(2 * count));
  }
  std::vector<std::int64_t> out(2 * static_cast<std::size_t>(rank), 0);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t axis = axes ? static_cast<std::size_t>(named[i]) : i;
    out[axis] = pads[i];
    out[axis + static_cast<std::size_t>(rank)] = pads[i + count];
  }
  return out;
}

void infer(InferContext& ctx) {
  if (!ctx.has_shape(0)) return ctx.set_output(0, ctx.dtype(0));
  const bool old = ctx.opset() < kPadsAreInput;
  const auto pads = old ? std::optional(ctx.attributes().integers("pads")) : constant_integers(ctx, 1);
  const auto axes = constant_integers(ctx, 3);
  if (!pads || (ctx.has_input(3) && !axes)) return set_output_rank(ctx, 0, ctx.dtype(0), ctx.shape(0).size());
  SymbolicShape shape = ctx.shape(0);
  const auto all = all_pads(*pads, axes, ctx.rank(0));
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t more = checked_add(all[i], all[i + shape.size()]);
    if (more == 0) continue;
    shape[i] = shape[i].known() ? Dim(std::max<std::int64_t>(0, checked_add(shape[i].value, more))) : Dim();
  }
  ctx.set_output(0, ctx.dtype(0), shape);
}

// Where each position of a padded axis comes from; kOutside: nowhere.
class AxisMap {
 public:
  AxisMap(const EvalContext& ctx, const std::string& mode, std::int64_t dim, std::int64_t before, std::int64_t after) {
    // Crops come first: what is padded is what is left between them.
    const std::int64_t low =
        std::min(dim, std::max<std::int64_t>(0, checked_mul(-1, std::min<std::int64_t>(before, 0))));
    const std::int64_t high = std::max(low, checked_add(dim, std::min<std::int64_t>(after, 0)));
    size_ = std::max<std::int64_t>(0, checked_add(checked_add(dim, before), after));
    first_ = std::max<std::int64_t>(before, 0);
    low_ = low;
    dim_ = dim;
    inside_ = std::clamp<std::int64_t>(high - low, 0, std::max<std::int64_t>(0, size_ - first_));
    reach_ = high - low;
    mode_ = mode;
    if (mode != "constant" && reach_ == 0 && size_ > 0) {
      throw ctx.error(ErrorKind::bad_input, "an empty dimension can only be padded with a constant").value(mode);
    }
  }
  std::int64_t size() const { return size_; }
  std::int64_t first() const { return first_; }           ///< positions before it are padding
  std::int64_t last() const { return first_ + inside_; }  ///< positions from it on are padding
  bool plain() const { return first_ == 0 && low_ == 0 && inside_ == dim_ && size_ == dim_; }

  std::int64_t source(std::int64_t position) const {
    const std::int64_t at = position - first_;
    if (at >= 0 && at < reach_) return low_ + at;
    if (mode_ == "constant") return kOutside;
    if (mode_ == "edge") return low_ + std::clamp<std::int64_t>(at, 0, reach_ - 1);
    if (mode_ == "wrap") return low_ + ((at % reach_) + reach_) % reach_;
    if (reach_ == 1) return low_;
    const std::int64_t period = 2 * (reach_ - 1), phase = ((at % period) + period) % period;
    return low_ + (phase < reach_ ? phase : period - phase);
  }

 private:
  std::int64_t dim_ = 0, size_ = 0, first_ = 0, low_ = 0, inside_ = 0, reach_ = 0;
  std::string mode_;
};

struct Padding {
  std::vector<AxisMap> axes;  // the last one moves blocks of `block` bytes
  Shape from;                 // the input's dimensions, trailing unpadded ones merged into the block
  std::int64_t block = 0;
  std::size_t item = 0;
  const std::byte* x = nullptr;
  std::byte* y = nullptr;
  const std::byte* value = nullptr;

  void put(std::int64_t source_row, std::int64_t source, std::byte* to) const {
    if (source == kOutside) {
      fill(item, value, to, block / static_cast<std::int64_t>(item));
    } else {
      std::memcpy(to, x + (source_row * from.back() + source) * block, static_cast<std::size_t>(block));
    }
  }

  void row(std::int64_t index) const {
    const AxisMap& inner = axes.back();
    std::byte* to = y + index * inner.size() * block;
    std::int64_t source_row = 0, stride = 1, rest = index;
    for (int i = from.rank() - 2; i >= 0; --i) {
      const AxisMap& axis = axes[static_cast<std::size_t>(i)];
      const std::int64_t source = axis.source(rest % axis.size());
      rest /= axis.size();
      if (source == kOutside) return fill(item, value, to, inner.size() * block / static_cast<std::int64_t>(item));
      source_row += source * stride;
      stride *= from[i];
    }
    for (std::int64_t i = 0; i < inner.first(); ++i) put(source_row, inner.source(i), to + i * block);
    if (inner.last() > inner.first()) {
      std::memcpy(to + inner.first() * block, x + (source_row * from.back() + inner.source(inner.first())) * block,
                  static_cast<std::size_t>((inner.last() - inner.first()) * block));
    }
    for (std::int64_t i = inner.last(); i < inner.size(); ++i) put(source_row, inner.source(i), to + i * block);
  }
};

Tensor pad_value(const EvalContext& ctx) {
  const DType dtype = ctx.input(0).dtype();
  if (ctx.opset() < kPadsAreInput) return Tensor::scalar(ctx.attributes().real("value", 0)).cast(dtype);
  if (!ctx.has_input(2)) return Tensor::zeros(dtype, {});
  const Tensor& value = ctx.input(2);
  if (value.elements() != 1 || value.dtype() != dtype) {
    throw ctx.error(ErrorKind::bad_input, "the padding value must be one number of the input's type")
        .value(to_string(value.shape()) + " " + to_string(value.dtype()))
        .expected(to_string(dtype));
  }
  return value;
}

std::string mode_of(const EvalContext& ctx) {
  const std::string mode = ctx.attributes().text("mode", "constant");
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap") {
    throw ctx.error(ErrorKind::bad_input, "unknown padding mode")
        .value(mode)
        .expected("constant, reflect, edge or wrap");
  }
  return mode;
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const std::string mode = mode_of(ctx);
  const bool old = ctx.opset() < kPadsAreInput;
  if (!old && !ctx.has_input(1)) throw ctx.error(ErrorKind::bad_input, "Pad without pads");
  if (!old && ctx.input(1).dtype() != DType::i64) {
    throw ctx.error(ErrorKind::bad_input, "pads are of another type than the operator takes")
        .value(to_string(ctx.input(1).dtype()))
        .expected("int64");
  }
  std::optional<std::vector<std::int64_t>> axes;
  if (ctx.has_input(3)) axes = ctx.input(3).to_int64();
  const auto pads = all_pads(old ? ctx.attributes().integers("pads") : ctx.input(1).to_int64(), axes, x.rank());
  Padding padding{.axes = {}, .from = {}, .item = size_of(x.dtype())};
  Shape shape;
  for (int i = 0; i < x.rank(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    padding.axes.emplace_back(ctx, mode, x.dim(i), pads[at], pads[at + pads.size() / 2]);
    shape.push_back(padding.axes.back().size());
  }
  Tensor& y = ctx.output(0, x.dtype(), shape);
  if (y.elements() == 0) return;
  int kept = x.rank();
  while (kept > 0 && padding.axes[static_cast<std::size_t>(kept - 1)].plain()) --kept;
  padding.block = shape.elements(kept, shape.rank()) * static_cast<std::int64_t>(padding.item);
  if (kept == 0) {
    std::memcpy(y.raw(), x.raw(), x.bytes());
    return;
  }
  padding.axes.erase(padding.axes.begin() + kept, padding.axes.end());
  padding.from = Shape(x.shape().dims().first(static_cast<std::size_t>(kept)));
  const Tensor value = pad_value(ctx);
  padding.value = static_cast<const std::byte*>(value.raw());
  padding.x = static_cast<const std::byte*>(x.raw());
  padding.y = static_cast<std::byte*>(y.raw());
  const std::int64_t row_bytes = padding.axes.back().size() * padding.block;
  ctx.threads().parallel_for(shape.elements(0, kept - 1), std::max<std::int64_t>(1, 65536 / row_bytes),
                             [&](std::int64_t begin, std::int64_t end) {
                               for (std::int64_t i = begin; i < end; ++i) padding.row(i);
                             });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  using Values = std::initializer_list<std::int64_t>;
  const auto add = [&](const char* mode, const Shape& shape, Values pads, DType dtype = DType::f32) {
    Sample sample{
        .attributes = {}, .inputs = {random_tensor(random, dtype, shape, -9, 9), int64_tensor(pads)}, .opset = 19};
    sample.attributes.set("mode", std::string(mode));
    out.push_back(sample);
  };
  for (const char* mode : {"constant", "reflect", "edge", "wrap"}) {
    add(mode, {3, 4}, {1, 2, 0, 3});
    add(mode, {1, 2, 5, 4}, {0, 0, 2, 1, 0, 0, -1, 1}, DType::u8);
    add(mode, {2, 5, 5, 3}, {0, 1, 2, 0, 0, 2, 1, 0}, DType::f16);
    add(mode, {4}, {-1, -2}, DType::i64);
  }
  add("constant", {4, 5}, {0, 0, 0, -1});
  add("edge", {4, 5}, {-1, 0, 0, 0});
  add("reflect", {5}, {-2, 1});
  add("constant", {3, 2}, {-5, 0, 4, 0});
  add("constant", {0, 2}, {1, 0, 1, 0});
  add("constant", {}, {});
  out[0].inputs.push_back(Tensor::scalar(7.0f));
  out.push_back(
      {.attributes = {},
       .inputs = {random_tensor(random, DType::f32, {2, 3, 4}), int64_tensor({1, 2}), Tensor(), int64_tensor({-1})},
       .opset = 18});
  Sample old{.attributes = {}, .inputs = {random_tensor(random, DType::f32, {2, 3})}, .opset = 10};
  old.attributes.set("pads", std::vector<std::int64_t>{0, 1, 2, 0});
  old.attributes.set("value", 1.5f);
  out.push_back(old);
  return out;
}

// A border of constants is cropped again; what other modes repeat adds up where it came from.
void gradient(GradientContext& ctx) {
  const bool old = ctx.opset() < kPadsAreInput;
  const Tensor* given = old ? nullptr : ctx.constant(ctx.input(1));
  const auto pads = old ? ctx.attributes().integers("pads") : given ? given->to_int64() : std::vector<std::int64_t>{-1};
  const bool grows = std::all_of(pads.begin(), pads.end(), [](std::int64_t p) { return p >= 0; });
  if (ctx.attributes().text("mode", "constant") == "constant" && grows) {
    std::vector<std::int64_t> back;
    for (const std::int64_t p : pads) back.push_back(-p);
    Attributes form;
    if (old) form.set("pads", back);
    std::vector<ValueId> inputs{ctx.output_gradient()};
    if (!old) inputs.insert(inputs.end(), {ctx.integers(back), kNoValue, ctx.input(3)});
    const ValueId dx = ctx.emit("Pad", inputs, form);
    ctx.set(0, dx);
    if (ctx.wants(2))
      ctx.set_sum(2, ctx.sub(ctx.sum_to(ctx.output_gradient(), ctx.input(2)), ctx.sum_to(dx, ctx.input(2))));
    return;
  }
  if (ctx.wants(2)) throw ctx.error("the value of a Pad that crops has no gradient");
  Node node = ctx.node();
  node.attributes.erase("value");
  if (node.inputs.size() > 2) node.inputs[2] = kNoValue;
  gradient_by_movement_of(ctx, node);
}

}  // namespace

bool pads_with_constant(const Node& node) {
  return node.op_type == "Pad" && node.attributes.text("mode", "constant") == "constant";
}

bool pads_with_a_number(const Graph& graph, const Node& node) {
  if (!pads_with_constant(node) || node.inputs.size() < 3 || node.inputs[2] == kNoValue) return false;
  const Tensor* number = graph.initializer(node.inputs[2]);
  return number == nullptr || number->to_double() != std::vector<double>{0};
}

Rows pad() {
  return {{
      .name = "Pad",
      .since = 2,
      .inputs = {1, 4},
      .attributes = {"mode", "pads", "value"},
      .infer = infer,
      .eval = eval,
      .gradient = gradient,
      .quant = {.kind = QuantRule::Kind::pass_through},
      .samples = samples,
  }};
}

}  // namespace octet::ops
