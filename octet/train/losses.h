// Losses as functions that write themselves into a graph: an output of the network and the expected answer go in, a
// scalar comes out.
//
//   ValueId loss = train::add_loss(graph, train::CrossEntropy{.label_smoothing = 0.1}, logits, labels);
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "octet/graph/graph.h"

namespace octet::train {

/// mean (x - y)^2
struct MeanSquaredError {};
/// mean |x - y|
struct L1 {};
/// mean of d^2 / 2 where d = |x - y| < delta, delta (d - delta / 2) elsewhere
struct Huber {
  double delta = 1;
};
/// Over classes c on axis 1, labels t of x's shape without that axis:
///   sum_i [(1 - s) w_t (-log p_t) + s / C sum_c w_c (-log p_c)] / sum_i w_t
/// Source: torch CrossEntropyLoss; smoothing after Szegedy et al. 2016, section 7.
struct CrossEntropy {
  double label_smoothing = 0;
  std::vector<float> class_weights = {};  ///< one a class; empty: 1
};
/// mean of max(x, 0) - x y + log(1 + exp(-|x|))
struct BinaryCrossEntropy {};
/// T^2 / N sum_i sum_c q_c (log q_c - log p_c) with p, q the softmax of x / T and y / T over axis 1; over all
/// positions where there are axes beyond.  Source: Hinton et al. 2015, section 2.
struct Distillation {
  double temperature = 4;
};
using Loss = std::variant<MeanSquaredError, L1, Huber, CrossEntropy, BinaryCrossEntropy, Distillation>;

/// The loss of that name with its defaults: mse, l1, huber, cross_entropy, bce, kl. Throws usage for another.
Loss make_loss(const std::string& name);
const std::vector<std::string>& loss_names();
const char* to_string(const Loss& loss);
/// What `y` must be: int64 labels of x's shape without axis 1, or floats of x's shape.
bool wants_labels(const Loss& loss);

/// Adds the loss of `x` against `y`. Values may have symbolic dimensions. Throws usage for class weights that do not
/// count the classes.
ValueId add_loss(Graph& graph, const Loss& loss, ValueId x, ValueId y);
/// part_0 * weight_0 + part_1 * weight_1, scalars.
ValueId add_weighted(Graph& graph, ValueId a, double weight_a, ValueId b, double weight_b);

}  // namespace octet::train
