// Session: a graph made ready to run. It lowers the graph (fusion, layout, int8 steps), packs
// weights, plans memory, and runs it from any number of threads at once with the same bits.
//
//   octet::Session session(graph, {.threads = 2});
//   std::vector<Tensor> out = session.run({{"input", x}});
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "octet/graph/graph.h"

namespace octet {

/// One step of the plan, as the profile shows it.
struct StepInfo {
  std::string name, op, kernel;  ///< node, operator, and which kernel was chosen ("igemm_u8s8 avx2")
  bool int8 = false;             ///< computes on 8-bit operands
  std::int64_t macs = 0;         ///< multiply-accumulates of one run
  std::int64_t bytes = 0;        ///< read and written in one run
  double seconds = 0;            ///< the least of the profiled runs (of samples run one by one, times their number)
};

struct SessionOptions {
  int threads = 0;       ///< 0: as many as the process may use
  bool optimize = true;  ///< false: every operator's reference, nothing fused (the referee)
  bool profile = false;  ///< time every step
  /// Attention of what eight-bit layers compute is in eight bits too (kernels/attention_s8): true: in float, as the
  /// file has it.
  bool float_attention = false;
  /// Numbers for symbolic dimensions and whole input shapes, to plan at construction; otherwise a plan
  /// is made at the first run with each new set of input shapes (the last few are kept).
  std::vector<std::pair<std::string, std::int64_t>> dims = {};
  std::vector<std::pair<std::string, Shape>> shapes = {};
};

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

class Session {
 public:
  explicit Session(Graph graph, SessionOptions options = {});
  ~Session();
  Session(Session&&) noexcept;

  /// Outputs in the graph's order. Throws usage when an input is missing, unknown, or of another
  /// type or shape than the graph takes. Outputs own their memory.
  std::vector<Tensor> run(const NamedTensors& inputs) const;

  /// Calls `observe` with every value that a node of the graph computes, as it is computed (calibration,
  /// diagnosis), constants apart. Such a run has a plan of its own in which nothing is fused that would make
  /// a value disappear, but with the same fast float kernels; integers are computed as the file says them.
  /// The tensor is valid during the call: clone() what must stay.
  using Observe = std::function<void(const std::string& value, const Tensor& tensor)>;
  std::vector<Tensor> run(const NamedTensors& inputs, const Observe& observe) const;

  const std::vector<std::string>& input_names() const;
  const std::vector<std::string>& output_names() const;
  /// Type of an input or output as the graph declares it.
  const TypeInfo& type(const std::string& name) const;
  /// Steps of the plan used last (times filled in with options.profile).
  std::vector<StepInfo> steps() const;
  /// Bytes of the largest plan's arena, and of packed weights.
  std::int64_t arena_bytes() const;
  std::int64_t packed_bytes() const;
  /// The lowered graph of the plan used last, printed.
  std::string lowered() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace octet
