#include "octet/autograd/parameters.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace octet {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Input slots that hold weights where they hold constants.
struct Layer {
  std::string_view name;
  std::vector<int> slots;
};

const std::vector<Layer>& layers() {
  static const std::vector<Layer> rows = {
      {"Conv", {1, 2}},
      {"ConvTranspose", {1, 2}},
      {"Gemm", {0, 1, 2}},
      {"MatMul", {0, 1}},
      {"Einsum", {0, 1, 2}},
      {"LSTM", {1, 2, 3, 7}},
      {"GRU", {1, 2, 3}},
      {"RNN", {1, 2, 3}},
      {"BatchNormalization", {1, 2}},
      {"BatchNormTraining", {1, 2}},
      {"InstanceNormalization", {1, 2}},
      {"GroupNormalization", {1, 2}},
      {"LayerNormalization", {1, 2}},
      {"RMSNormalization", {1}},
      {"PRelu", {1}},
      {"Gather", {0}},
  };
  return rows;
}

const Layer* find_layer(const Node& node) {
  if (!node.domain.empty() && node.domain != "octet") return nullptr;
  const auto it =
      std::find_if(layers().begin(), layers().end(), [&](const Layer& l) { return l.name == node.op_type; });
  return it == layers().end() ? nullptr : &*it;
}

bool is_arithmetic(const Node& node) {
  static constexpr std::array<std::string_view, 4> kNames = {"Add", "Sub", "Mul", "Div"};
  return node.domain.empty() && std::find(kNames.begin(), kNames.end(), node.op_type) != kNames.end();
}

class Finder {
 public:
  explicit Finder(const Graph& graph)
      : graph_(graph), uses_(graph), constant_(graph.value_count(), false), learned_(graph.value_count(), false) {}

  std::vector<ValueId> run() {
    for (const auto& [id, tensor] : graph_.initializers()) constant_[at(id)] = true;
    for (const ValueId id : graph_.inputs) constant_[at(id)] = false;
    for (const Node& node : graph_.nodes) look_at(node);
    return found_;
  }

 private:
  void look_at(const Node& node) {
    const auto constant = [&](ValueId id) { return id == kNoValue || constant_[at(id)]; };
    const bool all = !node.inputs.empty() && std::all_of(node.inputs.begin(), node.inputs.end(), constant);
    bool learned = std::any_of(node.inputs.begin(), node.inputs.end(),
                               [&](ValueId id) { return id != kNoValue && learned_[at(id)]; });
    if (const Layer* layer = all ? nullptr : find_layer(node)) {
      for (const int slot : layer->slots) {
        if (at(slot) < node.inputs.size()) learned = collect(node.inputs[at(slot)], 1) || learned;
      }
    } else if (!all && learned && is_arithmetic(node)) {
      for (const ValueId id : node.inputs) collect(id, 2);
    }
    for (const ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      constant_[at(id)] = all;
      learned_[at(id)] = learned && !all;
    }
  }

  // The float initializers behind a constant value; true when there was one.
  bool collect(ValueId id, std::int64_t least_elements) {
    if (id == kNoValue || !constant_[at(id)]) return false;
    bool any = false;
    std::vector<ValueId> open{id};
    while (!open.empty()) {
      const ValueId next = open.back();
      open.pop_back();
      if (const Tensor* tensor = graph_.initializer(next)) {
        if (!is_float(tensor->dtype()) || tensor->elements() < least_elements) continue;
        any = true;
        if (seen_.insert(next).second) found_.push_back(next);
        continue;
      }
      const int producer = uses_.producer(next);
      if (producer < 0) continue;
      for (const ValueId input : graph_.nodes[at(producer)].inputs) {
        if (input != kNoValue) open.push_back(input);
      }
    }
    return any;
  }

  const Graph& graph_;
  Uses uses_;
  std::vector<bool> constant_, learned_;  ///< of constants alone; behind a layer
  std::set<ValueId> seen_;
  std::vector<ValueId> found_;
};

}  // namespace

std::vector<ValueId> find_parameters(const Graph& graph) { return Finder(graph).run(); }

bool matches_pattern(std::string_view name, std::string_view pattern) {
  std::size_t n = 0, p = 0, star = std::string_view::npos, mark = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p, ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace octet
