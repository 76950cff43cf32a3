// The operator itself says what it does: it is run once on the numbers 0, 1, 2, ... in place of its input, and the
// answer read as strides. What is not a box of strided elements is left to the operator.
#include "octet/runtime/ops/prepared_move.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "octet/kernels/layout/layout.h"
#include "octet/ops/strided_copy.h"

namespace octet::runtime {
namespace {

constexpr std::int64_t kMostElements = std::int64_t{1} << 24;
constexpr std::int64_t kOutside = -1;

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& sorted, const std::string& name) {
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

// A box of one output, filled from strided elements of input `slot`.
struct Box {
  int slot = 0, output = 0;
  std::int64_t from = 0, to = 0;  ///< first element
  std::array<std::int64_t, Shape::kMaxRank> dims{}, from_stride{}, to_stride{};
  int rank = 0;
};

// The box of those outputs that come from somewhere; nothing when they are no box or not strided.
std::optional<Box> find_box(const Tensor& map) {
  const auto* source = map.data<std::int64_t>();
  const auto strides = ops::strides_of(map.shape());
  Box box{.rank = map.rank()};
  const std::int64_t count = map.elements();
  std::int64_t first = 0, inside = 0;
  while (first < count && source[first] == kOutside) ++first;
  for (std::int64_t i = 0; i < count; ++i) inside += source[i] != kOutside;
  if (inside == 0) return std::nullopt;
  box.from = source[first];
  box.to = first;
  std::int64_t volume = 1, rest = first;
  for (int i = 0; i < box.rank; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::int64_t begin = rest / strides[at], step = strides[at];
    rest %= strides[at];
    std::int64_t end = begin + 1;
    while (end < map.dim(i) && source[first + (end - begin) * step] != kOutside) ++end;
    box.dims[at] = end - begin;
    box.to_stride[at] = step;
    box.from_stride[at] = box.dims[at] > 1 ? source[first + step] - box.from : 0;
    volume *= box.dims[at];
  }
  return volume == inside ? std::optional(box) : std::nullopt;
}

bool holds(const Box& box, const Tensor& map) {
  const auto* source = map.data<std::int64_t>();
  std::array<std::int64_t, Shape::kMaxRank> at{};
  std::int64_t from = box.from, to = box.to;
  for (;;) {
    if (source[to] != from) return false;
    int i = box.rank - 1;
    for (; i >= 0; --i) {
      const auto k = static_cast<std::size_t>(i);
      from += box.from_stride[k];
      to += box.to_stride[k];
      if (++at[k] < box.dims[k]) break;
      from -= at[k] * box.from_stride[k];
      to -= at[k] * box.to_stride[k];
      at[k] = 0;
    }
    if (i < 0) return true;
  }
}

class MoveStep : public PreparedStep {
 public:
  MoveStep(const PrepareContext& ctx, std::vector<Box> boxes, std::optional<Tensor> padding)
      : boxes_(std::move(boxes)), padding_(std::move(padding)) {
    for (const auto& shape : ctx.outputs) shapes_.push_back(shape ? *shape : Shape{});
    for (const Box& box : boxes_) {
      ops::StridedCopy copy;
      for (std::size_t i = 0; i < static_cast<std::size_t>(box.rank); ++i)
        copy.add(box.dims[i], box.from_stride[i], box.to_stride[i]);
      copies_.push_back(copy);
    }
    find_transpose();
  }

  void run(EvalContext& ctx) const override {
    if (padding_) fill(ctx);
    for (std::size_t i = 0; i < boxes_.size(); ++i) {
      const Box& box = boxes_[i];
      const Tensor& x = ctx.input(box.slot);
      Tensor& y = ctx.output(box.output, x.dtype(), shapes_[static_cast<std::size_t>(box.output)]);
      const auto item = static_cast<std::int64_t>(size_of(x.dtype()));
      if (transpose_ && (item == 1 || item == 4)) {
        (item == 1 ? kernels::transpose_bytes : kernels::transpose_words)(*transpose_, x.raw(), y.raw(), ctx.threads());
        continue;
      }
      copies_[i].run(ctx.threads(), static_cast<std::size_t>(item),
                     static_cast<const std::byte*>(x.raw()) + box.from * item,
                     static_cast<std::byte*>(y.raw()) + box.to * item);
    }
  }

  std::string kernel() const override { return transpose_ ? "transpose" : "strided_copy"; }

 private:
  // All of the output gets the value; the box is written over it.
  void fill(EvalContext& ctx) const {
    Tensor& y = ctx.output(0, padding_->dtype(), shapes_[0]);
    const std::size_t item = size_of(padding_->dtype());
    auto* out = static_cast<std::byte*>(y.raw());
    const auto* value = static_cast<const std::byte*>(padding_->raw());
    if (std::all_of(value, value + item, [&](std::byte b) { return b == value[0]; })) {
      std::memset(out, static_cast<int>(value[0]), y.bytes());
    } else {
      for (std::int64_t i = 0; i < y.elements(); ++i)
        std::memcpy(out + static_cast<std::size_t>(i) * item, value, item);
    }
  }

  // A dense input read as [batch][rows][columns] and written as [batch][columns][rows].
  void find_transpose() {
    if (boxes_.size() != 1 || boxes_[0].from != 0 || boxes_[0].to != 0 || padding_) return;
    // Axes of the output merged where they stay neighbours in the input, outermost first.
    struct Axis {
      std::int64_t dim, from;
    };
    std::vector<Axis> axes;
    const Box& box = boxes_[0];
    for (std::size_t i = 0; i < static_cast<std::size_t>(box.rank); ++i) {
      if (box.dims[i] == 1) continue;
      if (!axes.empty() && axes.back().from == box.from_stride[i] * box.dims[i]) {
        axes.back() = {axes.back().dim * box.dims[i], box.from_stride[i]};
      } else {
        axes.push_back({box.dims[i], box.from_stride[i]});
      }
    }
    if (axes.size() == 2) axes.insert(axes.begin(), {1, axes[0].dim * axes[1].dim});
    if (axes.size() != 3 || axes[1].from != 1 || axes[2].from != axes[1].dim ||
        axes[0].from != axes[1].dim * axes[2].dim)
      return;
    transpose_ = kernels::TransposeShape{.batch = axes[0].dim, .rows = axes[2].dim, .columns = axes[1].dim};
  }

  std::vector<Box> boxes_;
  std::vector<ops::StridedCopy> copies_;
  std::vector<Shape> shapes_;
  std::optional<Tensor> padding_;
  std::optional<kernels::TransposeShape> transpose_;
};

bool all_known(const PrepareContext& ctx, std::size_t inputs) {
  for (std::size_t i = 0; i < inputs; ++i) {
    if (!ctx.inputs[i] || ctx.inputs[i]->elements() == 0 || ctx.inputs[i]->elements() > kMostElements) return false;
  }
  return std::all_of(ctx.outputs.begin(), ctx.outputs.end(), [](const auto& shape) {
    return shape && shape->elements() != 0 && shape->elements() <= kMostElements;
  });
}

std::unique_ptr<PreparedStep> prepare_concat(const PrepareContext& ctx) {
  if (!all_known(ctx, ctx.inputs.size())) return nullptr;
  const Shape& out = *ctx.outputs[0];
  const int axis = normalize_axis(ctx.node.attributes.integer("axis"), out.rank());
  const auto to = ops::strides_of(out);
  std::vector<Box> boxes;
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < ctx.inputs.size(); ++i) {
    const Shape& part = *ctx.inputs[i];
    Box box{.slot = static_cast<int>(i), .to = begin * to[static_cast<std::size_t>(axis)], .rank = out.rank()};
    std::copy_n(part.begin(), part.rank(), box.dims.begin());
    box.from_stride = ops::strides_of(part);
    box.to_stride = to;
    begin += part[axis];
    boxes.push_back(box);
  }
  return std::make_unique<MoveStep>(ctx, std::move(boxes), std::nullopt);
}

// The value of a constant Pad, in the type of the data; nothing for other modes, or a value not known.
std::optional<Tensor> pad_value(const PrepareContext& ctx) {
  if (ctx.node.attributes.text("mode", "constant") != "constant") return std::nullopt;
  const bool given = ctx.node.inputs.size() > 2 && ctx.node.inputs[2] != kNoValue;
  if (!given) return Tensor::scalar(ctx.node.attributes.real("value", 0)).cast(ctx.input_types[0]);
  return ctx.constants[2] == nullptr ? std::nullopt : std::optional(ctx.constants[2]->cast(ctx.input_types[0]));
}

// Runs the node on 0, 1, 2, ...; padding gives kOutside.
std::vector<Tensor> probe(const PrepareContext& ctx, bool pads) {
  Node node = ctx.node;
  std::vector<Tensor> inputs;
  for (const Tensor* constant : ctx.constants) inputs.push_back(constant == nullptr ? Tensor() : *constant);
  inputs[0] = Tensor(DType::i64, *ctx.inputs[0]);
  for (std::int64_t i = 0; i < inputs[0].elements(); ++i) inputs[0].data<std::int64_t>()[i] = i;
  if (pads && ctx.opset >= 11) {
    inputs.resize(std::max<std::size_t>(inputs.size(), 3));
    node.inputs.resize(inputs.size(), kNoValue);
    inputs[2] = Tensor::scalar(kOutside);
  } else if (pads) {
    node.attributes.set("value", static_cast<float>(kOutside));
  }
  ThreadPool one(1);
  return ops::evaluate(*ops::find(node.op_type, node.domain, ctx.opset), node, ctx.opset, inputs, one);
}

std::unique_ptr<PreparedStep> prepare_by_probing(const PrepareContext& ctx) {
  if (!all_known(ctx, 1)) return nullptr;
  for (std::size_t i = 1; i < ctx.node.inputs.size(); ++i) {
    if (ctx.node.inputs[i] != kNoValue && ctx.constants[i] == nullptr) return nullptr;
  }
  const bool pads = ctx.node.op_type == "Pad";
  std::optional<Tensor> padding = pads ? pad_value(ctx) : std::nullopt;
  if (pads && !padding) return nullptr;
  const std::vector<Tensor> maps = probe(ctx, pads);
  std::vector<Box> boxes;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    auto box = find_box(maps[i]);
    if (!box || !holds(*box, maps[i])) return nullptr;
    box->output = static_cast<int>(i);
    boxes.push_back(*box);
  }
  return std::make_unique<MoveStep>(ctx, std::move(boxes), std::move(padding));
}

}  // namespace

std::unique_ptr<PreparedStep> prepare_move(const PrepareContext& ctx) {
  static constexpr std::array<std::string_view, 5> kProbed = {"Expand", "Pad", "Slice", "Split", "Transpose"};
  const bool stored = !ctx.input_types.empty() && size_of(ctx.input_types[0]) != 0;
  if (!ctx.node.domain.empty() || !stored || ctx.constants[0] != nullptr) return nullptr;
  if (ctx.node.op_type == "Concat") return prepare_concat(ctx);
  return is_one_of(kProbed, ctx.node.op_type) ? prepare_by_probing(ctx) : nullptr;
}

}  // namespace octet::runtime
