// Add of embeddings (rows of constant tables) and constants becomes EmbeddingSum: each of its terms and partial sums
// would pass through memory.
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/qdq.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

using Terms = std::vector<ValueId>;  // three inputs each

// Whether `shape` without its leading ones is how `sum` ends, so that rows of it repeat.
bool repeats_in(const Shape& shape, const Shape& sum) {
  int first = 0;
  while (first + 1 < shape.rank() && shape[first] == 1) ++first;
  const int rank = shape.rank() - first, skipped = sum.rank() - rank;
  if (rank < 1 || skipped < 0) return false;
  for (int i = 0; i < rank; ++i) {
    if (shape[first + i] != sum[skipped + i]) return false;
  }
  return true;
}

bool is_f32(const Edit& edit, ValueId id) { return edit.graph().value(id).type.dtype == DType::f32; }

// Adds the term that `id` is, with what computes it alone, if it is one.
bool take_term(const Edit& edit, ValueId id, const Shape& sum, Terms& terms, std::vector<int>& nodes) {
  const auto shape = edit.shape(id);
  if (!shape || !is_f32(edit, id) || !repeats_in(*shape, sum)) return false;
  if (edit.constant(id) != nullptr) {
    terms.insert(terms.end(), {id, kNoValue, kNoValue});
    return true;
  }
  const int i = edit.uses().producer(id);
  if (i < 0 || !edit.uses().single(id)) return false;
  const Node& node = edit.node(i);
  const bool gather = edit.is(i, "Gather");
  if (!gather && !edit.is(i, "Embedding", kDomain)) return false;
  const ValueId table = node.inputs[0], scale = gather ? kNoValue : node.inputs[1], indices = node.inputs.back();
  const Tensor* constant = edit.constant(table);
  const DType index = edit.graph().value(indices).type.dtype;
  if (constant == nullptr || constant->rank() != 2 || (index != DType::i32 && index != DType::i64)) return false;
  if (gather && (constant->dtype() != DType::f32 || node.attributes.integer("axis", 0) != 0)) return false;
  terms.insert(terms.end(), {table, scale, indices});
  nodes.push_back(i);
  return true;
}

}  // namespace

int fuse_embedding_sum(Graph& graph) {
  Edit edit(graph);
  for (int i = edit.node_count() - 1; i >= 0; --i) {
    const ValueId y = edit.is(i, "Add") ? edit.node(i).outputs[0] : kNoValue;
    const auto sum = y == kNoValue ? std::nullopt : edit.shape(y);
    if (!sum || sum->rank() < 2 || !is_f32(edit, y)) continue;
    for (const std::size_t slot : {0, 1}) {
      // A sum of two terms, and what is added to it; or two terms.
      const ValueId inner = edit.node(i).inputs[slot], last = edit.node(i).inputs[1 - slot];
      const int add = edit.producer(inner, "Add");
      const bool three = add >= 0 && edit.uses().single(inner);
      Terms terms;
      std::vector<int> nodes;
      const bool both = three ? take_term(edit, edit.node(add).inputs[0], *sum, terms, nodes) &&
                                    take_term(edit, edit.node(add).inputs[1], *sum, terms, nodes)
                              : take_term(edit, inner, *sum, terms, nodes);
      if (!both || !take_term(edit, last, *sum, terms, nodes) || nodes.size() < 2) continue;
      if (three) nodes.push_back(add);
      for (const int node : nodes) edit.remove(node);
      while (terms.back() == kNoValue) terms.pop_back();
      edit.produce(y, "EmbeddingSum", terms, {}, edit.node(i).name, kDomain);
      break;
    }
  }
  return edit.finish();
}

}  // namespace octet::runtime
