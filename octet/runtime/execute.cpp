// Running a plan.
#include <algorithm>
#include <chrono>

#include "octet/runtime/plan.h"

namespace octet::runtime {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

std::unique_ptr<Frame> Plan::new_frame() const {
  auto frame = std::make_unique<Frame>();
  frame->arena = Tensor(DType::u8, {storage_.arena_bytes});
  frame->values.resize(graph_.value_count());
  auto* const base = frame->arena.data<std::uint8_t>();
  for (std::size_t id = 0; id < graph_.value_count(); ++id) {
    const auto value = static_cast<ValueId>(id);
    if (storage_.places[id] == Place::constant) frame->values[id] = *graph_.initializer(value);
    if (storage_.places[id] != Place::arena) continue;
    const TypeInfo& type = graph_.value(value).type;
    frame->values[id] =
        Tensor(type.dtype, *static_shape(*type.shape), base + storage_.offsets[id], frame->arena.owner());
  }
  const auto bind_all = [&](const std::vector<ValueId>& ids) {
    std::vector<Tensor> out;
    for (const ValueId id : ids) out.push_back(id == kNoValue ? Tensor() : frame->values[at(id)]);
    return out;
  };
  for (const Node& node : graph_.nodes) {
    frame->inputs.push_back(bind_all(node.inputs));
    frame->outputs.push_back(bind_all(node.outputs));
  }
  return frame;
}

std::unique_ptr<Frame> Plan::take_frame() const {
  {
    const std::lock_guard lock(mutex_);
    if (!free_frames_.empty()) {
      auto frame = std::move(free_frames_.back());
      free_frames_.pop_back();
      return frame;
    }
  }
  return new_frame();
}

void Plan::give_back(std::unique_ptr<Frame> frame) const {
  for (std::size_t id = 0; id < graph_.value_count(); ++id) {
    if (moves(static_cast<ValueId>(id))) frame->values[id] = Tensor();
  }
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    for (const int k : steps_[i].moving_inputs) frame->inputs[i][at(k)] = Tensor();
    for (const int k : steps_[i].moving_outputs) frame->outputs[i][at(k)] = Tensor();
  }
  const std::lock_guard lock(mutex_);
  free_frames_.push_back(std::move(frame));
}

void Plan::bind(Frame& frame, const std::vector<const Tensor*>& inputs) const {
  for (std::size_t i = 0; i < inputs.size(); ++i) frame.values[at(graph_.inputs[i])] = *inputs[i];
  for (const ValueId id : graph_.outputs) {
    if (storage_.places[at(id)] != Place::output || frame.values[at(id)].defined()) continue;
    const TypeInfo& type = graph_.value(id).type;
    frame.values[at(id)] = Tensor(type.dtype, *static_shape(*type.shape));
  }
}

// Runs one node in an evaluation context of the frame.
void Plan::evaluate(std::size_t i, Frame& frame, ThreadPool& threads) const {
  const Step& step = steps_[i];
  EvalContext ctx(graph_.nodes[i], step.opset, frame.inputs[i], frame.outputs[i], threads);
  if (storage_.scratch[i] >= 0) ctx.scratch = frame.arena.data<std::uint8_t>() + storage_.scratch[i];
  if (step.has_subgraph) {
    ctx.run_subgraph = [&](const Graph& body, const std::vector<Tensor>& body_inputs) {
      return ops::evaluate_graph(body, body_inputs, threads, [&](const std::string& name) -> Tensor {
        const ValueId id = graph_.find(name);
        return id == kNoValue ? Tensor() : frame.values[at(id)];
      });
    };
  }
  try {
    if (step.prepared) {
      step.prepared->run(ctx);
    } else {
      step.op->eval(ctx);
    }
  } catch (Error& e) {
    if (e.info().node.empty()) e.node(graph_.label(graph_.nodes[i]));
    throw;
  }
}

void Plan::run_step(std::size_t i, Frame& frame, ThreadPool& threads) const {
  const Step& step = steps_[i];
  const Node& node = graph_.nodes[i];
  if (step.is_view && step.moving_outputs.empty()) return;
  for (const int k : step.moving_inputs) frame.inputs[i][at(k)] = frame.values[at(node.inputs[at(k)])];
  for (const int k : step.moving_outputs) frame.outputs[i][at(k)] = frame.values[at(node.outputs[at(k)])];
  if (step.is_view) {
    frame.outputs[i][0] = frame.inputs[i][0].reshaped(*static_shape(*graph_.value(node.outputs[0]).type.shape));
  } else {
    evaluate(i, frame, threads);
  }
  settle_outputs(i, frame);
  for (const ValueId id : step.released) frame.values[at(id)] = Tensor();
}

// An operator may hand over a tensor of its own making or a view of an input; what others read at a
// planned place is brought there, and what outlives the arena's content is copied out of it.
void Plan::settle_outputs(std::size_t i, Frame& frame) const {
  const Node& node = graph_.nodes[i];
  for (std::size_t k = 0; k < node.outputs.size(); ++k) {
    const ValueId id = node.outputs[k];
    if (id == kNoValue) continue;
    Tensor& made = frame.outputs[i][k];
    Tensor& held = frame.values[at(id)];
    if (storage_.places[at(id)] == Place::heap) {
      held = made.owner() == frame.arena.owner() ? made.clone() : made;
      continue;
    }
    if (made.raw() == held.raw() && made.shape() == held.shape()) continue;
    if (made.dtype() != held.dtype() || !(made.shape() == held.shape())) {
      throw Error(ErrorKind::internal, "an operator's result is not what shape inference said")
          .node(graph_.label(node))
          .tensor(graph_.value(id).name)
          .value(std::string(to_string(made.dtype())) + " " + to_string(made.shape()))
          .expected(std::string(to_string(held.dtype())) + " " + to_string(held.shape()));
    }
    if (held.bytes() != 0) std::memmove(held.raw(), made.raw(), held.bytes());
    made = held;
  }
}

std::vector<Tensor> Plan::collect(Frame& frame, const std::vector<const Tensor*>& inputs) const {
  std::vector<Tensor> results;
  results.reserve(graph_.outputs.size());
  for (const ValueId id : graph_.outputs) {
    const Tensor& tensor = frame.values[at(id)];
    const Place place = storage_.places[at(id)];
    const auto same = [&](const Tensor& other) { return other.owner() == tensor.owner(); };
    const bool shared = std::any_of(results.begin(), results.end(), same) ||
                        std::any_of(inputs.begin(), inputs.end(), [&](const Tensor* t) { return same(*t); });
    // What is made at a place of its own is no constant; what an operator handed over may be one.
    const auto constant = [&] {
      return std::any_of(graph_.initializers().begin(), graph_.initializers().end(),
                         [&](const auto& item) { return same(item.second); });
    };
    const bool own = place == Place::output || (place == Place::heap && !constant());
    results.push_back(own && !shared ? tensor : tensor.clone());
  }
  return results;
}

std::vector<Tensor> Plan::run(const std::vector<const Tensor*>& inputs, ThreadPool& threads, bool profile,
                              const Observe* observe) const {
  struct Lease {
    const Plan& plan;
    std::unique_ptr<Frame> frame;
    ~Lease() { plan.give_back(std::move(frame)); }
  } lease{*this, take_frame()};
  Frame& frame = *lease.frame;
  bind(frame, inputs);
  if (profile) {
    const std::lock_guard lock(mutex_);
    ++profiled_runs_;
  }
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const double start = profile ? now() : 0;
    run_step(i, frame, threads);
    if (profile) {
      const double spent = now() - start;
      const std::lock_guard lock(mutex_);
      seconds_[i] = std::min(seconds_[i], spent);
    }
    if (observe == nullptr) continue;
    for (const ValueId id : steps_[i].observed) (*observe)(graph_.value(id).name, frame.values[at(id)]);
  }
  return collect(frame, inputs);
}

}  // namespace octet::runtime
