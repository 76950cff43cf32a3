// The sweep over every operator: its samples run, and what was inferred beforehand is what comes out.
#include <gtest/gtest.h>

#include "octet/ops/op.h"

namespace octet::ops {
namespace {

struct Prepared {
  Graph graph;
  std::vector<Tensor> fed;  // for the graph's inputs, in order
};

// A graph of one node. With `constants`, inputs are initializers, so that shape rules may read them.
Prepared graph_of(const OpDef& op, const Sample& sample, bool constants) {
  Prepared out;
  Graph& graph = out.graph;
  graph.opsets[""] = sample.opset;
  graph.opsets[op.domain] = op.domain.empty() ? sample.opset : 1;
  Node node;
  node.op_type = op.name;
  node.domain = op.domain;
  node.attributes = sample.attributes;
  for (std::size_t i = 0; i < sample.inputs.size(); ++i) {
    const Tensor& tensor = sample.inputs[i];
    const std::string name = "input_" + std::to_string(i);
    if (!tensor.defined()) {
      node.inputs.push_back(kNoValue);
    } else if (constants) {
      node.inputs.push_back(graph.add_initializer(name, tensor));
    } else {
      node.inputs.push_back(graph.add_input(name, tensor.dtype(), symbolic(tensor.shape())));
      out.fed.push_back(tensor);
    }
  }
  for (int i = 0; i < sample.outputs; ++i) {
    node.outputs.push_back(graph.add_value("output_" + std::to_string(i)));
    graph.outputs.push_back(node.outputs.back());
  }
  graph.nodes.push_back(std::move(node));
  return out;
}

void expect_inferred(const Graph& graph, const std::vector<Tensor>& results, const std::string& what) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    const TypeInfo& type = graph.value(graph.outputs[i]).type;
    EXPECT_EQ(to_string(type.dtype), std::string(to_string(results[i].dtype()))) << what << " output " << i;
    if (!type.shape) continue;
    const Shape& actual = results[i].shape();
    ASSERT_EQ(type.shape->size(), static_cast<std::size_t>(actual.rank())) << what << " output " << i;
    for (int d = 0; d < actual.rank(); ++d) {
      const Dim& dim = (*type.shape)[static_cast<std::size_t>(d)];
      if (dim.known()) {
        EXPECT_EQ(dim.value, actual[d]) << what << " output " << i << " dimension " << d;
      }
    }
  }
}

TEST(Samples, EveryOperatorHasThem) {
  Random random(1);
  for (const OpDef& op : all()) EXPECT_TRUE(op.samples && !op.samples(random).empty()) << op.name;
}

TEST(Samples, InferredTypesAndShapesAreTheActualOnes) {
  ThreadPool threads(2);
  for (const OpDef& op : all()) {
    if (!op.samples) continue;
    Random random(2);
    int number = 0;
    for (const Sample& sample : op.samples(random)) {
      const std::string what = op.name + " sample " + std::to_string(number++);
      for (const bool constants : {false, true}) {
        Prepared made = graph_of(op, sample, constants);
        try {
          const std::vector<Tensor> results = evaluate_graph(made.graph, made.fed, threads);
          infer_shapes(made.graph);
          expect_inferred(made.graph, results, what);
        } catch (const Error& error) {
          ADD_FAILURE() << what << ": " << error.what();
        }
      }
    }
  }
}

TEST(Samples, FoldingGivesTheSameBits) {
  ThreadPool threads(1);
  for (const OpDef& op : all()) {
    if (!op.samples || !op.foldable) continue;
    Random random(3);
    for (const Sample& sample : op.samples(random)) {
      Prepared made = graph_of(op, sample, true);
      const std::vector<Tensor> results = evaluate_graph(made.graph, {}, threads);
      infer_shapes(made.graph, {.fold = true});
      for (std::size_t i = 0; i < results.size(); ++i) {
        const Tensor* folded = made.graph.initializer(made.graph.outputs[i]);
        if (folded == nullptr) continue;
        ASSERT_EQ(folded->shape(), results[i].shape()) << op.name;
        if (folded->bytes() != 0)
          EXPECT_EQ(std::memcmp(folded->raw(), results[i].raw(), folded->bytes()), 0) << op.name;
      }
    }
  }
}

}  // namespace
}  // namespace octet::ops
