#include "octet/train/free_batch.h"

#include <fmt/format.h>

#include "octet/ops/op.h"

namespace octet::train {
namespace {

constexpr const char* kBatchSymbol = "octet.batch";

bool fixed_to_one(const Graph& graph, ValueId id) {
  const auto& shape = graph.value(id).type.shape;
  return graph.initializer(id) == nullptr && shape && !shape->empty() && shape->front() == Dim(1);
}

}  // namespace

std::string free_batch(Graph& graph) {
  Graph freed = clone(graph);
  for (std::size_t i = 0; i < freed.value_count(); ++i) {  // what the file says of inner shapes no longer holds
    Value& value = freed.value(static_cast<ValueId>(i));
    if (freed.initializer(static_cast<ValueId>(i)) == nullptr) value.type.shape.reset();
  }
  bool any = false;
  for (const ValueId id : graph.inputs) {
    freed.value(id).type = graph.value(id).type;
    if (!fixed_to_one(graph, id)) continue;
    freed.value(id).type.shape->front() = Dim(kBatchSymbol);
    any = true;
  }
  if (!any) return {};
  constexpr std::int64_t kProbe = 3;
  try {
    Graph probe = clone(freed);
    ops::infer_shapes(probe, {.fold = true, .dims = {{kBatchSymbol, kProbe}}});
    for (const ValueId id : probe.outputs) {
      const auto& shape = probe.value(id).type.shape;
      if (shape && !shape->empty() && shape->front() == Dim(kProbe)) continue;
      return fmt::format("its output '{}' does not count the samples of a batch", printable(probe.value(id).name));
    }
  } catch (const Error& error) {
    return error.what();
  }
  ops::infer_shapes(freed);
  graph = std::move(freed);
  return {};
}

void fix_batch(Graph& graph) {
  for (std::size_t i = 0; i < graph.value_count(); ++i) {
    auto& shape = graph.value(static_cast<ValueId>(i)).type.shape;
    for (std::size_t k = 0; shape && k < shape->size(); ++k) {
      if ((*shape)[k].symbol == kBatchSymbol) (*shape)[k] = Dim(1);
    }
  }
}

}  // namespace octet::train
