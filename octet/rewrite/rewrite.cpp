#include "octet/rewrite/rewrite.h"

#include "octet/ops/op.h"
#include "octet/rewrite/table.h"

namespace octet::rewrite {

const std::vector<Rewrite>& all() {
  static const std::vector<Rewrite> rows = {
      inline_if(),      drop_identities(),      merge_duplicates(), fold_batch_norm(),     fold_scale_and_shift(),
      fold_pad(),       cancel_transposes(),    cancel_reshapes(),  global_average_pool(), recognize_layer_norm(),
      recognize_gelu(), recognize_hard_swish(), recognize_silu(),   fold_softmax_scale(),
  };
  return rows;
}

Applied simplify(Graph& graph) {
  Applied applied;
  const auto note = [&](const std::string& name, int count) {
    if (count == 0) return;
    for (auto& [known, total] : applied) {
      if (known == name) {
        total += count;
        return;
      }
    }
    applied.emplace_back(name, count);
  };
  for (bool changed = true; changed;) {
    changed = false;
    note("fold_constants", ops::infer_shapes(graph, {.fold = true}));
    remove_dead(graph);
    for (const Rewrite& row : all()) {
      const int count = row.apply(graph);
      note(row.name, count);
      changed = changed || count > 0;
    }
  }
  return applied;
}

}  // namespace octet::rewrite
