// Lowering: a graph as it was read becomes a graph of runtime operators for one set of input shapes.
// Every pass is a Graph -> Graph rewrite that keeps the outputs; the table in lower.cpp lists them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "octet/graph/graph.h"

namespace octet::runtime {

/// One rewrite: changes the graph and returns how many places it changed. Values that it makes have
/// types; dead nodes may be left behind.
struct Pass {
  const char* name;
  int (*apply)(Graph& graph);
};
/// In the order in which they run.
const std::vector<Pass>& passes();

/// The clean-ups that need no shapes: done once a session.
Graph prepare_graph(const Graph& graph);

struct Lowered {
  Graph graph;
  std::vector<ValueId> observed;
};
/// Clones `graph`, infers shapes and folds constants with the given input shapes, and applies the passes.
/// With `keep_values` every named float value stays as it is (calibration observes them): nothing that
/// would make one disappear is fused, but the kernels are the same. `float_attention`: as SessionOptions.
Lowered lower(const Graph& graph, const std::vector<std::pair<std::string, Shape>>& shapes, bool keep_values,
              bool float_attention = false);

}  // namespace octet::runtime
