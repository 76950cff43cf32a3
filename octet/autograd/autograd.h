// Reverse-mode differentiation as a rewrite: a graph that computes a loss becomes one that computes its gradients too.
//
//   Differentiated d = differentiate(graph, "loss", {"fc1.weight", "fc1.bias"});
//   Session step(d.graph);
//   step.run({{"x", batch}, {"fc1.weight", w}, {"fc1.bias", b}});   // loss, and d loss / d w, d loss / d b
//
// Each operator says in its row (octet/ops/op.h) what its gradient is; here they are chained.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "octet/autograd/trainable.h"
#include "octet/graph/graph.h"

namespace octet {

struct DifferentiateOptions {
  /// Keep only what crosses the borders of segments of the network, and compute the rest once more on the way back
  /// (Chen et al. 2016, arXiv 1604.06174): about one more forward run for activations that grow as the root of the
  /// depth.
  bool recompute = false;
  int segments = 0;  ///< how many; 0: the number that keeps least, as far as sizes are known
  /// Numbers for symbolic dimensions, for the bytes reported (the graph is not changed by them).
  std::vector<std::pair<std::string, std::int64_t>> dims = {};
};

struct Differentiated {
  Graph graph;
  /// One for each parameter, in order: the name of the output that is its gradient; "" for an unreached one.
  std::vector<std::string> gradients;
  std::vector<std::string> unreached;  ///< parameters that the loss does not depend on
  std::string loss;                    ///< the loss's name among the outputs
  std::vector<std::string> updated;    ///< one for each state: the output that is its next value
  int segments = 1;                    ///< of recomputation; 1: none
  /// The most bytes of activations and gradients that are held at once, as this graph orders its nodes, and what they
  /// would be without recomputation; 0 where a dimension is not known.
  std::int64_t peak_bytes = 0, peak_bytes_kept = 0;
};

/// Parameters become inputs of the result, under their own names. Its outputs are the given graph's outputs, the loss
/// if it is none of them, and one gradient for each parameter that the loss depends on.
///   loss        the name of a value with one element, of a floating point type
///   parameters  names of float initializers
/// Throws usage: no such value, a parameter given twice; bad_input: the loss is not a single real number;
/// unsupported: operators on the way from a parameter to the loss have no gradient (all of them named), before
/// anything is run.  Source: reverse accumulation, Griewank & Walther 2008, chapter 3.
Differentiated differentiate(const Graph& graph, const std::string& loss, const std::vector<std::string>& parameters,
                             const DifferentiateOptions& options = {});

/// The same for a network in training form: its states become inputs too, and their next values outputs, which stand
/// between the graph's own outputs and the gradients.
Differentiated differentiate(const Trainable& model, const std::string& loss, const DifferentiateOptions& options = {});

/// Operators that would be refused: "Loop (node encoder/Loop_3)", each once.
std::vector<std::string> operators_without_gradient(const Graph& graph, const std::string& loss,
                                                    const std::vector<std::string>& parameters);

}  // namespace octet
