// Loop: runs its body until a count is reached or its condition turns false.
//   inputs: M (trip count, optional), condition (optional), carried values
//   body: (iteration, condition, carried...) -> (condition, carried..., one element of each stacked output)
// Source: ONNX Loop-1, Loop-11, Loop-13.
#include <algorithm>
#include <limits>

#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"
#include "octet/ops/subgraph.h"

namespace octet::ops {
namespace {

constexpr int kFirstCarried = 2;  // among the inputs of node and body

int carried_count(const Node& node) { return static_cast<int>(node.inputs.size()) - kFirstCarried; }

void check_body(const Node& node, const Graph& body) {
  const int carried = carried_count(node), outputs = static_cast<int>(node.outputs.size());
  if (carried < 0 || body.inputs.size() != node.inputs.size() || static_cast<int>(body.outputs.size()) != outputs + 1 ||
      outputs < carried) {
    throw Error(ErrorKind::bad_input, "Loop: the body's inputs and outputs do not match the node's")
        .value(std::to_string(body.inputs.size()) + " inputs, " + std::to_string(body.outputs.size()) + " outputs")
        .expected(std::to_string(node.inputs.size()) + " inputs, " + std::to_string(outputs + 1) + " outputs");
  }
}

// How often the body runs, where that can be said: a known count, and a condition that the body only hands on.
Dim iterations(const InferContext& ctx, const Graph& body) {
  const Tensor *count = ctx.constant(0), *start = ctx.constant(1);
  if (start != nullptr && !truth(*start, "Loop")) return Dim(0);
  const ValueId next = body.outputs[0];
  const Tensor* always = body.initializer(next);
  const bool handed_on = next == body.inputs[1] || (always != nullptr && truth(*always, "Loop"));
  if (count == nullptr || count->elements() != 1 || !handed_on || (ctx.has_input(1) && start == nullptr)) return Dim();
  return Dim(std::max<std::int64_t>(0, count->to_int64()[0]));
}

void infer(InferContext& ctx) {
  const Graph& body = ctx.attributes().graph("body");
  check_body(ctx.node(), body);
  const int carried = carried_count(ctx.node());
  std::vector<TypeInfo> types{{DType::i64, SymbolicShape{}}, {DType::boolean, SymbolicShape{}}};
  for (int i = kFirstCarried; i < ctx.input_count(); ++i) {
    types.push_back({ctx.dtype(i), ctx.has_shape(i) ? std::optional(ctx.shape(i)) : std::nullopt});
  }
  // A carried value's shape may change from one iteration to the next: only what stays the same is known.
  // Each round can only forget, so that a few rounds settle it; if not, nothing is said of shapes.
  constexpr int kRounds = 4;
  std::vector<TypeInfo> results;
  for (int round = 0; round < kRounds; ++round) {
    results = ctx.infer_subgraph(body, types);
    bool settled = true;
    for (std::size_t i = 0; i < static_cast<std::size_t>(carried); ++i) {
      TypeInfo& type = types[i + kFirstCarried];
      TypeInfo both = common(type, results[i + 1]);
      if (both.dtype == DType::undefined) both.dtype = type.dtype;
      if (round == kRounds - 2) both.shape.reset();
      settled = settled && both.shape == type.shape;
      type = both;
    }
    if (settled) break;
  }
  const Dim count = iterations(ctx, body);
  for (int i = 0; i < ctx.output_count(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    set_output(ctx, i, i < carried ? types[at + kFirstCarried] : stacked(results[at + 1], 0, count));
  }
}

std::int64_t trip_count(const EvalContext& ctx) {
  if (!ctx.has_input(0)) return std::numeric_limits<std::int64_t>::max();
  if (ctx.input(0).elements() != 1) {
    throw ctx.error(ErrorKind::bad_input, "the trip count must be one number").value(to_string(ctx.input(0).shape()));
  }
  return ctx.input(0).to_int64()[0];
}

void eval(EvalContext& ctx) {
  const Graph& body = ctx.attributes().graph("body");
  check_body(ctx.node(), body);
  const auto carried = static_cast<std::size_t>(carried_count(ctx.node()));
  const std::int64_t trips = trip_count(ctx);
  bool go_on = !ctx.has_input(1) || truth(ctx.input(1), "Loop");
  std::vector<Tensor> inputs{Tensor(), Tensor()};
  for (std::size_t i = 0; i < carried; ++i) inputs.push_back(ctx.input(static_cast<int>(i) + kFirstCarried));
  std::vector<std::vector<Tensor>> collected(static_cast<std::size_t>(ctx.output_count()) - carried);
  for (std::int64_t i = 0; i < trips && go_on; ++i) {
    inputs[0] = Tensor::scalar(i);
    inputs[1] = Tensor::scalar(go_on);
    std::vector<Tensor> results = ctx.run_subgraph(body, inputs);
    go_on = truth(results[0], "Loop");
    for (std::size_t k = 0; k < carried; ++k) inputs[k + kFirstCarried] = std::move(results[k + 1]);
    for (std::size_t k = 0; k < collected.size(); ++k) collected[k].push_back(std::move(results[k + 1 + carried]));
  }
  for (std::size_t k = 0; k < carried; ++k) ctx.set_output(static_cast<int>(k), std::move(inputs[k + kFirstCarried]));
  for (std::size_t k = 0; k < collected.size(); ++k) {
    const TypeInfo& declared = body.value(body.outputs[k + 1 + carried]).type;
    stack(ctx, static_cast<int>(carried + k), collected[k], declared, 0, false);
  }
}

// body: total -> total + step, and the new total collected.
GraphPtr adding_body() {
  auto body = std::make_shared<Graph>();
  body->opsets[""] = 17;
  body->add_input("iteration", DType::i64, {});
  const ValueId condition = body->add_input("condition", DType::boolean, {});
  const ValueId total = body->add_input("total", DType::f32, {Dim(2)});
  const ValueId step = body->add_initializer("step", Tensor::from<float>({2}, {1, 2}));
  const ValueId next = body->add_node("Add", {total, step});
  body->value(next).type = {DType::f32, SymbolicShape{Dim(2)}};
  body->outputs = {condition, next, next};
  return body;
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  const Tensor start = random_tensor(random, DType::f32, {2}), yes = Tensor::scalar(true);
  const Tensor five = Tensor::scalar<std::int64_t>(5), none = Tensor::scalar<std::int64_t>(0);
  for (const std::vector<Tensor>& inputs : {std::vector{five, yes, start},
                                            {five, Tensor(), start},
                                            {none, yes, start},
                                            {Tensor(), Tensor::scalar(false), start}}) {
    Sample sample{.attributes = {}, .inputs = inputs, .outputs = 2};
    sample.attributes.set("body", adding_body());
    out.push_back(std::move(sample));
  }
  return out;
}

}  // namespace

Rows loop() {
  return {{
      .name = "Loop",
      .inputs = {0, kVariadic},  // trip count and condition have their places, but either may be left out
      .outputs = {1, kVariadic},
      .attributes = {"body"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
