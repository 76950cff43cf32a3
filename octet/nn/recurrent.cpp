#include "octet/nn/recurrent.h"

#include <cmath>

#include "octet/nn/functional.h"
#include "octet/nn/init.h"

namespace octet::nn {

Recurrent::Recurrent(std::string op, std::vector<int> gate_order, std::int64_t in, std::int64_t hidden, Random& random,
                     RecurrentOptions options)
    : op_(std::move(op)), gate_order_(std::move(gate_order)), hidden_(hidden), options_(options) {
  const auto gates = static_cast<std::int64_t>(gate_order_.size());
  const double bound = 1 / std::sqrt(static_cast<double>(hidden));
  const int directions = options.bidirectional ? 2 : 1;
  directions_.reserve(static_cast<std::size_t>(options.layers) * static_cast<std::size_t>(directions));
  for (int layer = 0; layer < options.layers; ++layer) {
    for (int d = 0; d < directions; ++d) {
      const std::int64_t width = layer == 0 ? in : hidden * directions;
      Direction& direction = directions_.emplace_back();
      direction.weight_ih = Tensor(DType::f32, {gates * hidden, width});
      direction.weight_hh = Tensor(DType::f32, {gates * hidden, hidden});
      direction.bias_ih = Tensor(DType::f32, {gates * hidden});
      direction.bias_hh = Tensor(DType::f32, {gates * hidden});
      const std::string suffix = "_l" + std::to_string(layer) + (d == 1 ? "_reverse" : "");
      const std::pair<const char*, Tensor*> parts[] = {{"weight_ih", &direction.weight_ih},
                                                       {"weight_hh", &direction.weight_hh},
                                                       {"bias_ih", &direction.bias_ih},
                                                       {"bias_hh", &direction.bias_hh}};
      for (const auto& [name, tensor] : parts) {
        fill_uniform(*tensor, -bound, bound, random);
        add_parameter(name + suffix, *tensor);
      }
    }
  }
}

Value Recurrent::reordered(Builder& builder, const Tensor& tensor) const {
  const std::vector<Value> gates = split(builder.parameter(tensor), static_cast<int>(gate_order_.size()), 0);
  std::vector<Value> ordered;
  for (const int gate : gate_order_) ordered.push_back(gates[static_cast<std::size_t>(gate)]);
  return concat(ordered, 0);
}

Value Recurrent::layer(const Value& x, const Direction* directions) const {
  Builder& b = *x.builder;
  const int count = options_.bidirectional ? 2 : 1;
  const auto gates = static_cast<std::int64_t>(gate_order_.size());
  std::vector<Value> w, r, bias;
  for (int d = 0; d < count; ++d) {
    const Direction& direction = directions[d];
    w.push_back(reshape(reordered(b, direction.weight_ih), {1, gates * hidden_, direction.weight_ih.dim(1)}));
    r.push_back(reshape(reordered(b, direction.weight_hh), {1, gates * hidden_, hidden_}));
    const Value both = concat({reordered(b, direction.bias_ih), reordered(b, direction.bias_hh)}, 0);
    bias.push_back(reshape(both, {1, 2 * gates * hidden_}));
  }
  const auto stacked = [&](const std::vector<Value>& parts) { return count == 1 ? parts[0] : concat(parts, 0); };
  Attributes form = attributes(
      {{"hidden_size", hidden_}, {"direction", std::string(options_.bidirectional ? "bidirectional" : "forward")}});
  if (op_ == "GRU") form.set("linear_before_reset", std::int64_t{1});
  const Value y = b.node(op_, {x, stacked(w), stacked(r), stacked(bias)}, std::move(form));  // [T, D, N, H]
  return reshape(transpose(y, {0, 2, 1, 3}), {0, 0, count * hidden_});
}

Value Recurrent::forward(const Value& x) {
  Value y = options_.batch_first ? transpose(x, {1, 0, 2}) : x;
  const int directions = options_.bidirectional ? 2 : 1;
  for (int i = 0; i < options_.layers; ++i) y = layer(y, directions_.data() + i * directions);
  return options_.batch_first ? transpose(y, {1, 0, 2}) : y;
}

}  // namespace octet::nn
