// What the pools share: the window's rules for pads, the shape rule, and the walk over outputs.
#pragma once

#include <algorithm>

#include "octet/ops/op.h"
#include "octet/ops/window.h"

namespace octet::ops {

/// The window of a pool over x. Beyond read_window, throws bad_input for pads that could hide a whole window.
Window pool_window(const Attributes& attributes, const SymbolicShape& x);

/// [N, C, output spatial ...].
SymbolicShape pooled_shape(const Window& window, const SymbolicShape& x);

/// Shape rule: output 0 as pooled_shape; output 1, where there is one, int64 indices of the same shape.
void infer_pool(InferContext& ctx);

/// Calls body(plane, position, offsets) for every output of every plane (N * C of them), where `offsets` lists the
/// input elements of the plane that the window covers. Planes are shared between threads.
template <class Body>
void for_each_window(ThreadPool& threads, const Window& window, std::int64_t planes, const Body& body) {
  const std::int64_t positions = window.positions();
  const std::int64_t taps = std::clamp<std::int64_t>(window.taps(), 1, 65536);
  const std::int64_t grain = 65536 / std::clamp<std::int64_t>(positions, 1, 65536) / taps;
  threads.parallel_for(planes, std::max<std::int64_t>(1, grain), [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::int64_t> offsets;
    for (std::int64_t position = 0; position < positions; ++position) {
      covered(window, position, offsets);
      for (std::int64_t plane = begin; plane < end; ++plane) body(plane, position, offsets);
    }
  });
}

/// Pools of any kind are tried on these attributes (more are added by each).
std::vector<Sample> pool_samples(Random& random, bool dilations);

}  // namespace octet::ops
