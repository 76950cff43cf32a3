// The passes in the order in which they run: integer fusions first, while the graph still is as the
// quantizer wrote it; then float fusions; then layout, which sees only runtime operators.
#include "octet/runtime/lower.h"
#include "octet/runtime/passes/passes.h"

namespace octet::runtime {

const std::vector<Pass>& passes() {
  static const std::vector<Pass> table = {
      {"unsigned_activations", unsigned_activations},
      {"move_dequantize", move_dequantize},
      {"cancel_quantize", cancel_quantize},
      {"fuse_qdq_weighted", fuse_qdq_weighted},
      {"fold_constants", fold_constants},
      {"fuse_float", fuse_float},
      {"channels_last", channels_last},
      {"cancel_moves", cancel_moves},
  };
  return table;
}

}  // namespace octet::runtime
