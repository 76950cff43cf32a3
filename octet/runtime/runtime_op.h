// Operators of the lowered graph (domain "octet.rt"): a plain reference each, and a fast form that
// is prepared once a plan from constant inputs and known shapes. They never reach a file.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "octet/ops/op.h"
#include "octet/runtime/pack_cache.h"

namespace octet::runtime {

inline constexpr const char* kDomain = "octet.rt";

/// A prepared step: what runs, and what the profile says of it.
class PreparedStep : public Prepared {
 public:
  /// The kernel chosen, with its instruction set: "igemm_u8s8 avx2".
  virtual std::string kernel() const = 0;
  /// Scratch memory that run() finds in EvalContext::scratch.
  virtual std::int64_t scratch_bytes() const { return 0; }
  /// Memory of its packed weights.
  virtual std::int64_t packed_bytes() const { return 0; }
};

/// What is known when a step is prepared.
struct PrepareContext {
  const Node& node;
  int opset = 0;
  std::vector<const Tensor*> constants;      ///< one an input; null where it is not constant
  std::vector<std::optional<Shape>> inputs;  ///< shapes of the inputs, where known
  std::vector<std::optional<Shape>> outputs;
  std::vector<DType> input_types, output_types;
  PackCache& cache;
  int threads = 1;
};

/// A row of the runtime's operator table.
struct RuntimeOp {
  OpDef def;
  /// Gives null where only the reference can serve (shapes unknown, say).
  std::unique_ptr<PreparedStep> (*prepare)(const PrepareContext&) = nullptr;
  bool int8 = false;      ///< computes on 8-bit operands
  bool in_place = false;  ///< elementwise: the output may take the place of an input of its size
  /// Input slots that are images, laid out as the attribute channels_last says; none: layout is no matter.
  std::vector<int> images = {};
  int image_outputs = 1;  ///< of an operator with images: how many outputs are images too, the first ones
  /// Input slot of a tensor that the output takes over, writing a part of it (attribute y_channels); -1: none.
  int into_slot = -1;
};

/// All runtime operators.
const std::vector<RuntimeOp>& runtime_ops();
/// The runtime operator of a node, or nullptr when it is an ordinary one.
const RuntimeOp* find_runtime_op(const Node& node);
/// The row for a node of a lowered graph; throws unsupported when there is none.
const OpDef& require_op(const Graph& graph, const Node& node);
/// Node by node with the reference of every operator, the runtime's included: the referee. `observe`
/// (may be empty) is called with every value that a node computes.
std::vector<Tensor> evaluate_plainly(const Graph& graph, const std::vector<const Tensor*>& inputs, ThreadPool& threads,
                                     const std::function<void(const std::string&, const Tensor&)>& observe = {});

}  // namespace octet::runtime
