#include "octet/runtime/batch.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "octet/runtime/runtime_op.h"
#include "octet/runtime/step_info.h"

namespace octet::runtime {
namespace {

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& sorted, const std::string& name) {
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

// Operators of one image, sequence or matrix of rows at a time. A residual has the output's shape.
constexpr std::array<std::string_view, 13> kBySample = {
    "AveragePool", "Conv",    "Dequantize", "DynamicConv", "DynamicLinear", "LayerNormQuantize", "Linear",
    "Lookup",      "MaxPool", "QConv",      "QLinear",     "Quantize",      "QuantizeRows"};
// Elementwise: outputs come from the same place of every operand, broadcast.
constexpr std::array<std::string_view, 40> kElementwise = {
    "Abs",  "Add",        "And",   "Cast",    "Ceil",    "Clip",        "Cos",       "Div",      "Elu",       "Equal",
    "Erf",  "Exp",        "Floor", "Gelu",    "Greater", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Less",
    "Log",  "Max",        "Min",   "Mul",     "Neg",     "Not",         "Or",        "Pow",      "QAdd",      "QMul",
    "QSub", "Reciprocal", "Relu",  "Sigmoid", "Silu",    "Sin",         "Sqrt",      "Sub",      "Tanh",      "Where"};
constexpr std::int64_t kMostTogether = 4;  // samples
constexpr std::int64_t kWeightShare = 4;   // of the largest activations of samples that run together
constexpr std::int64_t kEnoughRows = 24;   // of a product, for its weights to be worth reading again for each sample

class Independence {
 public:
  Independence(const Graph& graph, std::int64_t batch)
      : graph_(graph), batch_(batch), batched_(graph.value_count(), false) {}

  bool holds() {
    for (const ValueId id : graph_.inputs) {
      if (!leads(id)) return false;
      batched_[at(id)] = true;
    }
    for (const Node& node : graph_.nodes) {
      if (!visit(node)) return false;
    }
    return !graph_.inputs.empty() &&
           std::all_of(graph_.outputs.begin(), graph_.outputs.end(), [&](ValueId id) { return batched_[at(id)]; });
  }

 private:
  static std::size_t at(ValueId id) { return static_cast<std::size_t>(id); }

  std::optional<Shape> shape(ValueId id) const {
    const auto& symbolic = graph_.value(id).type.shape;
    return symbolic ? static_shape(*symbolic) : std::nullopt;
  }
  bool leads(ValueId id) const {
    const auto s = shape(id);
    return s && s->rank() > 0 && (*s)[0] == batch_;
  }
  bool batched(ValueId id) const { return id != kNoValue && batched_[at(id)]; }

  // What no input reaches may be anything.
  bool visit(const Node& node) {
    const bool reached = std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return batched(id); });
    if (!subgraphs(node).empty()) return false;
    if (!reached) return true;
    if (!keeps_samples(node)) return false;
    for (const ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      if (!leads(id)) return false;
      batched_[at(id)] = true;
    }
    return true;
  }

  bool keeps_samples(const Node& node) const {
    const std::string& op = node.op_type;
    const Attributes& a = node.attributes;
    const bool ours = node.domain == kDomain;
    if (ours && is_one_of(kBySample, op)) return a.integer("per_tensor", 0) == 0 && only_leading_inputs(node);
    if (ours && op == "MaskedSoftmax") return broadcasts(node) && shape(node.outputs[0])->rank() > 1;
    if (ours && (op == "Attention" || op == "MatMul" || op == "QMatMul")) return keeps_matrices(node);
    if (ours && op == "EmbeddingSum") return sums_rows(node);
    if (ours && op == "Embedding") return !batched(node.inputs[0]) && !batched(node.inputs[1]);
    if (is_one_of(kElementwise, op)) return broadcasts(node);
    if (!node.domain.empty()) return false;
    const int rank = batched(node.inputs[0]) ? shape(node.inputs[0])->rank() : 0;
    const auto axis = [&](std::int64_t fallback) {
      const std::int64_t given = a.integer("axis", fallback);
      return given < 0 ? given + rank : given;
    };
    if (op == "Softmax" || op == "LogSoftmax") return rank > 0 && axis(graph_.opset() >= 13 ? -1 : 1) > 0;
    if (op == "LayerNormalization") return rank > 0 && axis(-1) > 0 && !batched_beyond_first(node);
    if (op == "Reshape" || op == "Flatten" || op == "Squeeze" || op == "Unsqueeze") return rank > 0;
    if (op == "Transpose") return keeps_first(a.integers("perm"));
    if (op == "Concat") return rank > 0 && axis(0) > 0 && all_batched(node);
    if (op == "Slice") return leaves_first(node, 3, "axes");
    if (op == "Pad") return pads_no_sample(node, rank);
    if (op == "Gather") return !batched(node.inputs[0]) && axis_of_table(node) == 0;
    return false;
  }

  bool all_batched(const Node& node) const {
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return batched(id); });
  }
  bool batched_beyond_first(const Node& node) const {
    return std::any_of(node.inputs.begin() + 1, node.inputs.end(), [&](ValueId id) { return batched(id); });
  }
  // Inputs are constants, or go with the output sample by sample.
  bool only_leading_inputs(const Node& node) const {
    return batched(node.inputs[0]) && std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
             return id == kNoValue || batched(id) || graph_.initializer(id) != nullptr;
           });
  }

  // Slice along constant axes, 0 not among them.
  bool leaves_first(const Node& node, std::size_t slot, const char* attribute) const {
    if (!batched(node.inputs[0])) return false;
    std::vector<std::int64_t> axes = node.attributes.integers(attribute);
    if (axes.empty()) {
      const bool given = slot < node.inputs.size() && node.inputs[slot] != kNoValue;
      const Tensor* constant = given ? graph_.initializer(node.inputs[slot]) : nullptr;
      if (constant == nullptr) return false;
      axes = constant->to_int64();
    }
    const int rank = shape(node.inputs[0])->rank();
    return std::none_of(axes.begin(), axes.end(), [rank](std::int64_t a) { return a == 0 || a == -rank; });
  }
  bool pads_no_sample(const Node& node, int rank) const {
    const Tensor* constant =
        node.inputs.size() > 1 && node.inputs[1] != kNoValue ? graph_.initializer(node.inputs[1]) : nullptr;
    const auto pads = constant != nullptr ? constant->to_int64() : node.attributes.integers("pads");
    const bool all_axes = node.inputs.size() < 4 && pads.size() == 2 * static_cast<std::size_t>(rank);
    return rank > 0 && all_axes && pads[0] == 0 && pads[static_cast<std::size_t>(rank)] == 0;
  }

  static bool keeps_first(const std::vector<std::int64_t>& perm) { return !perm.empty() && perm[0] == 0; }

  // Products of matrices of the same sample; rows of the batch must not be the rows of the matrix.
  bool keeps_matrices(const Node& node) const {
    for (const char* perm : {"a_perm", "b_perm", "q_perm", "k_perm", "v_perm", "y_perm"}) {
      if (node.attributes.has(perm) && !keeps_first(node.attributes.integers(perm))) return false;
    }
    const auto out = shape(node.outputs[0]);
    return out && out->rank() > 2 && same_place(node, out->rank());
  }
  bool broadcasts(const Node& node) const {
    const auto out = shape(node.outputs[0]);
    return out && same_place(node, out->rank());
  }
  // Operands of the batch have all dimensions of the output; others have none in its first place.
  bool same_place(const Node& node, int rank) const {
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
      const auto s = id == kNoValue ? std::nullopt : shape(id);
      if (!s) return id == kNoValue;
      return batched(id) ? s->rank() == rank : s->rank() < rank || (*s)[0] == 1;
    });
  }
  // Terms in threes: table, scale, indices. Those of no input have no sample of their own.
  bool sums_rows(const Node& node) const {
    const int rank = shape(node.outputs[0])->rank();
    for (std::size_t i = 0; i < node.inputs.size(); i += 3) {
      const bool indexed = i + 2 < node.inputs.size() && node.inputs[i + 2] != kNoValue;
      const ValueId rows = node.inputs[indexed ? i + 2 : i];
      const auto s = shape(rows);
      if (!s || (indexed && batched(node.inputs[i]))) return false;
      const int lacking = rank - s->rank() - (indexed ? 1 : 0);
      if (batched(rows) ? lacking != 0 : lacking == 0 && (*s)[0] != 1) return false;
    }
    return true;
  }
  std::int64_t axis_of_table(const Node& node) const { return node.attributes.integer("axis", 0); }

  const Graph& graph_;
  std::int64_t batch_;
  std::vector<bool> batched_;
};

}  // namespace

bool samples_are_independent(const Graph& lowered, std::int64_t batch) { return Independence(lowered, batch).holds(); }

bool is_worth_running_by_sample(const Graph& lowered) {
  std::int64_t all = 0, few = 0;
  for (const Node& node : lowered.nodes) {
    const std::int64_t macs = count_macs(lowered, node);
    const Tensor* w =
        node.inputs.size() > 1 && node.inputs[1] != kNoValue ? lowered.initializer(node.inputs[1]) : nullptr;
    all += macs;
    if (w != nullptr && macs < kEnoughRows * w->elements()) few += macs;
  }
  return all > 0 && few * 20 <= all;
}

std::int64_t samples_together(const Graph& one, std::int64_t batch, int threads) {
  std::int64_t weights = 0, largest = 0;
  for (const Node& node : one.nodes) {
    const ValueId id = node.inputs.size() > 1 ? node.inputs[1] : kNoValue;
    const Tensor* w = id == kNoValue ? nullptr : one.initializer(id);
    if (w != nullptr && count_macs(one, node) > 0) weights += static_cast<std::int64_t>(w->bytes());
    for (const ValueId y : node.outputs) {
      const auto& type = one.value(y == kNoValue ? node.outputs[0] : y).type;
      const auto shape = type.shape ? static_shape(*type.shape) : std::nullopt;
      if (shape) largest = std::max(largest, shape->elements() * static_cast<std::int64_t>(size_of(type.dtype)));
    }
  }
  std::int64_t together = kMostTogether;
  while (together > 1 && (batch % (together * threads) != 0 || together * largest * kWeightShare > weights))
    together /= 2;
  return together;
}

std::vector<Tensor> run_by_sample(const Plan& plan, const std::vector<const Tensor*>& inputs, ThreadPool& threads,
                                  bool profile) {
  const std::int64_t together = (*static_shape(*plan.graph().value(plan.graph().inputs[0]).type.shape))[0];
  const std::int64_t batch = inputs[0]->dim(0) / together;  // of runs
  const auto samples_of = [batch, together](const Tensor& whole, std::int64_t i) {
    Shape shape = whole.shape();
    shape[0] = together;
    auto* const bytes = static_cast<std::byte*>(const_cast<void*>(whole.raw()));
    return Tensor(whole.dtype(), shape, bytes + static_cast<std::int64_t>(whole.bytes()) / batch * i, whole.owner());
  };
  std::vector<Tensor> outputs;
  for (const ValueId id : plan.graph().outputs) {
    const TypeInfo& type = plan.graph().value(id).type;
    Shape shape = *static_shape(*type.shape);
    shape[0] = batch * together;
    outputs.emplace_back(type.dtype, shape);
  }
  const auto run = [&](std::int64_t begin, std::int64_t end) {
    std::vector<Tensor> parts(inputs.size());
    std::vector<const Tensor*> given(inputs.size());
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        parts[k] = samples_of(*inputs[k], i);
        given[k] = &parts[k];
      }
      const std::vector<Tensor> results = plan.run(given, threads, profile);
      for (std::size_t k = 0; k < results.size(); ++k) {
        std::memcpy(samples_of(outputs[k], i).raw(), results[k].raw(), results[k].bytes());
      }
    }
  };
  // Threads that each take whole samples; where they would not come out even, all work on one after another.
  if (batch % threads.size() == 0 || batch >= std::int64_t{4} * threads.size()) {
    threads.parallel_for(batch, 1, run);
  } else {
    run(0, batch);
  }
  return outputs;
}

}  // namespace octet::runtime
