// The passes in the order in which they run: integer fusions first, while the graph still is as the
// quantizer wrote it; then float fusions; then layout, which sees only runtime operators.
#include "octet/runtime/lower.h"
#include "octet/runtime/passes/passes.h"

namespace octet::runtime {

const std::vector<Pass>& passes() {
  static const std::vector<Pass> table = {
  };
  return table;
}

}  // namespace octet::runtime
