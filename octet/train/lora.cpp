#include "octet/train/lora.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "octet/base/random.h"
#include "octet/quant/layers.h"

namespace octet::train {
namespace {

constexpr const char *kA = "/lora_a", *kB = "/lora_b", *kScale = "/lora_scale";

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Empty: the layer can be adapted.
std::string obstacle(const Graph& graph, const Node& node) {
  std::string reason = quant::layer_obstacle(graph, node);
  if (!reason.empty()) return reason;
  if (node.op_type == "Conv") return node.attributes.integer("group", 1) == 1 ? "" : "a grouped convolution";
  if (node.op_type == "MatMul") return "";
  if (node.op_type != "Gemm") return "an operator without a form of adapters";
  const bool plain = node.attributes.integer("transA", 0) == 0 && node.attributes.real("alpha", 1) == 1;
  return plain ? "" : "a Gemm with transA or alpha";
}

bool transposed(const Node& node) { return node.op_type == "Gemm" && node.attributes.integer("transB", 0) != 0; }

class Adapter {
 public:
  Adapter(Trainable& model, const LoraOptions& options)
      : graph_(model.graph), options_(options), random_(options.seed) {}

  void adapt(int index, std::vector<std::string>& parameters) {
    Node& node = graph_.nodes[at(index)];
    const ValueId x = node.inputs[0];
    const std::string weight = graph_.value(node.inputs[1]).name;
    const Shape shape = graph_.initializer(node.inputs[1])->shape();
    const std::int64_t r = options_.rank;
    Attributes first, second;
    Shape a, b;
    if (node.op_type == "Conv") {
      a = shape;
      a[0] = r;
      b = {shape[0], r};
      for (int i = 2; i < shape.rank(); ++i) b.push_back(1);
      first = node.attributes;
    } else if (transposed(node)) {
      a = {r, shape[1]};
      b = {shape[0], r};
      first.set("transB", std::int64_t{1});
      second.set("transB", std::int64_t{1});
    } else {
      a = {shape[0], r};
      b = {r, shape[1]};
    }
    const bool matrix_in_first = node.op_type != "Conv" && !transposed(node);
    const std::int64_t fan_in = matrix_in_first ? shape[0] : shape.elements() / shape[0];
    const ValueId a_id = graph_.add_initializer(weight + kA, drawn(a, fan_in));
    const ValueId b_id = graph_.add_initializer(weight + kB, Tensor::zeros(DType::f32, b));
    const ValueId scale = graph_.add_initializer(
        weight + kScale, Tensor::scalar(static_cast<float>(options_.alpha / static_cast<double>(r))));
    parameters.push_back(weight + kA);
    parameters.push_back(weight + kB);
    const std::string op = node.op_type, name = graph_.label(node);
    const ValueId y = node.outputs[0];
    const TypeInfo type = graph_.value(y).type;
    const Uses uses(graph_);
    const std::vector<int>& readers = uses.readers(y);
    const ValueId low = graph_.add_node(op, {x, a_id}, first, graph_.fresh_name(name + "/lora_low"));
    const ValueId high = graph_.add_node(op, {low, b_id}, second, graph_.fresh_name(name + "/lora_high"));
    const ValueId scaled = graph_.add_node("Mul", {high, scale}, {}, graph_.fresh_name(name + "/lora_scaled"));
    const ValueId sum = graph_.add_node("Add", {y, scaled}, {}, graph_.fresh_name(name + "/lora_sum"));
    graph_.value(high).type = graph_.value(scaled).type = graph_.value(sum).type = type;
    for (const int reader : readers) {
      std::replace(graph_.nodes[at(reader)].inputs.begin(), graph_.nodes[at(reader)].inputs.end(), y, sum);
    }
    for (ValueId& id : graph_.outputs) {
      if (id != y) continue;
      const std::string output = graph_.value(y).name;
      graph_.rename(y, graph_.fresh_name(output + "/without_lora"));
      graph_.rename(sum, output);
      id = sum;
    }
  }

 private:
  Tensor drawn(const Shape& shape, std::int64_t fan_in) {
    Tensor out(DType::f32, shape);
    const float bound = 1 / std::sqrt(static_cast<float>(fan_in));
    for (std::int64_t i = 0; i < out.elements(); ++i) out.data<float>()[i] = random_.uniform(-bound, bound);
    return out;
  }

  Graph& graph_;
  const LoraOptions& options_;
  Random random_;
};

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() > end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// W += scale * B A, of the layer's form.
Tensor merged(const Node& node, const Tensor& w, const Tensor& a, const Tensor& b, float scale) {
  Tensor out = w.clone();
  float* to = out.data<float>();
  const float *pa = a.data<float>(), *pb = b.data<float>();
  const bool filters_first = node.op_type == "Conv" || transposed(node);
  const std::int64_t rows = w.dim(0), columns = w.elements() / std::max<std::int64_t>(1, rows);
  const std::int64_t rank = filters_first ? a.dim(0) : a.dim(1);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      double sum = 0;
      for (std::int64_t k = 0; k < rank; ++k) {
        sum += filters_first ? double{pb[i * rank + k]} * double{pa[k * columns + j]}
                             : double{pa[i * rank + k]} * double{pb[k * columns + j]};
      }
      to[i * columns + j] += static_cast<float>(double{scale} * sum);
    }
  }
  return out;
}

}  // namespace

Trainable add_lora(const Trainable& model, const LoraOptions& options) {
  if (options.rank < 1)
    throw Error(ErrorKind::usage, "the rank of adapters is below 1").value(std::to_string(options.rank));
  Trainable out = model;
  out.graph = clone(model.graph);
  Adapter adapter(out, options);
  std::vector<std::string> adapters, bases, others;
  const std::size_t count = out.graph.nodes.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Node& node = out.graph.nodes[i];
    const std::string name = out.graph.label(node);
    const bool wanted = std::any_of(options.layers.begin(), options.layers.end(),
                                    [&](const std::string& pattern) { return quant::matches(pattern, name); });
    std::string reason = obstacle(out.graph, node);
    if (reason.empty() && Uses(out.graph).readers(node.inputs[1]).size() > 1) reason = "its weight is shared";
    if (reason.empty() && !wanted) others.push_back(name);
    if (!wanted || !reason.empty()) continue;
    bases.push_back(out.graph.value(node.inputs[1]).name);
    adapter.adapt(static_cast<int>(i), adapters);
  }
  if (bases.empty()) {
    std::string patterns, layers;
    for (const std::string& pattern : options.layers) patterns += (patterns.empty() ? "" : ", ") + pattern;
    for (const std::string& layer : others) layers += (layers.empty() ? "" : ", ") + layer;
    throw Error(ErrorKind::usage, "no layer gets an adapter")
        .value(patterns)
        .expected(layers.empty() ? "a network with Gemm, MatMul or Conv layers"
                                 : "patterns that match one of " + layers);
  }
  std::vector<std::string> kept;
  for (const std::string& name : out.parameters) {
    if (options.train_rest && std::find(bases.begin(), bases.end(), name) == bases.end()) kept.push_back(name);
  }
  kept.insert(kept.end(), adapters.begin(), adapters.end());
  out.parameters = std::move(kept);
  sort_topologically(out.graph);
  return out;
}

std::vector<std::string> lora_bases(const Trainable& adapted) {
  std::vector<std::string> out;
  for (const auto& [id, tensor] : adapted.graph.initializers()) {
    const std::string& name = adapted.graph.value(id).name;
    if (ends_with(name, kA)) out.push_back(name.substr(0, name.size() - std::string(kA).size()));
  }
  return out;
}

std::vector<std::pair<std::string, Tensor>> lora_tensors(const Graph& network) {
  std::vector<std::pair<std::string, Tensor>> out;
  for (const auto& [id, tensor] : network.initializers()) {
    const std::string& name = network.value(id).name;
    if (ends_with(name, kA) || ends_with(name, kB) || ends_with(name, kScale)) out.emplace_back(name, tensor);
  }
  return out;
}

void load_lora(Graph& network, const std::vector<std::pair<std::string, Tensor>>& adapters) {
  for (const auto& [name, tensor] : adapters) {
    const ValueId id = network.find(name);
    const Tensor* there = id == kNoValue ? nullptr : network.initializer(id);
    if (there == nullptr) throw Error(ErrorKind::bad_input, "the network has no such adapter").tensor(name);
    if (there->shape() != tensor.shape() || there->dtype() != tensor.dtype()) {
      throw Error(ErrorKind::bad_input, "an adapter has another shape than the network's")
          .tensor(name)
          .value(to_string(tensor.shape()))
          .expected(to_string(there->shape()));
    }
    network.set_initializer(id, tensor);
  }
}

int merge_lora(Graph& network) {
  int count = 0;
  std::map<ValueId, ValueId> replaced;
  const Uses uses(network);
  std::vector<std::pair<ValueId, std::string>> adapters;
  for (const auto& [id, tensor] : network.initializers()) {
    const std::string& name = network.value(id).name;
    if (ends_with(name, kA)) adapters.emplace_back(id, name.substr(0, name.size() - std::string(kA).size()));
  }
  for (const auto& [a, weight] : adapters) {
    const ValueId w = network.find(weight), b = network.find(weight + kB), scale = network.find(weight + kScale);
    const auto constant = [&](ValueId id) { return id == kNoValue ? nullptr : network.initializer(id); };
    if (constant(w) == nullptr || constant(b) == nullptr || constant(scale) == nullptr) {
      throw Error(ErrorKind::bad_input, "an adapter is not whole: its weight, second matrix or scale is missing")
          .tensor(weight);
    }
    const Node& layer = network.nodes[at(uses.readers(w).at(0))];
    network.set_initializer(w,
                            merged(layer, *constant(w), *constant(a), *constant(b), constant(scale)->data<float>()[0]));
    const Node& scaled = network.nodes[at(uses.readers(scale).at(0))];
    const Node& sum = network.nodes[at(uses.readers(scaled.outputs[0]).at(0))];
    replaced[sum.outputs[0]] = sum.inputs[0];
    ++count;
  }
  replace_uses(network, replaced);
  remove_dead(network);
  return count;
}

}  // namespace octet::train
