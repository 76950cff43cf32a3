#include "octet/autograd/recompute.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "octet/ops/op.h"

namespace octet {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Bytes of every value; -1 where they are not known.
std::vector<std::int64_t> sizes_of(const Graph& given, const std::vector<std::pair<std::string, std::int64_t>>& dims) {
  Graph graph = clone(given);
  ops::infer_shapes(graph, {.dims = dims});
  std::vector<std::int64_t> out(graph.value_count(), -1);
  for (std::size_t id = 0; id < out.size(); ++id) {
    const TypeInfo& type = graph.value(static_cast<ValueId>(id)).type;
    const auto shape = type.shape ? static_shape(*type.shape) : std::nullopt;
    if (shape) out[id] = shape->elements() * static_cast<std::int64_t>(size_of(type.dtype));
  }
  return out;
}

bool is_view(const Node& node) {
  static constexpr std::array<std::string_view, 5> kNames = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"};
  if (node.domain == "octet") return node.op_type == "Barrier";
  return node.domain.empty() && std::find(kNames.begin(), kNames.end(), node.op_type) != kNames.end();
}

// A second run would draw other numbers, or is not worth taking apart.
bool runs_once(const Node& node) {
  static constexpr std::array<std::string_view, 6> kRandom = {"RandomNormal",      "RandomUniform", "RandomNormalLike",
                                                              "RandomUniformLike", "Bernoulli",     "Multinomial"};
  return !subgraphs(node).empty() ||
         (node.domain.empty() && std::find(kRandom.begin(), kRandom.end(), node.op_type) != kRandom.end());
}

// What a division of the nodes costs: bytes that cross into later segments, and the largest segment's own.
class Costs {
 public:
  Costs(const Graph& graph, const std::vector<std::int64_t>& bytes)
      : own_(graph.nodes.size()), crossing_(own_.size() + 1) {
    const Uses uses(graph);
    for (std::size_t i = 0; i < own_.size(); ++i) {
      for (const ValueId id : graph.nodes[i].outputs) {
        if (id == kNoValue) continue;
        const std::int64_t size = std::max<std::int64_t>(1, bytes[at(id)]);
        if (!is_view(graph.nodes[i])) own_[i] += size;
        std::size_t last = i;
        for (const int reader : uses.readers(id)) last = std::max(last, at(reader));
        for (std::size_t k = i + 1; k <= last; ++k) crossing_[k] += size;
      }
    }
  }

  /// About equal shares of all bytes, each border moved to where little crosses it.
  std::vector<std::size_t> divide(int segments) const {
    std::int64_t total = 0;
    for (const std::int64_t own : own_) total += own;
    std::vector<std::size_t> starts{0};
    std::int64_t sum = 0;
    const std::size_t reach = std::max<std::size_t>(1, own_.size() / at(segments) / 3);
    for (std::size_t i = 0; i < own_.size(); ++i) {
      sum += own_[i];
      const auto wanted = static_cast<double>(total) * static_cast<double>(starts.size()) / segments;
      if (static_cast<int>(starts.size()) >= segments || static_cast<double>(sum) < wanted) continue;
      const std::size_t low = std::max(starts.back() + 1, i > reach ? i - reach : 1);
      const std::size_t high = std::min(own_.size() - 1, i + reach);
      if (low > high) break;
      std::size_t best = low;
      for (std::size_t k = low; k <= high; ++k) {
        if (crossing_[k] < crossing_[best]) best = k;
      }
      starts.push_back(best);
    }
    return starts;
  }

  std::int64_t kept(const std::vector<std::size_t>& starts) const {
    std::int64_t borders = 0, largest = 0;
    for (std::size_t s = 0; s < starts.size(); ++s) {
      const std::size_t end = s + 1 < starts.size() ? starts[s + 1] : own_.size();
      std::int64_t sum = 0;
      for (std::size_t i = starts[s]; i < end; ++i) sum += own_[i];
      largest = std::max(largest, sum);
      borders += crossing_[starts[s]];
    }
    return borders + largest;
  }

 private:
  std::vector<std::int64_t> own_, crossing_;  ///< a node's outputs; what is alive between nodes k - 1 and k
};

}  // namespace

Recompute::Recompute(Graph& graph, const DifferentiateOptions& options) : graph_(graph), starts_{0} {
  if (options.recompute && graph.nodes.size() > 1) choose(options);
  done_.assign(starts_.size(), false);
  done_.back() = true;  // its values are still there when the way back begins
}

void Recompute::choose(const DifferentiateOptions& options) {
  const Costs costs(graph_, sizes_of(graph_, options.dims));
  if (options.segments > 0) {
    starts_ = costs.divide(options.segments);
    return;
  }
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (int segments = 1; segments <= 64 && at(segments) < graph_.nodes.size(); ++segments) {
    std::vector<std::size_t> starts = costs.divide(segments);
    const std::int64_t kept = costs.kept(starts);
    if (kept >= least) continue;
    least = kept;
    starts_ = std::move(starts);
  }
}

ValueId Recompute::inside(ValueId id) {
  if (id == kNoValue || graph_.initializer(id) != nullptr) return id;
  const auto it = again_.find(id);
  if (it != again_.end()) return it->second;
  const TypeInfo type = graph_.value(id).type;
  const ValueId behind = graph_.add_node("Barrier", {id}, {}, {}, "octet");
  graph_.opsets.emplace("octet", 1);
  graph_.value(behind).type = type;
  return again_[id] = behind;
}

void Recompute::compute_again(std::size_t segment) {
  again_.clear();
  for (std::size_t i = starts_[segment]; i < starts_[segment + 1]; ++i) {
    Node node = graph_.nodes[i];
    if (runs_once(node)) continue;
    for (ValueId& id : node.inputs) id = inside(id);
    if (!node.name.empty()) node.name += " again";
    for (ValueId& id : node.outputs) {
      if (id == kNoValue) continue;
      const TypeInfo type = graph_.value(id).type;
      const ValueId made = graph_.add_value({}, type);
      again_[id] = made;
      id = made;
    }
    graph_.nodes.push_back(std::move(node));
  }
}

Node Recompute::seen_from_behind(const Node& node, std::size_t index) {
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), index);
  const auto segment = static_cast<std::size_t>(after - starts_.begin()) - 1;
  if (segment + 1 == starts_.size()) return node;
  if (!done_[segment]) {
    done_[segment] = true;
    compute_again(segment);
  }
  Node out = node;
  const auto replace = [&](ValueId& id) {
    if (const auto it = again_.find(id); it != again_.end()) id = it->second;
  };
  for (ValueId& id : out.inputs) replace(id);
  for (ValueId& id : out.outputs) replace(id);
  return out;
}

std::int64_t peak_bytes(const Graph& graph, const std::vector<std::pair<std::string, std::int64_t>>& dims) {
  const std::vector<std::int64_t> bytes = sizes_of(graph, dims);
  std::vector<ValueId> root(graph.value_count());
  for (std::size_t i = 0; i < root.size(); ++i) root[i] = static_cast<ValueId>(i);
  std::vector<std::size_t> last(graph.value_count(), 0);
  std::vector<bool> computed(graph.value_count(), false);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    for (const ValueId id : node.inputs) {
      if (id != kNoValue) last[at(root[at(id)])] = i;
    }
    for (const ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      if (bytes[at(id)] < 0) return 0;
      if (is_view(node)) {
        root[at(id)] = root[at(node.inputs[0])];
      } else {
        computed[at(id)] = true;
        last[at(id)] = i;
      }
    }
  }
  for (const ValueId id : graph.outputs) last[at(root[at(id)])] = graph.nodes.size();
  std::vector<std::int64_t> freed(graph.nodes.size() + 1, 0);
  std::int64_t held = 0, most = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const ValueId id : graph.nodes[i].outputs) {
      if (id == kNoValue || !computed[at(id)]) continue;
      held += bytes[at(id)];
      freed[last[at(id)]] += bytes[at(id)];
    }
    most = std::max(most, held);
    held -= freed[i];
  }
  return most;
}

}  // namespace octet
