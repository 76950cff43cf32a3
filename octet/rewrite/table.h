// The functions that make the rows of rewrite.cpp, one a file.
#pragma once

#include "octet/rewrite/rewrite.h"

namespace octet::rewrite {

Rewrite cancel_reshapes();
Rewrite cancel_transposes();
Rewrite drop_identities();
Rewrite fold_batch_norm();
Rewrite fold_pad();
Rewrite fold_scale_and_shift();
Rewrite fold_softmax_scale();
Rewrite global_average_pool();
Rewrite inline_if();
Rewrite merge_duplicates();
Rewrite recognize_gelu();
Rewrite recognize_hard_swish();
Rewrite recognize_layer_norm();
Rewrite recognize_silu();

}  // namespace octet::rewrite
