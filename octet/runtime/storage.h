// Where each value of a lowered graph lives during a run.
#pragma once

#include <cstdint>
#include <vector>

#include "octet/graph/graph.h"
#include "octet/runtime/memory_plan.h"

namespace octet::runtime {

enum class Place {
  none,      ///< not used
  constant,  ///< an initializer
  input,     ///< given by the caller at each run
  output,    ///< handed to the caller: memory of its own, new at each run
  arena,     ///< at a fixed offset of the arena
  heap,      ///< of a shape known only when computed
};

struct Storage {
  std::vector<Place> places;          ///< one a value
  std::vector<std::int64_t> offsets;  ///< of arena values
  std::vector<bool> is_view;          ///< one a node: its output is its input under another shape
  std::vector<std::int64_t> scratch;  ///< one a node: offset of its scratch memory
  std::vector<int> last_use;          ///< one a value: the last step that reads it (-1: none)
  std::int64_t arena_bytes = 0;
};

/// Plans memory for a graph in execution order. `scratch_bytes` holds one number a node.
Storage plan_storage(const Graph& graph, const std::vector<std::int64_t>& scratch_bytes);

}  // namespace octet::runtime
