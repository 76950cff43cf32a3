#include "octet/runtime/passes/layout.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "octet/runtime/passes/qdq.h"

namespace octet::runtime {
namespace {

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& sorted, const std::string& name) {
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

// Elementwise on input 0; other inputs are scalars.
constexpr std::array<std::string_view, 29> kUnary = {
    "Abs",      "Cast",      "Ceil",    "Clip",  "Cos",      "DequantizeLinear", "Dropout",
    "Elu",      "Erf",       "Exp",     "Floor", "Gelu",     "HardSigmoid",      "HardSwish",
    "Identity", "LeakyRelu", "Log",     "Mish",  "Neg",      "QuantizeLinear",   "Relu",
    "Round",    "Selu",      "Sigmoid", "Silu",  "Softplus", "Softsign",         "Sqrt",
    "Tanh"};
constexpr std::array<std::string_view, 3> kRuntimeUnary = {"Dequantize", "Lookup", "Quantize"};
constexpr std::array<std::string_view, 10> kBroadcast = {"Add", "Div",   "Max", "Mean", "Min",
                                                         "Mul", "PRelu", "Pow", "Sub",  "Sum"};
constexpr std::array<std::string_view, 3> kRuntimeBroadcast = {"QAdd", "QMul", "QSub"};
constexpr std::array<std::string_view, 5> kReduce = {"ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum"};

constexpr std::array<std::string_view, 20> kGradients = {
    "AbsGrad",       "CeluGrad",      "ClipGrad",     "EluGrad",  "ErfGrad",  "GeluGrad",           "HardSigmoidGrad",
    "HardSwishGrad", "LeakyReluGrad", "MishGrad",     "ReluGrad", "SeluGrad", "ShrinkGrad",         "SigmoidGrad",
    "SiluGrad",      "SoftplusGrad",  "SoftsignGrad", "SqrtGrad", "TanhGrad", "ThresholdedReluGrad"};

constexpr std::array<std::string_view, 4> kFakeQuants = {"FakeQuant", "FakeQuantGrad", "LearnedFakeQuantGrad",
                                                         "ObservedFakeQuant"};

int rank_of(const Graph& graph, ValueId id) {
  const auto& shape = graph.value(id).type.shape;
  return shape ? static_cast<int>(shape->size()) : -1;
}

const Tensor* constant_at(const Graph& graph, const Node& node, std::size_t slot) {
  return slot < node.inputs.size() && node.inputs[slot] != kNoValue ? graph.initializer(node.inputs[slot]) : nullptr;
}

bool given(const Node& node, std::size_t slot) { return slot < node.inputs.size() && node.inputs[slot] != kNoValue; }

// A small constant as [1, ..., dims] of `rank`, transposed to channels-last.
Tensor turned_constant(const Tensor& tensor, int rank) {
  Shape full;
  for (int i = tensor.rank(); i < rank; ++i) full.push_back(1);
  for (int i = 0; i < tensor.rank(); ++i) full.push_back(tensor.dim(i));
  const std::vector<std::int64_t> perm = to_last(rank);
  Node node;
  node.op_type = "Transpose";
  node.outputs = {0};
  node.attributes.set("perm", perm);
  ThreadPool one(1);
  return ops::evaluate(*ops::find("Transpose", "", 13), node, 13, {tensor.reshaped(full)}, one)[0];
}

std::optional<Turned> turn_unary(const Graph& graph, const Node& node) {
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (!given(node, i) || (node.domain == kDomain && i == 1)) continue;  // a Lookup's table has no axes
    const Tensor* other = graph.initializer(node.inputs[i]);
    if (other == nullptr || other->elements() != 1) return std::nullopt;
  }
  return Turned{node, {0}};
}

std::optional<Turned> turn_broadcast(Graph& graph, const Node& node) {
  Turned out{node, {}};
  const int rank = rank_of(graph, node.outputs[0]);
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.inputs[i];
    const Tensor* constant = graph.initializer(id);
    if (constant != nullptr && constant->elements() == 1) continue;
    if (constant != nullptr && constant->rank() <= rank) {
      out.node.inputs[i] = add_constant(graph, graph.value(id).name + "_nhwc", turned_constant(*constant, rank));
      continue;
    }
    if (rank_of(graph, id) == 0) continue;
    if (rank_of(graph, id) != rank) return std::nullopt;
    out.images.push_back(static_cast<int>(i));
  }
  return out;
}

std::optional<Turned> turn_axis(const Graph& graph, const Node& node, std::int64_t fallback) {
  const int rank = rank_of(graph, node.inputs[0]);
  Turned out{node, {}};
  const int axis = normalize_axis(node.attributes.integer("axis", fallback), rank);
  out.node.attributes.set("axis", axis_in_last(axis, rank));
  const std::size_t images = node.op_type == "Concat" ? node.inputs.size() : 1;
  for (std::size_t i = 0; i < images; ++i) {
    if (rank_of(graph, node.inputs[i]) != rank) return std::nullopt;
    out.images.push_back(static_cast<int>(i));
  }
  return out;
}

std::optional<Turned> turn_reduce(Graph& graph, const Node& node) {
  const int rank = rank_of(graph, node.inputs[0]);
  const bool as_input = given(node, 1);
  const Tensor* held = constant_at(graph, node, 1);
  if (rank < 3 || node.attributes.integer("keepdims", 1) == 0 || (as_input && held == nullptr)) return std::nullopt;
  std::vector<std::int64_t> axes = as_input ? held->to_int64() : node.attributes.integers("axes");
  for (std::int64_t& axis : axes) axis = axis_in_last(normalize_axis(axis, rank), rank);
  Turned out{node, {0}};
  if (as_input) {
    out.node.inputs[1] =
        add_constant(graph, "axes", Tensor::from<std::int64_t>({static_cast<std::int64_t>(axes.size())}, axes));
  } else if (!axes.empty()) {
    out.node.attributes.set("axes", axes);
  }
  return out;
}

std::optional<Turned> turn_pad(Graph& graph, const Node& node) {
  const int rank = rank_of(graph, node.inputs[0]);
  if (rank < 3 || given(node, 3)) return std::nullopt;
  const bool as_input = given(node, 1);
  const Tensor* held = constant_at(graph, node, 1);
  if (as_input && held == nullptr) return std::nullopt;
  const std::vector<std::int64_t> pads = as_input ? held->to_int64() : node.attributes.integers("pads");
  if (pads.size() != 2 * static_cast<std::size_t>(rank)) return std::nullopt;
  std::vector<std::int64_t> turned(pads.size());
  for (int axis = 0; axis < rank; ++axis) {
    const auto to = static_cast<std::size_t>(axis_in_last(axis, rank)), from = static_cast<std::size_t>(axis);
    turned[to] = pads[from];
    turned[to + static_cast<std::size_t>(rank)] = pads[from + static_cast<std::size_t>(rank)];
  }
  Turned out{node, {0}};
  if (as_input) {
    out.node.inputs[1] = add_constant(graph, "pads", Tensor::from<std::int64_t>({2 * rank}, turned));
  } else {
    out.node.attributes.set("pads", turned);
  }
  return out;
}

std::optional<Turned> turn_slice(Graph& graph, const Node& node) {
  const int rank = rank_of(graph, node.inputs[0]);
  const bool as_input = node.inputs.size() > 1;
  const Tensor *starts = constant_at(graph, node, 1), *held = constant_at(graph, node, 3);
  if (rank < 3 || (as_input && starts == nullptr) || (given(node, 3) && held == nullptr)) return std::nullopt;
  std::vector<std::int64_t> axes = held != nullptr ? held->to_int64() : node.attributes.integers("axes");
  const std::size_t count =
      as_input ? static_cast<std::size_t>(starts->elements()) : node.attributes.integers("starts").size();
  for (std::size_t i = axes.size(); i < count; ++i) axes.push_back(static_cast<std::int64_t>(i));
  for (std::int64_t& axis : axes) axis = axis_in_last(normalize_axis(axis, rank), rank);
  Turned out{node, {0}};
  if (as_input) {
    out.node.inputs.resize(std::max<std::size_t>(4, node.inputs.size()), kNoValue);
    out.node.inputs[3] =
        add_constant(graph, "axes", Tensor::from<std::int64_t>({static_cast<std::int64_t>(axes.size())}, axes));
  } else {
    out.node.attributes.set("axes", axes);
  }
  return out;
}

// Gradients of elementwise functions: v and dy of one shape.
std::optional<Turned> turn_gradient(const Graph& graph, const Node& node) {
  const auto &v = graph.value(node.inputs[0]).type.shape, &dy = graph.value(node.inputs[1]).type.shape;
  if (!v || !dy || !(*v == *dy)) return std::nullopt;
  return Turned{node, {0, 1}};
}

// A constant shape in input `slot`, in the new order; kNoValue where it is not constant.
ValueId turned_shape(Graph& graph, const Node& node, std::size_t slot) {
  const Tensor* held = constant_at(graph, node, slot);
  if (held == nullptr) return kNoValue;
  const std::vector<std::int64_t> dims = held->to_int64();
  std::vector<std::int64_t> turned;
  for (const std::int64_t axis : to_last(static_cast<int>(dims.size()))) {
    turned.push_back(dims[static_cast<std::size_t>(axis)]);
  }
  const auto rank = static_cast<std::int64_t>(turned.size());
  return add_constant(graph, "shape", Tensor::from<std::int64_t>({rank}, std::span<const std::int64_t>(turned)));
}

std::optional<Turned> turn_split_like(Graph& graph, const Node& node) {
  const int rank = rank_of(graph, node.inputs[0]);
  Turned out{node, {0}};
  out.node.attributes.set("axis", axis_in_last(normalize_axis(node.attributes.integer("axis"), rank), rank));
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    out.node.inputs[i] = turned_shape(graph, node, i);
    if (out.node.inputs[i] == kNoValue) return std::nullopt;
  }
  return out;
}

// SliceGrad(dy, shape, starts, ends, axes, steps)
std::optional<Turned> turn_slice_gradient(Graph& graph, const Node& node) {
  const int rank = rank_of(graph, node.inputs[0]);
  const Tensor *starts = constant_at(graph, node, 2), *held = constant_at(graph, node, 4);
  if (rank < 3 || starts == nullptr || (given(node, 4) && held == nullptr)) return std::nullopt;
  Turned out{node, {0}};
  out.node.inputs[1] = turned_shape(graph, node, 1);
  if (out.node.inputs[1] == kNoValue) return std::nullopt;
  std::vector<std::int64_t> axes = held != nullptr ? held->to_int64() : std::vector<std::int64_t>{};
  for (std::int64_t i = static_cast<std::int64_t>(axes.size()); i < starts->elements(); ++i) axes.push_back(i);
  for (std::int64_t& axis : axes) axis = axis_in_last(normalize_axis(axis, rank), rank);
  out.node.inputs.resize(std::max<std::size_t>(5, node.inputs.size()), kNoValue);
  out.node.inputs[4] =
      add_constant(graph, "axes", Tensor::from<std::int64_t>({static_cast<std::int64_t>(axes.size())}, axes));
  return out;
}

// Fake quantization, and its gradients of dy and x: the image first, ranges or scales and what is told of them behind.
std::optional<Turned> turn_fake_quant(const Graph& graph, const Node& node) {
  const int rank = rank_of(graph, node.inputs[0]);
  if (rank < 3) return std::nullopt;
  const bool gradient = node.op_type == "FakeQuantGrad" || node.op_type == "LearnedFakeQuantGrad";
  Turned out{node, gradient ? std::vector<int>{0, 1} : std::vector<int>{0}, 1};
  if (node.attributes.has("axis")) {
    const int axis = normalize_axis(node.attributes.integer("axis"), rank);
    out.node.attributes.set("axis", axis_in_last(axis, rank));
  }
  return out;
}

std::optional<Turned> turn_own(Graph& graph, const Node& node) {
  if (node.op_type == "SplitLike") return turn_split_like(graph, node);
  if (node.op_type == "SliceGrad") return turn_slice_gradient(graph, node);
  if (is_one_of(kGradients, node.op_type)) return turn_gradient(graph, node);
  if (is_one_of(kFakeQuants, node.op_type)) return turn_fake_quant(graph, node);
  return std::nullopt;
}

}  // namespace

std::vector<std::int64_t> to_last(int rank) {
  std::vector<std::int64_t> perm{0};
  for (int i = 2; i < rank; ++i) perm.push_back(i);
  perm.push_back(1);
  return perm;
}

std::vector<std::int64_t> to_first(int rank) {
  std::vector<std::int64_t> perm{0, rank - 1};
  for (int i = 1; i + 1 < rank; ++i) perm.push_back(i);
  return perm;
}

std::int64_t axis_in_last(std::int64_t axis, int rank) { return axis == 0 ? 0 : axis == 1 ? rank - 1 : axis - 1; }

SymbolicShape permuted(const SymbolicShape& shape, const std::vector<std::int64_t>& perm) {
  SymbolicShape out;
  for (const std::int64_t axis : perm) out.push_back(shape[static_cast<std::size_t>(axis)]);
  return out;
}

std::optional<Turned> turn(Graph& graph, const Node& node) {
  const bool runtime = node.domain == kDomain;
  if (node.inputs.empty() || node.inputs[0] == kNoValue || node.outputs[0] == kNoValue) return std::nullopt;
  if (runtime ? is_one_of(kRuntimeUnary, node.op_type) : is_one_of(kUnary, node.op_type))
    return turn_unary(graph, node);
  if (runtime ? is_one_of(kRuntimeBroadcast, node.op_type) : is_one_of(kBroadcast, node.op_type))
    return turn_broadcast(graph, node);
  if (node.domain == "octet") return turn_own(graph, node);
  if (runtime || !node.domain.empty()) return std::nullopt;
  if (is_one_of(kReduce, node.op_type)) return turn_reduce(graph, node);
  if (node.op_type == "Pad") return turn_pad(graph, node);
  if (node.op_type == "Slice") return turn_slice(graph, node);
  if (node.op_type == "Concat") return turn_axis(graph, node, 0);
  if (node.op_type == "Split") return turn_axis(graph, node, 0);
  // Below opset 13, the axis of Softmax means: flatten from here on.
  if (node.op_type == "Softmax" && graph.opset() >= 13) return turn_axis(graph, node, -1);
  return std::nullopt;
}

}  // namespace octet::runtime
