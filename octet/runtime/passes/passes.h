// The passes of lowering, one a file. Each returns the number of places it changed.
#pragma once

#include "octet/graph/graph.h"

namespace octet::runtime {

int absorb_transposes(Graph& graph);
int attention_in_s8(Graph& graph);
int concat_in_place(Graph& graph);
int unsigned_activations(Graph& graph);
int fuse_table(Graph& graph);
int lower_convert(Graph& graph);
int lower_pools(Graph& graph);
int lower_training(Graph& graph);
int move_dequantize(Graph& graph);
int cancel_quantize(Graph& graph);
int fuse_qdq_weighted(Graph& graph);
int fuse_attention(Graph& graph);
int fuse_binary(Graph& graph);
int fuse_integer(Graph& graph);
int fuse_lookup(Graph& graph);
int fuse_mask(Graph& graph);
int fuse_per_row(Graph& graph);
int fuse_recurrent(Graph& graph);
int fuse_weight_only(Graph& graph);
int fold_constants(Graph& graph);
int fuse_embedding(Graph& graph);
int fuse_embedding_sum(Graph& graph);
int fuse_float(Graph& graph);
int channels_last(Graph& graph);
int cancel_moves(Graph& graph);
int narrow_masks(Graph& graph);
int quantize_normalized(Graph& graph);
int quantize_rows_once(Graph& graph);

}  // namespace octet::runtime
