// Single operators in many forms against what ONNX Runtime answered (golden/ops.json and math.json, made by
// make_ops_golden.py and make_math_golden.py).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "octet/base/testing.h"
#include "octet/ops/elementwise.h"

namespace octet {
namespace {

using nlohmann::json;

DType dtype_of(const std::string& name) {
  for (int i = 1; i <= 16; ++i) {
    if (name == to_string(static_cast<DType>(i))) return static_cast<DType>(i);
  }
  throw std::runtime_error("unknown dtype " + name);
}

Tensor given(const json& values, DType dtype, const Shape& shape) {
  std::vector<double> numbers;
  for (const json& v : values) numbers.push_back(v.is_number() ? v.get<double>() : std::nan(""));
  return Tensor::from<double>(shape, numbers).cast(dtype);
}

Tensor input_of(const json& j) {
  if (j.is_null()) return {};
  const DType dtype = dtype_of(j["dtype"]);
  const Shape shape(j["shape"].get<std::vector<std::int64_t>>());
  if (j.contains("values")) return given(j["values"], dtype, shape);
  Random random(j["seed"].get<std::uint64_t>());
  return ops::random_tensor(random, dtype, shape, j["low"].get<float>(), j["high"].get<float>());
}

AttributeValue attribute_of(const json& j) {
  if (j.is_string()) return j.get<std::string>();
  if (j.is_number_float()) return j.get<float>();
  if (j.is_number()) return j.get<std::int64_t>();
  if (!j.empty() && j[0].is_string()) return j.get<std::vector<std::string>>();
  if (!j.empty() && j[0].is_number_float()) return j.get<std::vector<float>>();
  return j.get<std::vector<std::int64_t>>();
}

// A graph of that one node, so that shape inference is checked on the way.
struct Case {
  Graph graph;
  std::vector<Tensor> inputs;
};

Case build(const json& row) {
  Case out;
  const std::string domain = row.value("domain", "");
  out.graph.opsets[""] = row["opset"].get<int>();
  if (!domain.empty()) out.graph.opsets[domain] = 1;
  Node node;
  node.op_type = row["op"].get<std::string>();
  node.domain = domain;
  node.name = "node";
  for (const json& j : row["inputs"]) {
    const Tensor tensor = input_of(j);
    if (!tensor.defined()) {
      node.inputs.push_back(kNoValue);
      continue;
    }
    const std::string name = "x" + std::to_string(node.inputs.size());
    if (j.contains("values")) {  // axes, sizes, counts: constants in a network, which the shape depends on
      node.inputs.push_back(out.graph.add_initializer(name, tensor));
      continue;
    }
    node.inputs.push_back(out.graph.add_input(name, tensor.dtype(), symbolic(tensor.shape())));
    out.inputs.push_back(tensor);
  }
  for (std::size_t i = 0; i < row["outputs"].size(); ++i) {
    node.outputs.push_back(out.graph.add_value("y" + std::to_string(i)));
    out.graph.outputs.push_back(node.outputs.back());
  }
  for (const auto& [name, value] : row["attributes"].items()) node.attributes.set(name, attribute_of(value));
  out.graph.nodes.push_back(std::move(node));
  return out;
}

// Floats within `tolerance` of the largest magnitude, everything else exactly.
void expect_close(const Tensor& actual, const json& expected, double tolerance) {
  ASSERT_EQ(to_string(actual.dtype()), expected["dtype"].get<std::string>());
  const auto shape = expected["shape"].get<std::vector<std::int64_t>>();
  ASSERT_EQ(actual.shape(), Shape(shape)) << to_string(actual.shape());
  const std::vector<double> values = actual.to_double();
  double largest = 1e-6;
  for (const json& v : expected["values"]) largest = std::max(largest, std::abs(v.get<double>()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double slack = is_float(actual.dtype()) ? tolerance * largest : 0;
    ASSERT_LE(std::abs(values[i] - expected["values"][i].get<double>()), slack)
        << "element " << i << ": " << values[i] << ", expected " << expected["values"][i];
  }
}

class OpsGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(OpsGolden, EveryCaseAgreesWithOnnxRuntime) {
  std::ifstream file(octet::testing::source_dir("tests/golden/" + std::string(GetParam()) + ".json"));
  const json rows = json::parse(file);
  ASSERT_GT(rows.size(), 100u);
  ThreadPool threads(2);
  for (const json& row : rows) {
    json shown = row;
    shown.erase("outputs");
    SCOPED_TRACE(shown.dump());
    try {
      Case c = build(row);
      ops::infer_shapes(c.graph);
      ops::check_form(c.graph, c.graph.nodes[0], ops::require(c.graph, c.graph.nodes[0]));
      const std::vector<Tensor> outputs = ops::evaluate_graph(c.graph, c.inputs, threads);
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        SCOPED_TRACE("output " + std::to_string(i));
        const auto& type = c.graph.value(c.graph.outputs[i]).type;
        EXPECT_EQ(type.dtype, outputs[i].dtype());
        EXPECT_TRUE(type.shape && static_shape(*type.shape) && *static_shape(*type.shape) == outputs[i].shape());
        expect_close(outputs[i], row["outputs"][i], row.value("tolerance", 2e-6));
      }
    } catch (const Error& e) {
      ADD_FAILURE() << e.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Files, OpsGolden, ::testing::Values("ops", "math"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace octet
