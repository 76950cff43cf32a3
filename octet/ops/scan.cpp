// Scan: runs its body over slices of its scan inputs, carrying state and stacking what the body gives.
//   inputs: state..., scanned...; body: (state..., one slice of each) -> (state..., one slice of each output)
// Source: ONNX Scan-9, Scan-11 (negative axes).
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"
#include "octet/ops/strided_copy.h"
#include "octet/ops/subgraph.h"

namespace octet::ops {
namespace {

struct Form {
  const Graph* body = nullptr;
  int states = 0, scans = 0, outputs = 0;  // outputs: the stacked ones
  std::vector<std::int64_t> in_axes, in_directions, out_axes, out_directions;
};

std::vector<std::int64_t> list(const Attributes& attributes, const char* name, int count) {
  std::vector<std::int64_t> values =
      attributes.integers(name, std::vector<std::int64_t>(static_cast<std::size_t>(count), 0));
  if (values.size() != static_cast<std::size_t>(count)) {
    throw Error(ErrorKind::bad_input, std::string("Scan: '") + name + "' has a wrong length")
        .value(std::to_string(values.size()))
        .expected(std::to_string(count));
  }
  return values;
}

Form form_of(const Node& node) {
  Form form;
  const Attributes& attributes = node.attributes;
  form.body = &attributes.graph("body");
  const std::int64_t scans = attributes.integer("num_scan_inputs");
  const auto inputs = static_cast<int>(node.inputs.size()), outputs = static_cast<int>(node.outputs.size());
  const bool counted = scans >= 1 && scans <= inputs && outputs >= inputs - scans &&
                       form.body->inputs.size() == node.inputs.size() &&
                       form.body->outputs.size() == node.outputs.size();
  if (!counted) {
    throw Error(ErrorKind::bad_input, "Scan: the body's inputs and outputs do not match the node's")
        .value(std::to_string(form.body->inputs.size()) + " inputs, " + std::to_string(form.body->outputs.size()) +
               " outputs")
        .expected(std::to_string(inputs) + " inputs, " + std::to_string(outputs) + " outputs");
  }
  form.scans = static_cast<int>(scans);
  form.states = inputs - form.scans;
  form.outputs = outputs - form.states;
  form.in_axes = list(attributes, "scan_input_axes", form.scans);
  form.in_directions = list(attributes, "scan_input_directions", form.scans);
  form.out_axes = list(attributes, "scan_output_axes", form.outputs);
  form.out_directions = list(attributes, "scan_output_directions", form.outputs);
  return form;
}

void infer(InferContext& ctx) {
  const Form form = form_of(ctx.node());
  std::vector<TypeInfo> types;
  Dim length;
  for (int i = 0; i < ctx.input_count(); ++i) {
    TypeInfo type{ctx.dtype(i), ctx.has_shape(i) ? std::optional(ctx.shape(i)) : std::nullopt};
    if (i >= form.states && type.shape) {
      const int axis = normalize_axis(form.in_axes[static_cast<std::size_t>(i - form.states)], ctx.rank(i));
      length = merge(length, (*type.shape)[static_cast<std::size_t>(axis)]);
      type.shape->erase(type.shape->begin() + axis);
    }
    types.push_back(type);
  }
  const std::vector<TypeInfo> results = ctx.infer_subgraph(*form.body, types);
  for (int i = 0; i < ctx.output_count(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    // State keeps its shape from one iteration to the next (the specification demands it).
    if (i < form.states) {
      set_output(ctx, i, common(types[at], results[at]));
    } else {
      set_output(ctx, i, stacked(results[at], form.out_axes[at - static_cast<std::size_t>(form.states)], length));
    }
  }
}

// x without `axis`, taken at `index`.
Tensor slice_at(ThreadPool& threads, const Tensor& x, int axis, std::int64_t index) {
  Shape shape;
  for (int i = 0; i < x.rank(); ++i) {
    if (i != axis) shape.push_back(x.dim(i));
  }
  Tensor out(x.dtype(), shape);
  const std::int64_t outer = x.shape().elements(0, axis), inner = x.shape().elements(axis + 1, x.rank());
  StridedCopy copy;
  copy.add(outer, x.dim(axis) * inner, inner);
  copy.add(inner, 1, 1);
  const std::size_t item = size_of(x.dtype());
  copy.run(threads, item, static_cast<const std::byte*>(x.raw()) + static_cast<std::size_t>(index * inner) * item,
           out.raw());
  return out;
}

// The common length of the scanned axes, which come back in [0, rank).
std::int64_t scan_length(const EvalContext& ctx, Form& form) {
  std::int64_t length = -1;
  for (int i = 0; i < form.scans; ++i) {
    const Tensor& x = ctx.input(form.states + i);
    std::int64_t& axis = form.in_axes[static_cast<std::size_t>(i)];
    axis = normalize_axis(axis, x.rank(), "a scan axis");
    const std::int64_t here = x.dim(static_cast<int>(axis));
    if (length >= 0 && here != length) {
      throw ctx.error(ErrorKind::bad_input, "scanned inputs differ in length")
          .value(std::to_string(here))
          .expected(std::to_string(length));
    }
    length = here;
  }
  return length;
}

void eval(EvalContext& ctx) {
  Form form = form_of(ctx.node());
  const std::int64_t length = scan_length(ctx, form);
  const auto states = static_cast<std::size_t>(form.states), outputs = static_cast<std::size_t>(form.outputs);
  std::vector<Tensor> state;
  for (int i = 0; i < form.states; ++i) state.push_back(ctx.input(i));
  std::vector<std::vector<Tensor>> collected(outputs);
  for (std::int64_t step = 0; step < length; ++step) {
    std::vector<Tensor> inputs = state;
    for (int i = 0; i < form.scans; ++i) {
      const bool backwards = form.in_directions[static_cast<std::size_t>(i)] != 0;
      inputs.push_back(slice_at(ctx.threads(), ctx.input(form.states + i),
                                static_cast<int>(form.in_axes[static_cast<std::size_t>(i)]),
                                backwards ? length - 1 - step : step));
    }
    std::vector<Tensor> results = ctx.run_subgraph(*form.body, inputs);
    for (std::size_t k = 0; k < states; ++k) state[k] = std::move(results[k]);
    for (std::size_t k = 0; k < outputs; ++k) collected[k].push_back(std::move(results[states + k]));
  }
  for (std::size_t k = 0; k < states; ++k) ctx.set_output(static_cast<int>(k), std::move(state[k]));
  for (std::size_t k = 0; k < outputs; ++k) {
    const TypeInfo& declared = form.body->value(form.body->outputs[states + k]).type;
    stack(ctx, static_cast<int>(states + k), collected[k], declared, form.out_axes[k], form.out_directions[k] != 0);
  }
}

// body: (total, x) -> (total + x, total + x).
GraphPtr running_sum() {
  auto body = std::make_shared<Graph>();
  body->opsets[""] = 17;
  const ValueId total = body->add_input("total", DType::f32, {Dim(2)});
  const ValueId x = body->add_input("x", DType::f32, {Dim(2)});
  const ValueId next = body->add_node("Add", {total, x});
  body->value(next).type = {DType::f32, SymbolicShape{Dim(2)}};
  body->outputs = {next, next};
  return body;
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const std::int64_t backwards : {0, 1}) {
    for (const std::int64_t axis : {0, 1}) {
      const Tensor x = random_tensor(random, DType::f32, axis == 0 ? Shape{3, 2} : Shape{2, 3});
      Sample sample{.attributes = {}, .inputs = {random_tensor(random, DType::f32, {2}), x}, .outputs = 2};
      sample.attributes.set("body", running_sum());
      sample.attributes.set("num_scan_inputs", std::int64_t{1});
      sample.attributes.set("scan_input_axes", std::vector<std::int64_t>{axis});
      sample.attributes.set("scan_input_directions", std::vector<std::int64_t>{backwards});
      sample.attributes.set("scan_output_axes", std::vector<std::int64_t>{-1});
      sample.attributes.set("scan_output_directions", std::vector<std::int64_t>{backwards});
      out.push_back(std::move(sample));
    }
  }
  return out;
}

}  // namespace

Rows scan() {
  return {{
      .name = "Scan",
      .since = 9,
      .inputs = {1, kVariadic},
      .outputs = {1, kVariadic},
      .attributes = {"body", "num_scan_inputs", "scan_input_axes", "scan_input_directions", "scan_output_axes",
                     "scan_output_directions"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
