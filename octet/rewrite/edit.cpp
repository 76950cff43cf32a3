#include "octet/rewrite/edit.h"

#include <cmath>

#include "octet/ops/op.h"

namespace octet::rewrite {

bool Edit::is(int index, std::string_view op_type, std::string_view domain) const {
  return index >= 0 && !dead_[static_cast<std::size_t>(index)] && node(index).op_type == op_type &&
         node(index).domain == domain;
}

int Edit::producer(ValueId id, std::string_view op_type) const {
  if (id == kNoValue) return -1;
  const int index = uses_.producer(id);
  return is(index, op_type) ? index : -1;
}

int Edit::only_reader(ValueId id, std::string_view op_type) const {
  if (id == kNoValue || !uses_.single(id)) return -1;
  const int index = uses_.readers(id).front();
  return is(index, op_type) ? index : -1;
}

ValueId Edit::other_input(int index, ValueId id) const {
  const std::vector<ValueId>& in = node(index).inputs;
  if (in.size() != 2 || (in[0] == id) == (in[1] == id)) return kNoValue;
  return in[0] == id ? in[1] : in[0];
}

std::optional<double> Edit::scalar(ValueId id) const {
  const Tensor* tensor = constant(id);
  if (tensor == nullptr || tensor->elements() != 1) return std::nullopt;
  return tensor->to_double().front();
}

bool Edit::is_scalar(ValueId id, double number) const {
  const std::optional<double> held = scalar(id);
  return held && std::abs(*held - number) <= 1e-4 * std::abs(number);
}

std::optional<Shape> Edit::shape(ValueId id) const {
  const auto& known = graph_.value(id).type.shape;
  return known ? static_shape(*known) : std::nullopt;
}

int Edit::rank(ValueId id) const {
  const auto& known = graph_.value(id).type.shape;
  return known ? static_cast<int>(known->size()) : -1;
}

void Edit::produce(ValueId from, std::string op_type, std::vector<ValueId> inputs, Attributes attributes,
                   const std::string& name, const std::string& domain) {
  remove(uses_.producer(from));
  Node made;
  made.op_type = std::move(op_type);
  made.domain = domain;
  made.name = name.empty() ? node(uses_.producer(from)).name : name;
  made.inputs = std::move(inputs);
  made.outputs = {from};
  made.attributes = std::move(attributes);
  std::vector<Node>& place = added_[uses_.producer(from)];
  for (Node& part : parts_) place.push_back(std::move(part));
  parts_.clear();
  place.push_back(std::move(made));
  count();
}

void Edit::produce_new(ValueId output, std::string op_type, std::vector<ValueId> inputs, Attributes attributes,
                       const std::string& domain) {
  Node made;
  made.op_type = std::move(op_type);
  made.domain = domain;
  made.inputs = std::move(inputs);
  made.outputs = {output};
  made.attributes = std::move(attributes);
  parts_.push_back(std::move(made));
}

std::string Edit::domain_for(const std::string& op_type) {
  if (ops::find(op_type, "", graph_.opset()) != nullptr) return "";
  graph_.opsets["octet"] = 1;
  return "octet";
}

int Edit::finish() {
  if (count_ == 0) return 0;
  replace_uses(graph_, replaced_);
  // replace_uses may append Identity nodes for outputs: they are beyond dead_ and stay.
  std::vector<Node> nodes;
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    if (i >= dead_.size() || !dead_[i]) nodes.push_back(std::move(graph_.nodes[i]));
    for (Node& node : added_[static_cast<int>(i)]) nodes.push_back(std::move(node));
  }
  for (Node& node : parts_) nodes.push_back(std::move(node));
  graph_.nodes = std::move(nodes);
  sort_topologically(graph_);
  remove_dead(graph_);
  return count_;
}

}  // namespace octet::rewrite
