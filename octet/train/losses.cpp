#include "octet/train/losses.h"

#include <cmath>

#include "octet/nn/functional.h"

namespace octet::train {
namespace {

using nn::attributes;
using nn::Value;

Value unary(const char* op, const Value& x) { return x.builder->node(op, {x}); }

Value mean_of_all(const Value& x) {
  return x.builder->node("ReduceMean", {x}, attributes({{"keepdims", std::int64_t{0}}}));
}

Value sum_of_all(const Value& x) {
  return x.builder->node("ReduceSum", {x}, attributes({{"keepdims", std::int64_t{0}}}));
}

Value sum_over_classes(const Value& x) {
  const Value axes = x.builder->constant(Tensor::from<std::int64_t>({1}, {1}), "axes");
  return x.builder->node("ReduceSum", {x, axes}, attributes({{"keepdims", std::int64_t{0}}}));
}

Value emit(const MeanSquaredError&, const Value& x, const Value& y) {
  const Value difference = x - y;
  return mean_of_all(difference * difference);
}

Value emit(const L1&, const Value& x, const Value& y) { return mean_of_all(unary("Abs", x - y)); }

// With c = min(d, delta) both branches are c (d - c / 2).
Value emit(const Huber& loss, const Value& x, const Value& y) {
  const Value d = unary("Abs", x - y);
  nn::Builder& b = *x.builder;
  const Value delta = b.constant(Tensor::scalar(static_cast<float>(loss.delta)), "delta");
  const Value c = b.node("Clip", {d, {&b, kNoValue}, delta});
  return mean_of_all(c * (d - c * 0.5f));
}

Value emit(const BinaryCrossEntropy&, const Value& x, const Value& y) {
  return mean_of_all(nn::relu(x) - x * y + nn::softplus(-unary("Abs", x)));
}

// How many classes there are, as a value for OneHot.
Value class_count(const CrossEntropy& loss, const Value& x) {
  nn::Builder& b = *x.builder;
  const auto& shape = b.graph().value(x.id).type.shape;
  const auto weights = static_cast<std::int64_t>(loss.class_weights.size());
  if (!shape || shape->size() < 2 || !(*shape)[1].known()) {
    const Value axis = b.constant(Tensor::from<std::int64_t>({1}, {1}), "axis");
    return b.node("Gather", {unary("Shape", x), axis});
  }
  const std::int64_t classes = (*shape)[1].value;
  if (weights != 0 && weights != classes) {
    throw Error(ErrorKind::usage, "there are not as many class weights as classes")
        .value(std::to_string(weights))
        .expected(std::to_string(classes));
  }
  return b.constant(Tensor::from<std::int64_t>({1}, {classes}), "classes");
}

// [C] as [C, 1, ...], so that it goes along axis 1 of a tensor of x's rank.
Value along_classes(const Value& x, const std::vector<float>& values) {
  const auto& shape = x.builder->graph().value(x.id).type.shape;
  Shape beside{static_cast<std::int64_t>(values.size())};
  for (std::size_t i = 2; shape && i < shape->size(); ++i) beside.push_back(1);
  return x.builder->constant(Tensor::from<float>(beside, std::span<const float>(values)), "class_weights");
}

// With q = (1 - s) onehot + s / C the loss is -sum w q log p over sum w onehot.
Value emit(const CrossEntropy& loss, const Value& x, const Value& y) {
  nn::Builder& b = *x.builder;
  const Value classes = class_count(loss, x), log_p = nn::log_softmax(x, 1);
  const Value off_on = b.constant(Tensor::from<float>({2}, {0, 1}), "off_on");
  const Value hard = b.node("OneHot", {y, classes, off_on}, attributes({{"axis", std::int64_t{1}}}));
  const auto smoothing = static_cast<float>(loss.label_smoothing);
  Value q = hard;
  if (smoothing != 0) {
    const Value share = smoothing / b.node("Cast", {classes}, attributes({{"to", std::int64_t{1}}}));
    q = hard * (1 - smoothing) + share;
  }
  if (loss.class_weights.empty()) return -(sum_of_all(q * log_p) / sum_of_all(hard));
  const Value w = along_classes(x, loss.class_weights);
  return -(sum_of_all(q * w * log_p) / sum_of_all(hard * w));
}

Value emit(const Distillation& loss, const Value& x, const Value& y) {
  const auto temperature = static_cast<float>(loss.temperature);
  const Value log_p = nn::log_softmax(x / temperature, 1), log_q = nn::log_softmax(y / temperature, 1);
  return mean_of_all(sum_over_classes(unary("Exp", log_q) * (log_q - log_p))) * (temperature * temperature);
}

struct Name {
  const char* name;
  Loss loss;
};
const std::vector<Name>& table() {
  static const std::vector<Name> names = {
      {"mse", MeanSquaredError{}},   {"l1", L1{}},          {"huber", Huber{}}, {"cross_entropy", CrossEntropy{}},
      {"bce", BinaryCrossEntropy{}}, {"kl", Distillation{}}};
  return names;
}

}  // namespace

const std::vector<std::string>& loss_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const Name& row : table()) out.emplace_back(row.name);
    return out;
  }();
  return names;
}

Loss make_loss(const std::string& name) {
  std::string known;
  for (const Name& row : table()) {
    if (name == row.name) return row.loss;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw Error(ErrorKind::usage, "there is no loss of that name").value(name).expected(known);
}

const char* to_string(const Loss& loss) { return table()[loss.index()].name; }

bool wants_labels(const Loss& loss) { return std::holds_alternative<CrossEntropy>(loss); }

ValueId add_loss(Graph& graph, const Loss& loss, ValueId x, ValueId y) {
  nn::Builder builder(graph);
  const nn::Builder::Scope scope(builder, std::string("octet.") + to_string(loss));
  const Value a{&builder, x}, b{&builder, y};
  return std::visit([&](const auto& kind) { return emit(kind, a, b); }, loss).id;
}

ValueId add_weighted(Graph& graph, ValueId a, double weight_a, ValueId b, double weight_b) {
  nn::Builder builder(graph);
  const nn::Builder::Scope scope(builder, "octet.loss");
  const Value x{&builder, a}, y{&builder, b};
  return (x * static_cast<float>(weight_a) + y * static_cast<float>(weight_b)).id;
}

}  // namespace octet::train
