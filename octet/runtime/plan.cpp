// Building a plan: prepare every step, then place every value.
#include "octet/runtime/plan.h"

#include <algorithm>
#include <limits>

#include "octet/runtime/ops/prepared_move.h"
#include "octet/runtime/step_info.h"

namespace octet::runtime {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

std::optional<Shape> known_shape(const Graph& graph, ValueId id) {
  if (id == kNoValue || !graph.value(id).type.shape) return std::nullopt;
  return static_shape(*graph.value(id).type.shape);
}

PrepareContext context_of(const Graph& graph, const Node& node, PackCache& cache, int threads) {
  PrepareContext ctx{.node = node,
                     .opset = graph.opset(node.domain),
                     .constants = {},
                     .inputs = {},
                     .outputs = {},
                     .input_types = {},
                     .output_types = {},
                     .cache = cache,
                     .threads = threads};
  for (const ValueId id : node.inputs) {
    ctx.constants.push_back(id == kNoValue ? nullptr : graph.initializer(id));
    ctx.inputs.push_back(known_shape(graph, id));
    ctx.input_types.push_back(id == kNoValue ? DType::undefined : graph.value(id).type.dtype);
  }
  for (const ValueId id : node.outputs) {
    ctx.outputs.push_back(known_shape(graph, id));
    ctx.output_types.push_back(id == kNoValue ? DType::undefined : graph.value(id).type.dtype);
  }
  return ctx;
}

}  // namespace

Plan::Plan(Graph lowered, PackCache& cache, ThreadPool& threads, const std::vector<ValueId>& observed)
    : graph_(std::move(lowered)) {
  steps_.resize(graph_.nodes.size());
  infos_.resize(graph_.nodes.size());
  seconds_.assign(graph_.nodes.size(), std::numeric_limits<double>::infinity());
  make_steps(cache, threads);
  mark_moving();
  mark_observed(observed);
}

void Plan::make_steps(PackCache& cache, ThreadPool& threads) {
  std::vector<std::int64_t> scratch(graph_.nodes.size(), 0);
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    make_step(i, cache, threads);
    if (const auto* step = dynamic_cast<const PreparedStep*>(steps_[i].prepared.get())) {
      scratch[i] = step->scratch_bytes();
      infos_[i].kernel = step->kernel();
    }
  }
  storage_ = plan_storage(graph_, scratch);
}

void Plan::make_step(std::size_t i, PackCache& cache, ThreadPool& threads) {
  const Node& node = graph_.nodes[i];
  Step& step = steps_[i];
  step.op = &require_op(graph_, node);
  step.opset = graph_.opset(node.domain);
  step.has_subgraph = !subgraphs(node).empty();
  const PrepareContext ctx = context_of(graph_, node, cache, threads.size());
  const RuntimeOp* runtime_op = find_runtime_op(node);
  if (runtime_op != nullptr && runtime_op->prepare != nullptr) {
    step.prepared = runtime_op->prepare(ctx);
  } else if (auto move = prepare_move(ctx)) {
    step.prepared = std::move(move);
  } else if (step.op->prepare) {
    step.prepared = step.op->prepare(node, step.opset, ctx.constants);
  }
  infos_[i] = {.name = graph_.label(node),
               .op = node.op_type,
               .kernel = step.prepared ? "prepared" : "reference",
               .int8 = runtime_op != nullptr && runtime_op->int8,
               .macs = count_macs(graph_, node),
               .bytes = count_bytes(graph_, node)};
}

bool Plan::moves(ValueId id) const {
  const Place place = storage_.places[at(id)];
  return place == Place::input || place == Place::output || place == Place::heap;
}

void Plan::mark_moving() {
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& node = graph_.nodes[i];
    Step& step = steps_[i];
    step.is_view = storage_.is_view[i];
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
      if (node.inputs[k] != kNoValue && moves(node.inputs[k])) step.moving_inputs.push_back(static_cast<int>(k));
    }
    for (std::size_t k = 0; k < node.outputs.size(); ++k) {
      if (node.outputs[k] != kNoValue && moves(node.outputs[k])) step.moving_outputs.push_back(static_cast<int>(k));
    }
  }
  for (std::size_t id = 0; id < graph_.value_count(); ++id) {
    const int last = storage_.last_use[id];
    const auto value = static_cast<ValueId>(id);
    const bool is_output = std::find(graph_.outputs.begin(), graph_.outputs.end(), value) != graph_.outputs.end();
    if (storage_.places[id] == Place::heap && last >= 0 && !is_output) steps_[at(last)].released.push_back(value);
  }
}

void Plan::mark_observed(const std::vector<ValueId>& observed) {
  std::vector<bool> wanted(graph_.value_count(), false);
  for (const ValueId id : observed) wanted[at(id)] = true;
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    for (const ValueId id : graph_.nodes[i].outputs) {
      if (id != kNoValue && wanted[at(id)]) steps_[i].observed.push_back(id);
    }
  }
}

std::int64_t Plan::packed_bytes() const {
  std::int64_t bytes = 0;
  for (const Step& step : steps_) {
    if (const auto* prepared = dynamic_cast<const PreparedStep*>(step.prepared.get()))
      bytes += prepared->packed_bytes();
  }
  return bytes;
}

std::vector<StepInfo> Plan::steps() const {
  const std::lock_guard lock(mutex_);
  std::vector<StepInfo> out;
  for (std::size_t i = 0; i < infos_.size(); ++i) {
    out.push_back(infos_[i]);
    if (profiled_runs_ > 0) out.back().seconds = seconds_[i];
  }
  return out;
}

}  // namespace octet::runtime
