// (x - mean) / sqrt(mean((x - mean)^2) + eps) [* gamma] [+ beta] over the last axes is LayerNormalization.
// Source: Ba et al. 2016 (arXiv 1607.06450); ONNX LayerNormalization-17.
#include <algorithm>

#include "octet/rewrite/match.h"
#include "octet/rewrite/table.h"

namespace octet::rewrite {
namespace {

struct Match {
  ValueId x = kNoValue;
  std::int64_t axis = 0;  // first normalized axis
  float epsilon = 0;
};

// First axis of a ReduceMean with keepdims over the trailing axes, or -1.
std::int64_t trailing_mean(const Edit& edit, int index, int rank) {
  if (index < 0 || edit.node(index).attributes.integer("keepdims", 1) == 0) return -1;
  std::vector<std::int64_t> axes = reduced_axes(edit, edit.node(index), rank);
  std::sort(axes.begin(), axes.end());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] != rank - static_cast<std::int64_t>(axes.size() - i)) return -1;
  }
  return axes.empty() ? -1 : axes.front();
}

// y if the value is y * y or y ^ 2.
ValueId square(const Edit& edit, ValueId id) {
  if (const int mul = edit.producer(id, "Mul"); mul >= 0) {
    const std::vector<ValueId>& in = edit.node(mul).inputs;
    if (in[0] == in[1]) return in[0];
  }
  const int power = edit.producer(id, "Pow");
  return power >= 0 && edit.is_scalar(edit.node(power).inputs[1], 2) ? edit.node(power).inputs[0] : kNoValue;
}

std::optional<Match> match(const Edit& edit, int div) {
  const ValueId centred = edit.node(div).inputs[0];
  const int sub = edit.producer(centred, "Sub"), root = edit.producer(edit.node(div).inputs[1], "Sqrt");
  if (sub < 0 || root < 0) return std::nullopt;
  Match m;
  m.x = edit.node(sub).inputs[0];
  const int rank = edit.rank(m.x);
  const int mean = edit.producer(edit.node(sub).inputs[1], "ReduceMean");
  const int add = edit.producer(edit.node(root).inputs[0], "Add");
  if (rank < 1 || mean < 0 || add < 0 || edit.node(mean).inputs[0] != m.x) return std::nullopt;
  m.axis = trailing_mean(edit, mean, rank);
  for (const std::size_t slot : {std::size_t{0}, std::size_t{1}}) {
    const std::optional<double> epsilon = edit.scalar(edit.node(add).inputs[1 - slot]);
    const int variance = edit.producer(edit.node(add).inputs[slot], "ReduceMean");
    if (!epsilon || variance < 0 || m.axis < 0 || trailing_mean(edit, variance, rank) != m.axis) continue;
    if (square(edit, edit.node(variance).inputs[0]) != centred) continue;
    m.epsilon = static_cast<float>(*epsilon);
    return m;
  }
  return std::nullopt;
}

// A constant of exactly the normalized shape that the single reader `op` of `value` applies.
ValueId affine(const Edit& edit, ValueId value, const char* op, const Shape& normalized, ValueId* out) {
  const int reader = edit.only_reader(value, op);
  const ValueId other = reader < 0 ? kNoValue : edit.other_input(reader, value);
  const Tensor* constant = edit.constant(other);
  if (constant == nullptr || constant->dtype() != DType::f32) return kNoValue;
  if (constant->elements() != normalized.elements() || constant->rank() > normalized.rank()) return kNoValue;
  *out = edit.node(reader).outputs[0];
  return other;
}

int apply(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "Div")) continue;
    const std::optional<Match> m = match(edit, i);
    if (!m || graph.value(m->x).type.dtype != DType::f32) continue;
    // The normalized dimensions must be known for a scale of ones.
    Shape normalized;
    const SymbolicShape shape = *graph.value(m->x).type.shape;  // a copy: values are added below
    bool known = true;
    for (std::size_t d = static_cast<std::size_t>(m->axis); d < shape.size(); ++d) {
      known = known && shape[d].known();
      if (known) normalized.push_back(shape[d].value);
    }
    if (!known) continue;
    ValueId out = edit.node(i).outputs[0];
    ValueId gamma = affine(edit, out, "Mul", normalized, &out);
    const ValueId beta = gamma == kNoValue ? kNoValue : affine(edit, out, "Add", normalized, &out);
    if (gamma == kNoValue) {
      Tensor ones(DType::f32, normalized);
      std::fill_n(ones.data<float>(), ones.elements(), 1.0f);
      gamma = graph.add_initializer(graph.fresh_name("layer_norm_scale"), ones);
    }
    Attributes attributes;
    attributes.set("axis", m->axis - static_cast<std::int64_t>(shape.size()));
    attributes.set("epsilon", m->epsilon);
    std::vector<ValueId> inputs = {m->x, gamma};
    if (beta != kNoValue) inputs.push_back(beta);
    edit.produce(out, "LayerNormalization", inputs, attributes, {}, edit.domain_for("LayerNormalization"));
  }
  return edit.finish();
}

Graph sample(bool power, bool scaled) {
  Graph g;
  g.opsets[""] = power ? 17 : 13;
  const ValueId x = g.add_input("x", DType::f32, {2, 3, 4});
  Attributes last;
  last.set("axes", std::vector<std::int64_t>{-1});
  const ValueId centred = g.add_node("Sub", {x, g.add_node("ReduceMean", {x}, last)});
  const ValueId squared = power ? g.add_node("Pow", {centred, g.add_initializer("two", Tensor::scalar(2.0f))})
                                : g.add_node("Mul", {centred, centred});
  const ValueId variance = g.add_node("ReduceMean", {squared}, last);
  const ValueId epsilon = g.add_initializer("epsilon", Tensor::scalar(1e-5f));
  ValueId y = g.add_node("Div", {centred, g.add_node("Sqrt", {g.add_node("Add", {variance, epsilon})})});
  if (scaled) {
    y = g.add_node("Mul", {y, g.add_initializer("gamma", Tensor::from<float>({4}, {1, 2, 3, 4}))});
    y = g.add_node("Add", {y, g.add_initializer("beta", Tensor::from<float>({4}, {0, 1, 0, -1}))});
  }
  g.outputs = {y};
  return g;
}

std::vector<Graph> samples() { return {sample(true, true), sample(false, true), sample(true, false)}; }

}  // namespace

Rewrite recognize_layer_norm() {
  return {"recognize_layer_norm", "ReduceMean, Sub, Sqrt, Div spelled out become LayerNormalization", apply, samples};
}

}  // namespace octet::rewrite
