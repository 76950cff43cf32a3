// If: one of two subgraphs, chosen at run time.  Source: ONNX If-1, If-11, If-13.
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"
#include "octet/ops/subgraph.h"

namespace octet::ops {
namespace {

void infer(InferContext& ctx) {
  const Graph &then_branch = ctx.attributes().graph("then_branch"),
              &else_branch = ctx.attributes().graph("else_branch");
  const auto outputs = static_cast<std::size_t>(ctx.output_count());
  for (const Graph* branch : {&then_branch, &else_branch}) {
    if (branch->outputs.size() == outputs) continue;
    throw Error(ErrorKind::bad_input, "If: a branch gives another number of outputs than the node")
        .value(std::to_string(branch->outputs.size()))
        .expected(std::to_string(outputs));
  }
  const Tensor* condition = ctx.constant(0);
  std::vector<TypeInfo> types;
  if (condition != nullptr) {
    types = ctx.infer_subgraph(truth(*condition, "If") ? then_branch : else_branch, {});
  } else {
    types = ctx.infer_subgraph(then_branch, {});
    const std::vector<TypeInfo> other = ctx.infer_subgraph(else_branch, {});
    for (std::size_t i = 0; i < types.size(); ++i) types[i] = common(types[i], other[i]);
  }
  for (std::size_t i = 0; i < outputs; ++i) set_output(ctx, static_cast<int>(i), types[i]);
}

void eval(EvalContext& ctx) {
  const Graph& branch = ctx.attributes().graph(truth(ctx.input(0), "If") ? "then_branch" : "else_branch");
  std::vector<Tensor> results = ctx.run_subgraph(branch, {});
  if (results.size() != static_cast<std::size_t>(ctx.output_count())) {
    throw ctx.error(ErrorKind::bad_input, "the branch gives another number of outputs than the node")
        .value(std::to_string(results.size()))
        .expected(std::to_string(ctx.output_count()));
  }
  for (std::size_t i = 0; i < results.size(); ++i) ctx.set_output(static_cast<int>(i), std::move(results[i]));
}

// A branch of one constant.
GraphPtr constant_branch(const Tensor& value) {
  auto graph = std::make_shared<Graph>();
  graph->opsets[""] = 17;
  Attributes attributes;
  attributes.set("value", value);
  graph->outputs.push_back(graph->add_node("Constant", {}, attributes));
  return graph;
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const bool condition : {true, false}) {
    Sample sample{.attributes = {}, .inputs = {Tensor::scalar(condition)}};
    sample.attributes.set("then_branch", constant_branch(random_tensor(random, DType::f32, {2, 3})));
    sample.attributes.set("else_branch", constant_branch(random_tensor(random, DType::f32, {2, 4})));
    out.push_back(std::move(sample));
  }
  return out;
}

}  // namespace

Rows if_else() {
  return {{
      .name = "If",
      .outputs = {1, kVariadic},
      .attributes = {"then_branch", "else_branch"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
