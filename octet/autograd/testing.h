// Checking gradients against central differences in float64 (tests only).
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "octet/autograd/autograd.h"
#include "octet/ops/op.h"

namespace octet::ops {
inline Attributes attributes_keepdims(std::int64_t keep) {
  Attributes out;
  out.set("keepdims", keep);
  return out;
}
}  // namespace octet::ops

namespace octet::testing_gradients {

struct Options {
  double step = 1e-5, tolerance = 2e-6;
  int elements = 12;                 ///< of each parameter that are moved
  std::set<std::string> structural;  ///< parameters that say how to compute and have no gradient
};

inline Tensor random_f64(Random& random, const Shape& shape) {
  Tensor out(DType::f64, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i) out.data<double>()[i] = random.uniform(-1, 1);
  return out;
}

/// Outputs that are statistics or indices rather than functions to differentiate.
inline bool differentiable_output(const OpDef& op, std::size_t output) {
  return output == 0 ||
         (!op.name.ends_with("Normalization") && !op.name.ends_with("Loss") && op.name != "BatchNormTraining");
}

/// Real inputs that have no gradient by the meaning of the operator.
inline std::set<std::string> structural_inputs(const OpDef& op, const Sample& sample) {
  if (op.name == "Dropout") return {"p1"};
  if (op.name == "Resize") return {"p1", "p2"};
  if (op.name == "Upsample") return {"p1"};
  if (op.name.ends_with("Loss")) return {"p2"};
  if (op.name == "BatchNormTraining" || sample.attributes.has("training_mode")) return {"p3", "p4"};
  return {};
}

inline double loss_of(const Graph& graph) {
  static ThreadPool one(1);
  return ops::evaluate_graph(graph, {}, one)[0].to_double()[0];
}

/// Differentiates graph.outputs[0] ("loss") and compares some elements of each gradient with central differences;
/// returns how many were compared.
inline int check(const Graph& given, std::vector<std::string> parameters, Random& random, const Options& options = {}) {
  Graph graph = clone(given);
  std::erase_if(parameters, [&](const std::string& name) { return options.structural.contains(name); });
  for (const std::string& name : parameters) {
    const ValueId id = graph.find(name);
    graph.set_initializer(id, graph.initializer(id)->clone());
  }
  Differentiated d;
  std::vector<Tensor> inputs, outputs;
  try {
    d = differentiate(graph, graph.value(graph.outputs[0]).name, parameters);
    verify(d.graph);
    for (const ValueId id : d.graph.inputs) inputs.push_back(*graph.initializer(graph.find(d.graph.value(id).name)));
    static ThreadPool one(1);
    outputs = ops::evaluate_graph(d.graph, inputs, one);
  } catch (const Error& e) {
    // A form that is refused by name is not wrong.
    EXPECT_EQ(e.info().kind, ErrorKind::unsupported) << e.what();
    return 0;
  }
  int compared = 0;
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    Tensor held = *graph.initializer(graph.find(parameters[p]));
    std::vector<double> gradient(static_cast<std::size_t>(held.elements()), 0.0);
    if (!d.gradients[p].empty()) {
      const auto at = std::find_if(d.graph.outputs.begin(), d.graph.outputs.end(),
                                   [&](ValueId id) { return d.graph.value(id).name == d.gradients[p]; });
      const Tensor& found = outputs[static_cast<std::size_t>(at - d.graph.outputs.begin())];
      EXPECT_EQ(found.shape(), held.shape()) << parameters[p];
      EXPECT_EQ(found.dtype(), held.dtype()) << parameters[p];
      gradient = found.to_double();
    }
    double* values = held.data<double>();
    const std::int64_t count = held.elements();
    for (std::int64_t k = 0; k < std::min<std::int64_t>(count, options.elements); ++k) {
      const std::int64_t i = count <= options.elements ? k : random.integer(0, count - 1);
      const double value = values[i];
      values[i] = value + options.step;
      const double above = loss_of(graph);
      values[i] = value - options.step;
      const double below = loss_of(graph);
      values[i] = value;
      const double expected = (above - below) / (2 * options.step);
      if (!std::isfinite(expected)) continue;
      // What is left of the digits of the loss after the difference bounds what can be told.
      const double noise = 1e-15 * std::max(std::abs(above), std::abs(below)) / options.step;
      EXPECT_NEAR(gradient[static_cast<std::size_t>(i)], expected, options.tolerance * (1 + std::abs(expected)) + noise)
          << parameters[p] << " element " << i << " of " << to_string(held.shape());
      ++compared;
    }
  }
  return compared;
}

}  // namespace octet::testing_gradients
