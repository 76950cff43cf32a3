// Shape inference over a whole graph, with constant folding along the way: once shapes are known,
// most of the integer arithmetic that exporters leave behind (Shape, Gather, Concat, ...) is constant.
#include <algorithm>

#include "octet/base/checked.h"
#include "octet/ops/op.h"

namespace octet::ops {
namespace {

constexpr std::int64_t kMaxKnownBytes = 1 << 16;

class Inference {
 public:
  Inference(Graph& graph, const InferOptions& options, const Inference* outer)
      : graph_(graph), options_(options), outer_(outer), known_(graph.value_count()) {}

  void seed_inputs() {
    for (const ValueId id : graph_.inputs) {
      TypeInfo type = graph_.value(id).type;
      for (const auto& [name, shape] : options_.shapes) {
        if (name == graph_.value(id).name) type.shape = merge_given(graph_.value(id), shape);
      }
      if (type.shape) {
        for (Dim& dim : *type.shape) bind(dim);
      }
      set(id, {type, {}, {}});
    }
  }

  int run() {
    std::vector<bool> is_input(graph_.value_count(), false);
    for (const ValueId id : graph_.inputs) is_input[static_cast<std::size_t>(id)] = true;
    for (const auto& [id, tensor] : graph_.initializers()) {
      // An initializer that is also an input is only a default.
      if (!is_input[static_cast<std::size_t>(id)]) set(id, {{tensor.dtype(), symbolic(tensor.shape())}, tensor, {}});
    }
    std::vector<bool> folded(graph_.nodes.size(), false);
    int count = 0;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      folded[i] = step(graph_.nodes[i]);
      count += folded[i];
    }
    if (options_.fold) erase_nodes(graph_, folded);
    return count;
  }

  std::vector<TypeInfo> output_types() const {
    std::vector<TypeInfo> out;
    for (const ValueId id : graph_.outputs) out.push_back(look_up(id).type);
    return out;
  }

  const Known& look_up(ValueId id) const {
    const Known& own = known_[static_cast<std::size_t>(id)];
    if (own.type.dtype != DType::undefined || outer_ == nullptr) return own;
    const ValueId there = outer_->graph_.find(graph_.value(id).name);
    return there == kNoValue ? own : outer_->look_up(there);
  }

 private:
  SymbolicShape merge_given(const Value& value, const Shape& shape) const {
    if (value.type.shape && value.type.shape->size() != static_cast<std::size_t>(shape.rank())) {
      throw Error(ErrorKind::usage, "the given shape has another rank than the input")
          .tensor(value.name)
          .value(to_string(shape))
          .expected(to_string(*value.type.shape));
    }
    for (int i = 0; value.type.shape && i < shape.rank(); ++i) {
      const Dim& declared = (*value.type.shape)[static_cast<std::size_t>(i)];
      if (declared.known() && declared.value != shape[i]) {
        throw Error(ErrorKind::usage, "the given shape conflicts with the input's")
            .tensor(value.name)
            .value(to_string(shape))
            .expected(to_string(*value.type.shape));
      }
    }
    return symbolic(shape);
  }

  void bind(Dim& dim) const {
    for (const auto& [symbol, number] : options_.dims) {
      if (!dim.known() && dim.symbol == symbol) dim = Dim(number);
    }
  }

  void set(ValueId id, Known known) {
    if (id == kNoValue) return;
    if (known.type.dtype != DType::undefined) graph_.value(id).type = known.type;
    known_[static_cast<std::size_t>(id)] = std::move(known);
  }

  // Infers one node; true when it was folded into constants.
  bool step(const Node& node) {
    const OpDef* op = find(node.op_type, node.domain, graph_.opset(node.domain));
    if (op == nullptr) return false;  // unknown operators are reported by require_all; types stay as declared
    std::vector<Known> inputs;
    bool constant = op->foldable && subgraphs(node).empty();
    for (const ValueId id : node.inputs) {
      inputs.push_back(id == kNoValue ? Known{} : look_up(id));
      constant = constant && (id == kNoValue || inputs.back().constant.defined());
    }
    InferContext ctx(node, graph_.opset(node.domain), inputs);
    ctx.infer_subgraph = [&](const Graph& body, const std::vector<TypeInfo>& types) { return infer_body(body, types); };
    try {
      for (const Known& in : inputs) check_four_bits(*op, in.type.dtype);
      if (op->infer) op->infer(ctx);
      for (const Known& out : ctx.outputs()) check_four_bits(*op, out.type.dtype);
      if (constant && fits(ctx, inputs)) {
        if (const auto folded = fold(node, *op, inputs)) return *folded;
      }
    } catch (Error& e) {
      if (e.info().node.empty()) e.node(graph_.label(node));
      throw;
    }
    const bool whole = options_.fold && elements_all_known(ctx);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      Known known = ctx.outputs()[i];
      check_declared(node, node.outputs[i], known.type);
      require_countable(node, node.outputs[i], known.type);
      if (known.elements && all_numbers(*known.elements) && known.type.shape) known.constant = constant_of(known);
      set(node.outputs[i], std::move(known));
    }
    if (whole) graph_.set_initializer(node.outputs[0], look_up(node.outputs[0]).constant);
    return whole;
  }

  static bool all_numbers(const SymbolicShape& elements) {
    for (const Dim& dim : elements) {
      if (!dim.symbol.empty() || dim == Dim()) return false;
    }
    return true;
  }

  bool elements_all_known(const InferContext& ctx) const {
    return ctx.output_count() == 1 && ctx.outputs()[0].elements && ctx.outputs()[0].type.shape &&
           static_shape(*ctx.outputs()[0].type.shape) && all_numbers(*ctx.outputs()[0].elements);
  }

  static Tensor constant_of(const Known& known) {
    const auto shape = static_shape(*known.type.shape);
    if (!shape || shape->elements() != static_cast<std::int64_t>(known.elements->size())) return {};
    Tensor out(DType::i64, *shape);
    for (std::size_t i = 0; i < known.elements->size(); ++i) out.data<std::int64_t>()[i] = (*known.elements)[i].value;
    return out.cast(known.type.dtype);
  }

  // Folding must not blow a small file up (a ConstantOfShape of a gigabyte stays a node).
  bool fits(const InferContext& ctx, const std::vector<Known>& inputs) const {
    std::int64_t bytes = 0;
    for (const Known& in : inputs) {
      if (in.constant.defined() && hollow(in.constant.shape())) return false;
    }
    for (const Known& out : ctx.outputs()) {
      if (!out.type.shape) continue;
      if (const auto shape = static_shape(*out.type.shape)) {
        if (hollow(*shape)) return false;
        const std::int64_t own = checked_mul(shape->elements(), static_cast<std::int64_t>(size_of(out.type.dtype)));
        bytes = checked_add(bytes, own);
      }
    }
    return bytes <= most_bytes();
  }
  // No elements, but so many rows of none that going through them takes forever.
  bool hollow(const Shape& shape) const {
    double rows = 1;
    for (const std::int64_t dim : shape) rows *= static_cast<double>(std::max<std::int64_t>(dim, 1));
    return shape.elements() == 0 && rows > static_cast<double>(most_bytes());
  }
  // Without folding only what shapes may follow from is worth computing, not whole dequantized weights.
  std::int64_t most_bytes() const {
    return options_.fold ? options_.max_folded_bytes : std::min(options_.max_folded_bytes, kMaxKnownBytes);
  }

  // Nothing where outputs whose shapes only the operator knows (Range's, say) turn out too large.
  std::optional<bool> fold(const Node& node, const OpDef& op, const std::vector<Known>& known) {
    struct TooLarge {};
    std::vector<Tensor> inputs, outputs(node.outputs.size());
    for (const Known& k : known) inputs.push_back(k.constant);
    static ThreadPool one(1);
    EvalContext ctx(node, graph_.opset(node.domain), inputs, outputs, one);
    ctx.allocate = [left = most_bytes()](int, DType dtype, const Shape& shape) mutable {
      left -= checked_mul(shape.elements(), static_cast<std::int64_t>(size_of(dtype)));
      if (left < 0) throw TooLarge{};
      return Tensor(dtype, shape);
    };
    try {
      op.eval(ctx);
    } catch (const TooLarge&) {
      return std::nullopt;
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const ValueId id = node.outputs[i];
      if (id == kNoValue) continue;
      set(id, {{outputs[i].dtype(), symbolic(outputs[i].shape())}, outputs[i], {}});
      if (options_.fold) graph_.set_initializer(id, outputs[i]);
    }
    return options_.fold;
  }

  // What the file declares and what follows from its operators must agree.
  void check_declared(const Node& node, ValueId id, TypeInfo& inferred) const {
    const TypeInfo& declared = graph_.value(id).type;
    if (inferred.dtype == DType::undefined) inferred.dtype = declared.dtype;
    if (!inferred.shape || !declared.shape) {
      if (!inferred.shape) inferred.shape = declared.shape;
      return;
    }
    bool conflict = inferred.shape->size() != declared.shape->size();
    for (std::size_t i = 0; !conflict && i < declared.shape->size(); ++i) {
      const Dim &a = (*inferred.shape)[i], &b = (*declared.shape)[i];
      conflict = a.known() && b.known() && a.value != b.value;
      if (!a.known() && a.symbol.empty()) (*inferred.shape)[i] = b;
    }
    if (conflict && options_.dims.empty() && options_.shapes.empty()) {
      throw Error(ErrorKind::bad_input, "a declared shape contradicts the operator that produces it")
          .node(graph_.label(node))
          .tensor(graph_.value(id).name)
          .value(to_string(*declared.shape))
          .expected(to_string(*inferred.shape));
    }
  }

  // As the reader asks of a declared shape: no tensor of more than 2^63 bytes.
  void require_countable(const Node& node, ValueId id, const TypeInfo& type) const {
    const auto shape = type.shape ? static_shape(*type.shape) : std::nullopt;
    try {
      if (shape) checked_mul(shape->elements(), 8);
    } catch (Error& e) {
      throw e.node(graph_.label(node)).tensor(graph_.value(id).name);
    }
  }

  std::vector<TypeInfo> infer_body(const Graph& body, const std::vector<TypeInfo>& types) const {
    Graph copy = clone(body);
    for (std::size_t i = 0; i < types.size() && i < copy.inputs.size(); ++i) {
      if (types[i].dtype != DType::undefined) copy.value(copy.inputs[i]).type = types[i];
    }
    InferOptions plain = options_;
    plain.fold = false;
    plain.shapes.clear();
    Inference inner(copy, plain, this);
    inner.seed_inputs();
    inner.run();
    return inner.output_types();
  }

  Graph& graph_;
  const InferOptions& options_;
  const Inference* outer_;
  std::vector<Known> known_;
};

}  // namespace

int infer_shapes(Graph& graph, const InferOptions& options) {
  std::vector<TypeInfo> declared;
  for (const ValueId id : graph.outputs) declared.push_back(graph.value(id).type);
  Inference inference(graph, options, nullptr);
  inference.seed_inputs();
  const int folded = inference.run();
  // What a model says of its outputs stays as it says it, even where something looser follows from its nodes.
  for (std::size_t i = 0; options.dims.empty() && options.shapes.empty() && i < declared.size(); ++i) {
    if (declared[i].dtype != DType::undefined && declared[i].shape) graph.value(graph.outputs[i]).type = declared[i];
  }
  return folded;
}

}  // namespace octet::ops
