#include "octet/runtime/session.h"

#include "octet/ops/op.h"

namespace octet {

struct Session::State {
  Graph graph;
  SessionOptions options;
  std::unique_ptr<ThreadPool> threads;
  std::vector<std::string> input_names, output_names;
};

Session::Session(Graph graph, SessionOptions options) : state_(std::make_unique<State>()) {
  ops::require_all(graph);
  state_->threads = std::make_unique<ThreadPool>(options.threads);
  state_->options = std::move(options);
  state_->graph = std::move(graph);
  for (const ValueId id : state_->graph.inputs) state_->input_names.push_back(state_->graph.value(id).name);
  for (const ValueId id : state_->graph.outputs) state_->output_names.push_back(state_->graph.value(id).name);
}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;

std::vector<Tensor> Session::run(const NamedTensors& inputs) const { return run(inputs, Observe{}); }

std::vector<Tensor> Session::run(const NamedTensors& inputs, const Observe&) const {
  std::vector<Tensor> ordered;
  for (const std::string& name : state_->input_names) {
    for (const auto& [given, tensor] : inputs) {
      if (given == name) ordered.push_back(tensor);
    }
  }
  return ops::evaluate_graph(state_->graph, ordered, *state_->threads);
}

const std::vector<std::string>& Session::input_names() const { return state_->input_names; }
const std::vector<std::string>& Session::output_names() const { return state_->output_names; }
const TypeInfo& Session::type(const std::string& name) const { return state_->graph.value(state_->graph.find(name)).type; }
std::vector<StepInfo> Session::steps() const { return {}; }
std::int64_t Session::arena_bytes() const { return 0; }
std::int64_t Session::packed_bytes() const { return 0; }
std::string Session::lowered() const { return {}; }

}  // namespace octet
