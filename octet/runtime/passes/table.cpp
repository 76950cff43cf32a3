// The passes in the order in which they run: integer fusions first, while the graph still is as the
// quantizer wrote it; then float fusions, of recurrent layers again, whose weights may only now be constant;
// then layout, which sees only runtime operators.
#include "octet/runtime/lower.h"
#include "octet/runtime/passes/passes.h"

namespace octet::runtime {

const std::vector<Pass>& passes() {
  static const std::vector<Pass> table = {
      {"fuse_per_row", fuse_per_row},
      {"fuse_integer", fuse_integer},
      {"fuse_recurrent", fuse_recurrent},
      {"unsigned_activations", unsigned_activations},
      {"move_dequantize", move_dequantize},
      {"cancel_quantize", cancel_quantize},
      {"fuse_qdq_weighted", fuse_qdq_weighted},
      {"fuse_lookup", fuse_lookup},
      {"fuse_binary", fuse_binary},
      {"fuse_table", fuse_table},
      {"fuse_embedding", fuse_embedding},
      {"fuse_weight_only", fuse_weight_only},
      {"fold_constants", fold_constants},
      {"fuse_recurrent", fuse_recurrent},
      {"lower_training", lower_training},
      {"fuse_float", fuse_float},
      {"fuse_mask", fuse_mask},
      {"lower_pools", lower_pools},
      {"lower_convert", lower_convert},
      {"channels_last", channels_last},
      {"cancel_moves", cancel_moves},
      {"fuse_attention", fuse_attention},
      {"narrow_masks", narrow_masks},
      {"attention_in_s8", attention_in_s8},
      {"absorb_transposes", absorb_transposes},
      {"concat_in_place", concat_in_place},
      {"fuse_embedding_sum", fuse_embedding_sum},
      {"quantize_rows_once", quantize_rows_once},
      {"quantize_normalized", quantize_normalized},
  };
  return table;
}

}  // namespace octet::runtime
