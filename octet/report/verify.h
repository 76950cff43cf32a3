// Whether the integer engine computes what the file says: each quantized layer, fed with the same integers, is
// run by the engine and by the float reference of every operator (dequantize, compute, quantize).
//
// The reference rounds float sums, the engine exact ones, so a value that lies on the border between two
// integers may fall to either side: such a rounding tie is counted, and is no mismatch. Attention, which the file has
// in float, is checked in float; what the engine's eight bits there make of the network shows in the whole one's
// figure. Layers that quantize row by row are run beside a referee that fake-quantizes their rows in standard operators
// (per_row.h).
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "octet/runtime/session.h"

namespace octet::report {

/// One layer: everything between quantized tensors up to the tensor of this name.
struct LayerCheck {
  std::string name, op;
  std::int64_t elements = 0;
  std::int64_t equal = 0;       ///< the same integer (float: within the tolerance)
  std::int64_t ties = 0;        ///< one step apart, the reference within kTie steps of a tie
  std::int64_t mismatches = 0;  ///< anything else
  double largest = 0;           ///< difference: in steps for integers, relative to the largest value for floats
};

struct VerifyReport {
  std::vector<LayerCheck> layers;
  std::vector<std::pair<std::string, double>> sqnr_db;  ///< whole network, by output: engine against reference
  std::int64_t samples = 0;
  int unchecked = 0;   ///< recurrent layers with activations quantized as they come
  int attentions = 0;  ///< that the engine computes in eight bits: layers are checked with those in float

  std::int64_t total(std::int64_t LayerCheck::* count) const;
  bool passed() const { return total(&LayerCheck::mismatches) == 0; }
};

inline constexpr double kTie = 0.005;            ///< steps
inline constexpr double kFloatTolerance = 1e-4;  ///< of the largest magnitude of the tensor

/// Checks one feed and adds it to `report`. `progress` hears of each layer. Throws usage when the graph
/// holds no quantized layer.
void verify(const Graph& graph, const NamedTensors& feed, int threads, VerifyReport& report,
            const std::function<void(std::int64_t done, std::int64_t total)>& progress);

/// Adds to `check` how two integer tensors of one shape compare; `tie_distance(i)` says how many steps the
/// reference's real value i lies from the border between two integers.
void compare_integers(const Tensor& ours, const Tensor& theirs, const std::function<double(std::size_t)>& tie_distance,
                      LayerCheck& check);
/// The same for floats: equal is within kFloatTolerance of the largest magnitude.
void compare_floats(const Tensor& ours, const Tensor& theirs, LayerCheck& check);

nlohmann::ordered_json to_json(const VerifyReport& report);
std::string to_text(const VerifyReport& report, int width);

}  // namespace octet::report
