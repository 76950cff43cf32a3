// What an operator's evaluation sees: tensors in, a place for tensors out, threads to share work.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "octet/base/threads.h"
#include "octet/graph/graph.h"

namespace octet {

class EvalContext {
 public:
  /// Where outputs live: the plan's arena, or the heap where none is given.
  using Allocate = std::function<Tensor(int output, DType dtype, const Shape& shape)>;

  EvalContext(const Node& node, int opset, std::span<const Tensor> inputs, std::span<Tensor> outputs,
              ThreadPool& threads)
      : node_(node), opset_(opset), inputs_(inputs), outputs_(outputs), threads_(threads) {}

  const Node& node() const { return node_; }
  const Attributes& attributes() const { return node_.attributes; }
  int opset() const { return opset_; }
  ThreadPool& threads() const { return threads_; }

  int input_count() const { return static_cast<int>(inputs_.size()); }
  bool has_input(int i) const { return i < input_count() && inputs_[static_cast<std::size_t>(i)].defined(); }
  const Tensor& input(int i) const { return inputs_[static_cast<std::size_t>(i)]; }
  int output_count() const { return static_cast<int>(outputs_.size()); }
  bool wants_output(int i) const {
    return i < output_count() && node_.outputs[static_cast<std::size_t>(i)] != kNoValue;
  }
  /// An uninitialised output of that type and shape (planned memory when there is a plan). Calling it
  /// again gives the same tensor. Outputs never overlap inputs.
  Tensor& output(int i, DType dtype, const Shape& shape);
  /// Hands over a finished tensor (a reshaped view of an input, say).
  void set_output(int i, Tensor tensor) { outputs_[static_cast<std::size_t>(i)] = std::move(tensor); }

  /// Axes as an attribute (before `input_since`) or as input `slot` (from then on); empty: not given.
  std::vector<std::int64_t> axes(int slot, int input_since, const char* attribute = "axes") const;

  /// An error that names this node.
  Error error(ErrorKind kind, const std::string& message) const;

  /// Runs a subgraph attribute with its captured values resolved. Set by whoever evaluates.
  std::function<std::vector<Tensor>(const Graph& body, const std::vector<Tensor>& inputs)> run_subgraph;
  Allocate allocate;
  /// Scratch memory for this call alone, 64-byte aligned, where a plan gives some to a prepared step.
  std::uint8_t* scratch = nullptr;

 private:
  const Node& node_;
  int opset_;
  std::span<const Tensor> inputs_;
  std::span<Tensor> outputs_;
  ThreadPool& threads_;
};

}  // namespace octet
