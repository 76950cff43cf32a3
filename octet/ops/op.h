// An operator is one row of plain functions (OpDef) in one file, named by one line of op_list.cpp.
//
//   void infer(InferContext& ctx) { ctx.set_output(0, ctx.dtype(0), ctx.shape(0)); }
//   void eval(EvalContext& ctx) { ... ctx.input(0) ... ctx.output(0, dtype, shape) ... }
//   OpDef relu() { return {.name = "Relu", .inputs = {1, 1}, .infer = infer, .eval = eval, .samples = samples}; }
//
// `eval` is the reference: right for every type and shape that the operator's specification admits.
// It works for every opset that Octet reads (7 to 22), asking ctx.opset() where the form changed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "octet/base/random.h"
#include "octet/ops/eval_context.h"
#include "octet/ops/infer_context.h"

namespace octet {

class GradientContext;

struct Arity {
  int min = 1, max = 1;
};
inline constexpr int kVariadic = 1 << 20;

/// How an operator takes part in quantization; plain data that quant/ and runtime/ read.
struct QuantRule {
  enum class Kind {
    none,          ///< stays float
    weighted,      ///< Conv, Gemm, MatMul: int8 activation x int8 weight -> int32
    pass_through,  ///< only moves elements: output shares its input's parameters (Reshape, MaxPool, ...)
    shared,        ///< several inputs that must share parameters with the output (Concat)
    arithmetic,    ///< int8 inputs of any parameters, int8 output of its own (Add, AveragePool, ...)
    lookup,        ///< elementwise function of one input: a 256-entry table (Sigmoid, HardSwish, ...)
  };
  Kind kind = Kind::none;
  int activation = 0, weight = -1, bias = -1;  ///< input slots of a weighted operator
  int weight_channel_axis = 0;                 ///< the axis of the weight that counts output channels
  bool fuses_into_producer = false;            ///< an activation that a weighted producer applies itself
};

/// One concrete use of an operator, for the sweeps: attributes and inputs.
struct Sample {
  Attributes attributes = {};
  std::vector<Tensor> inputs = {};  ///< an undefined tensor is an input left out
  int opset = 17;
  int outputs = 1;
};

/// State that an operator builds once from its constant inputs (packed weights), then runs many times.
class Prepared {
 public:
  virtual ~Prepared() = default;
  /// Safe to call from several threads at once.
  virtual void run(EvalContext& ctx) const = 0;
};

struct OpDef {
  std::string name;
  std::string domain = {};  ///< "" is ONNX's default domain
  int since = 1;            ///< first opset that has the operator
  int until = 0;            ///< last opset that has it; 0: still there
  Arity inputs = {1, 1};
  Arity outputs = {1, 1};
  std::vector<std::string> attributes = {};  ///< every attribute name it takes; another one is refused
  std::function<void(InferContext&)> infer = {};
  std::function<void(EvalContext&)> eval = {};
  /// Optional: a faster form for given constants. constants[i] is null where input i is not constant.
  std::function<std::unique_ptr<Prepared>(const Node&, int opset, const std::vector<const Tensor*>& constants)>
      prepare = {};
  /// Reverse mode: emits nodes that compute the gradients of the inputs from those of the outputs.
  std::function<void(GradientContext&)> gradient = {};
  bool zero_gradient = false;  ///< the derivative is zero almost everywhere, or no input is real (Round, Shape, ArgMax)
  QuantRule quant = {};
  bool four_bits = false;  ///< takes or gives tensors of u4 and i4; all others refuse them
  bool foldable = true;    ///< false: never folded: random, or DequantizeLinear (a stored weight must stay int8)
  std::function<std::vector<Sample>(Random&)> samples = {};
};

namespace ops {

/// All operators. Adding one is a file and a line in op_list.cpp.
const std::vector<OpDef>& all();
/// The operator of that name and domain that exists at `opset`, or nullptr.
const OpDef* find(const std::string& name, const std::string& domain, int opset);
/// The row for a node; throws unsupported (naming node, operator, domain and opset) when there is none.
const OpDef& require(const Graph& graph, const Node& node);
/// Throws unsupported listing every operator of the graph (subgraphs included) that is not there.
void require_all(const Graph& graph);
/// Throws unsupported where a tensor of u4 or i4 meets an operator that does not know them.
void check_four_bits(const OpDef& op, DType dtype);
void check_four_bits(const OpDef& op, std::span<const Tensor> tensors);
/// Arity, attribute names: throws bad_input naming the node.
void check_form(const Graph& graph, const Node& node, const OpDef& op);

/// Evaluates one node on tensors, outside any plan (folding, tests).
std::vector<Tensor> evaluate(const OpDef& op, const Node& node, int opset, const std::vector<Tensor>& inputs,
                             ThreadPool& threads);
/// Evaluates a whole graph node by node with the reference of every operator; `outer` gives the
/// values that a subgraph captures. Slow and plain: the referee for every faster way.
std::vector<Tensor> evaluate_graph(const Graph& graph, const std::vector<Tensor>& inputs, ThreadPool& threads,
                                   const std::function<Tensor(const std::string&)>& outer = {});

/// Fills in Value::type (shapes and types) over the whole graph, folds what is constant when
/// `fold` is set (Shape of a known shape included), and returns how many nodes were folded away.
/// `dims` gives numbers for symbols ("batch" -> 1); `shapes` fixes whole inputs.
struct InferOptions {
  bool fold = false;
  std::int64_t max_folded_bytes = std::int64_t{1} << 26;  ///< a folded result larger than this stays a node
  std::vector<std::pair<std::string, std::int64_t>> dims = {};
  std::vector<std::pair<std::string, Shape>> shapes = {};
};
int infer_shapes(Graph& graph, const InferOptions& options = {});

}  // namespace ops
}  // namespace octet
