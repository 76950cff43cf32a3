// Plan: a lowered graph made ready to run for one set of input shapes: prepared steps, and a place
// for every value. Immutable once built; each run has a Frame of its own, so any number may go on.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "octet/runtime/runtime_op.h"
#include "octet/runtime/session.h"
#include "octet/runtime/storage.h"

namespace octet::runtime {

struct Step {
  const OpDef* op = nullptr;
  std::unique_ptr<Prepared> prepared;  ///< null: op->eval
  int opset = 0;
  bool is_view = false;
  bool has_subgraph = false;
  std::vector<int> moving_inputs;   ///< input slots to bind anew at each run
  std::vector<int> moving_outputs;  ///< output slots whose memory is not the arena's
  std::vector<ValueId> released;    ///< values of the heap that nothing reads after this step
  std::vector<ValueId> observed;    ///< values to show to an observer
};

/// The memory of one run: the arena and every value bound to it.
struct Frame {
  Tensor arena;
  std::vector<Tensor> values;                        ///< one a value of the graph
  std::vector<std::vector<Tensor>> inputs, outputs;  ///< one a step
};

class Plan {
 public:
  using Observe = Session::Observe;

  /// `lowered` has types wherever they are known. `observed` are the values that an observer sees.
  Plan(Graph lowered, PackCache& cache, ThreadPool& threads, const std::vector<ValueId>& observed = {});

  /// Inputs in the graph's order, checked by the caller.
  std::vector<Tensor> run(const std::vector<const Tensor*>& inputs, ThreadPool& threads, bool profile,
                          const Observe* observe = nullptr) const;

  const Graph& graph() const { return graph_; }
  std::int64_t arena_bytes() const { return storage_.arena_bytes; }
  std::int64_t packed_bytes() const;
  std::vector<StepInfo> steps() const;

 private:
  void make_steps(PackCache& cache, ThreadPool& threads);
  void make_step(std::size_t i, PackCache& cache, ThreadPool& threads);
  void mark_moving();
  void mark_observed(const std::vector<ValueId>& observed);
  std::unique_ptr<Frame> new_frame() const;
  std::unique_ptr<Frame> take_frame() const;
  void give_back(std::unique_ptr<Frame> frame) const;
  void bind(Frame& frame, const std::vector<const Tensor*>& inputs) const;
  void run_step(std::size_t i, Frame& frame, ThreadPool& threads) const;
  void evaluate(std::size_t i, Frame& frame, ThreadPool& threads) const;
  void settle_outputs(std::size_t i, Frame& frame) const;
  std::vector<Tensor> collect(Frame& frame, const std::vector<const Tensor*>& inputs) const;
  bool moves(ValueId id) const;

  Graph graph_;
  Storage storage_;
  std::vector<Step> steps_;
  std::vector<StepInfo> infos_;
  mutable std::mutex mutex_;  ///< guards what follows
  mutable std::vector<std::unique_ptr<Frame>> free_frames_;
  mutable std::vector<double> seconds_;
  mutable std::int64_t profiled_runs_ = 0;
};

}  // namespace octet::runtime
