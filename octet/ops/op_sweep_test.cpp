// What must hold for every operator alike, over ops::all().
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "octet/ops/op.h"

namespace octet::ops {
namespace {

// A graph of one node around a sample. Inputs are inputs of the graph, or initializers.
struct OneNode {
  Graph graph;
  std::vector<Tensor> given;
};

OneNode one_node(const OpDef& op, const Sample& sample, bool constant) {
  OneNode out;
  out.graph.opsets[""] = sample.opset;
  out.graph.opsets[op.domain] = op.domain.empty() ? sample.opset : 1;
  Node node;
  node.op_type = op.name;
  node.domain = op.domain;
  node.name = op.name;
  node.attributes = sample.attributes;
  for (const Tensor& tensor : sample.inputs) {
    if (!tensor.defined()) {
      node.inputs.push_back(kNoValue);
    } else if (constant) {
      node.inputs.push_back(out.graph.add_initializer({}, tensor));
    } else {
      node.inputs.push_back(out.graph.add_input({}, tensor.dtype(), symbolic(tensor.shape())));
      out.given.push_back(tensor);
    }
  }
  for (int i = 0; i < sample.outputs; ++i) {
    node.outputs.push_back(out.graph.add_value());
    out.graph.outputs.push_back(node.outputs.back());
  }
  out.graph.nodes.push_back(std::move(node));
  return out;
}

int opset_of(const OpDef& op, const Sample& sample) { return op.domain.empty() ? sample.opset : 1; }

std::vector<Tensor> run(const OpDef& op, const Sample& sample, int threads = 1) {
  ThreadPool pool(threads);
  const OneNode one = one_node(op, sample, false);
  return evaluate_graph(one.graph, one.given, pool);
}

std::string describe(const OpDef& op, std::size_t index, const Sample& sample) {
  std::string text = op.name + " sample " + std::to_string(index) + " (opset " + std::to_string(sample.opset) + ")";
  for (const Tensor& tensor : sample.inputs) {
    text += tensor.defined() ? std::string(" ") + to_string(tensor.dtype()) + " " + to_string(tensor.shape()) : " -";
  }
  return text;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         (a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0);
}

class Operator : public testing::TestWithParam<const OpDef*> {
 protected:
  const OpDef& op() const { return *GetParam(); }
  std::vector<Sample> samples() const {
    Random random(7);
    return op().samples ? op().samples(random) : std::vector<Sample>{};
  }
  template <class F>
  void for_each_sample(const F& f) const {
    const std::vector<Sample> all_samples = samples();
    for (std::size_t i = 0; i < all_samples.size(); ++i) {
      SCOPED_TRACE(describe(op(), i, all_samples[i]));
      f(all_samples[i]);
    }
  }
};

TEST_P(Operator, HasSamplesThatItsRowAdmits) {
  ASSERT_FALSE(samples().empty());
  for_each_sample([&](const Sample& sample) {
    EXPECT_EQ(find(op().name, op().domain, opset_of(op(), sample)), &op());
    const OneNode one = one_node(op(), sample, false);
    EXPECT_NO_THROW(check_form(one.graph, one.graph.nodes[0], op()));
  });
}

// A type or dimension that is inferred must be the one that comes out.
TEST_P(Operator, InferredTypeIsTheActualOne) {
  for_each_sample([&](const Sample& sample) {
    const std::vector<Tensor> outputs = run(op(), sample);
    for (const bool constant : {false, true}) {
      OneNode one = one_node(op(), sample, constant);
      infer_shapes(one.graph);
      const bool has_subgraph = !subgraphs(one.graph.nodes[0]).empty();  // how often a loop runs may stay open
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        const TypeInfo& type = one.graph.value(one.graph.outputs[i]).type;
        EXPECT_EQ(type.dtype, outputs[i].dtype());
        if (constant && !has_subgraph) {
          EXPECT_TRUE(type.shape.has_value());
        }
        if (!type.shape) continue;
        ASSERT_EQ(type.shape->size(), static_cast<std::size_t>(outputs[i].rank())) << to_string(outputs[i].shape());
        for (std::size_t d = 0; d < type.shape->size(); ++d) {
          const Dim& dim = (*type.shape)[d];
          if (dim.known()) {
            EXPECT_EQ(dim.value, outputs[i].dim(static_cast<int>(d))) << "dimension " << d;
          }
          if (constant && !has_subgraph) {
            EXPECT_TRUE(dim.known()) << "dimension " << d;
          }
        }
      }
    }
  });
}

// Symbols in place of numbers must not lead to a wrong number.
TEST_P(Operator, SymbolicShapesNeverClaimAWrongDimension) {
  for_each_sample([&](const Sample& sample) {
    const std::vector<Tensor> outputs = run(op(), sample);
    OneNode one = one_node(op(), sample, false);
    for (std::size_t i = 0; i < one.graph.inputs.size(); ++i) {
      SymbolicShape& shape = *one.graph.value(one.graph.inputs[i]).type.shape;
      for (std::size_t d = 0; d < shape.size(); ++d) {
        if (shape[d].value > 1) shape[d] = Dim("d" + std::to_string(shape[d].value));
      }
    }
    infer_shapes(one.graph);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const TypeInfo& type = one.graph.value(one.graph.outputs[i]).type;
      if (!type.shape) continue;
      ASSERT_EQ(type.shape->size(), static_cast<std::size_t>(outputs[i].rank()));
      for (std::size_t d = 0; d < type.shape->size(); ++d) {
        const Dim& dim = (*type.shape)[d];
        const std::int64_t actual = outputs[i].dim(static_cast<int>(d));
        if (dim.known()) {
          EXPECT_EQ(dim.value, actual);
        }
        if (!dim.symbol.empty()) {
          EXPECT_EQ(dim.symbol, "d" + std::to_string(actual));
        }
      }
    }
  });
}

TEST_P(Operator, ThreadsAndRepetitionChangeNoBit) {
  if (!op().foldable) GTEST_SKIP() << "random, or kept from folding";
  for_each_sample([&](const Sample& sample) {
    const std::vector<Tensor> one = run(op(), sample, 1), two = run(op(), sample, 2);
    ASSERT_EQ(one.size(), two.size());
    for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(same_bits(one[i], two[i])) << "output " << i;
  });
}

TEST_P(Operator, FoldingGivesWhatEvaluationGives) {
  if (!op().foldable) GTEST_SKIP() << "random, or kept from folding";
  for_each_sample([&](const Sample& sample) {
    const std::vector<Tensor> outputs = run(op(), sample);
    OneNode one = one_node(op(), sample, true);
    if (!subgraphs(one.graph.nodes[0]).empty()) return;  // those are not folded
    infer_shapes(one.graph, {.fold = true});
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const Tensor* folded = one.graph.initializer(one.graph.outputs[i]);
      ASSERT_NE(folded, nullptr) << "output " << i;
      EXPECT_TRUE(same_bits(*folded, outputs[i])) << "output " << i;
    }
  });
}

TEST_P(Operator, WrongFormIsAnError) {
  const std::vector<Sample> all_samples = samples();
  ASSERT_FALSE(all_samples.empty());
  OneNode one = one_node(op(), all_samples[0], false);
  const Node good = one.graph.nodes[0];
  const auto refuses = [&](const Node& node) { EXPECT_THROW(check_form(one.graph, node, op()), Error); };
  Node node = good;
  node.attributes.set("no_such_attribute", std::int64_t{1});
  refuses(node);
  node = good;
  node.outputs.resize(static_cast<std::size_t>(std::min(op().outputs.max, 1000)) + 1, kNoValue);
  if (op().outputs.max < kVariadic) refuses(node);
  node = good;
  if (op().inputs.max < kVariadic) {
    node.inputs.resize(static_cast<std::size_t>(op().inputs.max) + 1, kNoValue);
    refuses(node);
  }
  if (op().inputs.min > 0) {
    node = good;
    node.inputs.resize(static_cast<std::size_t>(op().inputs.min) - 1);
    refuses(node);
  }
}

TEST_P(Operator, AxisOutOfRangeIsAnError) {
  for_each_sample([&](const Sample& sample) {
    // A scale for the whole tensor leaves the axis without meaning.
    const bool per_tensor =
        op().name.ends_with("uantizeLinear") && sample.inputs.size() > 1 && sample.inputs[1].elements() == 1;
    if (per_tensor) return;
    const AttributeValue* axis = sample.attributes.find("axis");
    if (axis == nullptr || !std::holds_alternative<std::int64_t>(*axis)) return;
    Sample bad = sample;
    for (const std::int64_t value : {std::int64_t{99}, std::int64_t{-99}, INT64_MAX, INT64_MIN}) {
      bad.attributes.set("axis", value);
      EXPECT_THROW(run(op(), bad), Error) << value;
      OneNode one = one_node(op(), bad, false);
      try {
        infer_shapes(one.graph);  // a shape rule that does not need the axis may let it pass
      } catch (const Error& error) {
        EXPECT_EQ(error.info().kind, ErrorKind::bad_input) << error.what();
      }
    }
  });
}

// Whatever a file asks for, an operator answers or throws octet::Error; nothing else may happen.
TEST_P(Operator, InputsOfOtherTypesAreComputedOrRefused) {
  constexpr DType kTypes[] = {DType::f32, DType::f16, DType::bf16, DType::f64, DType::i8,  DType::u8,     DType::i16,
                              DType::u16, DType::i32, DType::u32,  DType::i64, DType::u64, DType::boolean};
  for_each_sample([&](const Sample& sample) {
    if (!sample.inputs.empty() && sample.inputs[0].defined() && sample.inputs[0].elements() > 4000) return;
    for (std::size_t i = 0; i < sample.inputs.size(); ++i) {
      if (!sample.inputs[i].defined()) continue;
      for (const DType dtype : kTypes) {
        Sample other = sample;
        other.inputs[i] = sample.inputs[i].cast(dtype);
        try {
          run(op(), other);
        } catch (const Error& error) {
          EXPECT_NE(error.info().kind, ErrorKind::internal) << error.what();
        }
      }
    }
  });
}

bool is_f32(const Tensor& tensor) { return tensor.defined() && tensor.dtype() == DType::f32; }

// Half and double results must be those of float, as far as the narrower type tells.
TEST_P(Operator, HalfAndDoubleAgreeWithFloat) {
  if (!op().foldable) GTEST_SKIP() << "random, or kept from folding";
  for (const auto& [dtype, tolerance] : {std::pair{DType::f64, 1e-4}, std::pair{DType::f16, 2e-2}}) {
    for_each_sample([&](const Sample& sample) {
      if (std::none_of(sample.inputs.begin(), sample.inputs.end(), is_f32)) return;
      // Both start from values that f16 holds, so that only the computation differs.
      Sample narrow = sample, other = sample;
      for (std::size_t i = 0; i < sample.inputs.size(); ++i) {
        if (!is_f32(sample.inputs[i])) continue;
        narrow.inputs[i] = sample.inputs[i].cast(DType::f16).cast(DType::f32);
        other.inputs[i] = narrow.inputs[i].cast(dtype);
      }
      std::vector<Tensor> actual;
      try {
        actual = run(op(), other);
      } catch (const Error&) {
        return;  // a type that the operator does not take
      }
      const std::vector<Tensor> expected = run(op(), narrow);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        if (!is_f32(expected[i])) continue;
        const std::vector<double> a = actual[i].to_double(), b = expected[i].to_double();
        ASSERT_EQ(a.size(), b.size());
        double scale = 1e-3;
        for (const double v : b) scale = std::isfinite(v) ? std::max(scale, std::abs(v)) : scale;
        for (std::size_t k = 0; k < a.size(); ++k) {
          if (!std::isfinite(b[k]) || std::abs(b[k]) > 60000) continue;  // beyond float16
          ASSERT_NEAR(a[k], b[k], tolerance * scale) << to_string(dtype) << " output " << i << " element " << k;
        }
      }
    });
  }
}

std::vector<const OpDef*> rows() {
  std::vector<const OpDef*> out;
  for (const OpDef& op : all()) out.push_back(&op);
  return out;
}

INSTANTIATE_TEST_SUITE_P(All, Operator, testing::ValuesIn(rows()), [](const auto& test) {
  return test.param->domain + test.param->name + "_" + std::to_string(test.param->since);
});

TEST(OperatorList, NamesAreUniqueAtEveryOpset) {
  std::set<std::string> seen;
  for (const OpDef& op : all()) {
    for (int opset = op.since; opset <= (op.until == 0 ? 30 : op.until); ++opset) {
      EXPECT_TRUE(seen.insert(op.domain + "." + op.name + "." + std::to_string(opset)).second)
          << op.name << " " << opset;
    }
  }
}

TEST(OperatorList, AnUnknownOperatorIsReportedByName) {
  Graph graph;
  graph.opsets[""] = 17;
  graph.outputs.push_back(graph.add_node("NoSuchOperator", {graph.add_input("x", DType::f32, {1})}));
  try {
    require_all(graph);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.info().kind, ErrorKind::unsupported);
    EXPECT_NE(error.info().message.find("NoSuchOperator"), std::string::npos);
  }
}

}  // namespace
}  // namespace octet::ops
