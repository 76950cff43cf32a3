// Rewrites: Graph -> Graph clean-ups that keep what a network computes. One function a file, all named
// in one table (rewrite.cpp); a sweep proves each on its samples: same outputs before and after.
//
//   rewrite::simplify(graph);   // fold constants, batch norms, pads; recognise Gelu, LayerNorm, ...
//   ...quantize or lower...
//   rewrite::expand(graph);     // back to operators that every runtime knows
//
// Recognised patterns become standard operators where the graph's opset has them, else operators of
// the domain "octet" (Gelu, Silu, HardSwish, LayerNormalization), which `expand` spells out again.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "octet/graph/graph.h"

namespace octet::rewrite {

struct Rewrite {
  std::string name;
  std::string what;                             ///< one line for a person
  int (*apply)(Graph& graph);                   ///< how many places were rewritten
  std::function<std::vector<Graph>()> samples;  ///< graphs on which it must fire
};

/// Every rewrite, in the order in which simplify tries them.
const std::vector<Rewrite>& all();

/// What simplify did: rewrite name and count, for the record.
using Applied = std::vector<std::pair<std::string, int>>;

/// Folds constants and applies every rewrite until none fires; removes what became dead. Names of
/// inputs, outputs and surviving values are kept.
Applied simplify(Graph& graph);

/// Replaces operators of the domain "octet" by standard ones that compute the same.
int expand(Graph& graph);

}  // namespace octet::rewrite
