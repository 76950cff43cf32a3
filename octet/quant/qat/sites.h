// The fake quantizations of a prepared graph, read back from its nodes, and the graph without them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "octet/autograd/trainable.h"
#include "octet/ops/fake_quant_params.h"

namespace octet::quant {

/// One set of parameters and the values that are quantized with it.
struct FakeQuantSite {
  std::string name;        ///< of the value (or weight) it was made for
  std::vector<int> nodes;  ///< FakeQuant or ObservedFakeQuant
  ops::RangeRule rule;
  int axis = -1;
  bool learned = false;
  bool current = false;  ///< the range of the tensor at hand
  bool weight = false;   ///< of a layer's weight
  /// Initializers: the range, or scale and zero point where learned; kNoValue where there is none.
  /// A learned scale is scale_start * scale.
  ValueId min = kNoValue, max = kNoValue, scale_start = kNoValue, scale = kNoValue, zero_point = kNoValue;
  std::vector<ValueId> clipped;  ///< one a node: the followed share
};
std::vector<FakeQuantSite> find_sites(const Graph& graph);

/// The parameters of a site as they are now; nothing for `current`, or for a range that never saw data or a scale that
/// was never set. Throws bad_input for parameters that are not finite.
std::optional<std::vector<kernels::FakeQuantParams>> site_params(const Graph& graph, const FakeQuantSite& site);

/// The same float network for inference, with nothing left of quantization: fake quantizations out, batch norms folded.
struct Stripped {
  Graph graph;
  std::map<ValueId, int> activations;  ///< value -> site
  std::map<std::string, int> weights;  ///< node name of a layer -> site of its weight
  std::vector<FakeQuantSite> sites;
  std::vector<std::optional<std::vector<kernels::FakeQuantParams>>> params;  ///< one a site; of `current`: computed
};
Stripped strip(const Trainable& prepared);

}  // namespace octet::quant
