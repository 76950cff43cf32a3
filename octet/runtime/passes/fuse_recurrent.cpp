// LSTM and GRU of constant weights in the usual form -> the runtime's prepared ones.
#include <algorithm>

#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/per_row.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

ValueId input_at(const Node& node, std::size_t slot) {
  return slot < node.inputs.size() ? node.inputs[slot] : kNoValue;
}

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

bool has_default_activations(const Node& node, const std::vector<std::string>& defaults) {
  const AttributeValue* given = node.attributes.find("activations");
  const auto* names = given == nullptr ? nullptr : std::get_if<std::vector<std::string>>(given);
  if (names == nullptr) return given == nullptr;
  for (std::size_t i = 0; i < names->size(); ++i) {
    if (lower_case((*names)[i]) != defaults[i % defaults.size()]) return false;
  }
  return true;
}

// Constant float weights, or s8 ones of a node whose activations are quantized row by row.
struct Weights {
  ValueId bytes = kNoValue, scale = kNoValue;
};
std::optional<Weights> weights_of(const Edit& edit, ValueId id, bool per_row) {
  if (const Tensor* constant = edit.constant(id)) {
    return constant->dtype() == DType::f32 && !per_row ? std::optional(Weights{id, kNoValue}) : std::nullopt;
  }
  const auto quantized = per_row ? quantized_weights(edit, id, 1) : std::nullopt;
  return quantized ? std::optional(Weights{quantized->bytes, quantized->scale}) : std::nullopt;
}

bool is_usual(const Edit& edit, const Node& node, bool lstm) {
  const bool peepholes = lstm && input_at(node, 7) != kNoValue;
  const ValueId bias = input_at(node, 3);
  return node.attributes.real("clip", 0) == 0 && node.attributes.integer("layout", 0) == 0 &&
         node.attributes.integer("input_forget", 0) == 0 && input_at(node, 4) == kNoValue && !peepholes &&
         (bias == kNoValue || edit.constant(bias) != nullptr) &&
         edit.graph().value(node.inputs[0]).type.dtype == DType::f32 &&
         has_default_activations(node, lstm ? std::vector<std::string>{"sigmoid", "tanh", "tanh"}
                                            : std::vector<std::string>{"sigmoid", "tanh"});
}

}  // namespace

int fuse_recurrent(Graph& graph) {
  const PerRowNames per_row(graph);
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    const bool lstm = edit.is(i, "LSTM");
    if ((!lstm && !edit.is(i, "GRU")) || !is_usual(edit, edit.node(i), lstm)) continue;
    Node& node = edit.node(i);
    const bool dynamic = per_row.contains(node) && edit.constant(node.inputs[1]) == nullptr;
    const auto w = weights_of(edit, node.inputs[1], dynamic), r = weights_of(edit, node.inputs[2], dynamic);
    if (!w || !r) continue;
    const ValueId initial_c = lstm ? input_at(node, 6) : kNoValue;
    node.inputs = {node.inputs[0],    w->bytes,  r->bytes, input_at(node, 3),
                   input_at(node, 5), initial_c, w->scale, r->scale};
    while (node.inputs.back() == kNoValue) node.inputs.pop_back();
    node.op_type = (dynamic ? "Dynamic" : "") + node.op_type;
    node.domain = kDomain;
    edit.count();
  }
  return edit.finish();
}

}  // namespace octet::runtime
