// The fast training step against the references, operator by operator and thread by thread.
#include <gtest/gtest.h>

#include <cmath>

#include "octet/autograd/autograd.h"
#include "octet/base/random.h"
#include "octet/ops/op.h"
#include "octet/runtime/session.h"

namespace octet {
namespace {

using Ints = std::vector<std::int64_t>;

Attributes attributes(std::initializer_list<std::pair<const char*, AttributeValue>> items) {
  Attributes out;
  for (const auto& [name, value] : items) out.set(name, value);
  return out;
}

Tensor random_floats(Random& random, const Shape& shape, float scale = 1) {
  Tensor out(DType::f32, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i) out.data<float>()[i] = scale * random.uniform(-1, 1);
  return out;
}

// Builds networks of layers with fresh parameters.
class Builder {
 public:
  explicit Builder(std::uint64_t seed) : random(seed) { graph.opsets[""] = 17; }

  ValueId input(const Shape& shape) {
    x = random_floats(random, shape);
    return graph.add_input("x", DType::f32, symbolic(shape));
  }
  ValueId parameter(const Shape& shape, float scale = 0.3f) {
    const std::string name = "p" + std::to_string(parameters++);
    return graph.add_initializer(name, random_floats(random, shape, scale));
  }
  ValueId conv(ValueId v, const Shape& weights, Attributes form, bool bias = false) {
    std::vector<ValueId> inputs{v, parameter(weights)};
    if (bias) inputs.push_back(parameter({weights[0]}));
    return graph.add_node("Conv", inputs, std::move(form));
  }
  ValueId norm(ValueId v, std::int64_t channels) {
    Tensor mean = Tensor::zeros(DType::f32, {channels}), variance = mean.clone();
    for (std::int64_t c = 0; c < channels; ++c) variance.data<float>()[c] = 1;
    return graph.add_node("BatchNormalization", {v, parameter({channels}, 1), parameter({channels}),
                                                 graph.add_initializer({}, mean), graph.add_initializer({}, variance)});
  }
  ValueId relu(ValueId v) { return graph.add_node("Relu", {v}); }
  // mean(v * random)
  void finish(ValueId v, const Shape& shape) {
    const ValueId weights = graph.add_initializer({}, random_floats(random, shape));
    const ValueId loss = graph.add_node("ReduceMean", {graph.add_node("Mul", {v, weights})},
                                        attributes({{"keepdims", std::int64_t{0}}}));
    graph.rename(loss, "loss");
    graph.outputs = {loss};
  }

  Random random;
  Graph graph;
  Tensor x;
  int parameters = 0;
};

double scale_of(const std::vector<double>& values) {
  double out = 1e-5;
  for (const double v : values) out = std::max(out, std::abs(v));
  return out;
}

// Reference and fast step agree; one and two threads give the same bits.
void check(const Builder& b, const std::vector<std::string>& expected_steps, bool frozen = false) {
  const Trainable model = make_trainable(b.graph, {.batch_norm = !frozen});
  const Differentiated d = differentiate(model, "loss");
  NamedTensors inputs{{"x", b.x}};
  for (const std::string& name : model.parameters)
    inputs.emplace_back(name, *model.graph.initializer(model.graph.find(name)));
  for (const Trainable::State& state : model.states) {
    inputs.emplace_back(state.name, *model.graph.initializer(model.graph.find(state.name)));
  }
  const Session plain(d.graph, {.threads = 1, .optimize = false}), one(d.graph, {.threads = 1}),
      two(d.graph, {.threads = 2});
  const std::vector<Tensor> expected = plain.run(inputs), fast = one.run(inputs), faster = two.run(inputs),
                            again = two.run(inputs);
  ASSERT_EQ(expected.size(), fast.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::string& name = d.graph.value(d.graph.outputs[i]).name;
    const std::vector<double> a = expected[i].to_double(), f = fast[i].to_double();
    ASSERT_EQ(a.size(), f.size()) << name;
    const double scale = scale_of(a);
    for (std::size_t k = 0; k < a.size(); ++k) ASSERT_NEAR(a[k], f[k], 2e-4 * scale) << name << " element " << k;
    EXPECT_EQ(f, faster[i].to_double()) << name << " depends on the threads";
    EXPECT_EQ(faster[i].to_double(), again[i].to_double()) << name << " changes from run to run";
  }
  for (const std::string& op : expected_steps) {
    const std::vector<StepInfo> steps = one.steps();
    EXPECT_TRUE(std::any_of(steps.begin(), steps.end(), [&](const StepInfo& s) { return s.op == op; })) << "no " << op;
  }
}

TEST(TrainingStep, ResidualBlocks) {
  Builder b(1);
  const Attributes same = attributes({{"pads", Ints{1, 1, 1, 1}}}),
                   half = attributes({{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}});
  ValueId x = b.relu(b.norm(b.conv(b.input({5, 3, 12, 12}), {16, 3, 3, 3}, same), 16));
  ValueId y = b.relu(b.norm(b.conv(x, {16, 16, 3, 3}, same), 16));
  x = b.relu(b.graph.add_node("Add", {b.norm(b.conv(y, {16, 16, 3, 3}, same), 16), x}));
  y = b.relu(b.norm(b.conv(x, {40, 16, 3, 3}, half), 40));
  const ValueId down = b.norm(b.conv(x, {40, 16, 1, 1}, attributes({{"strides", Ints{2, 2}}})), 40);
  x = b.relu(b.graph.add_node("Add", {b.norm(b.conv(y, {40, 40, 3, 3}, same), 40), down}));
  b.finish(b.graph.add_node("GlobalAveragePool", {x}), {5, 40, 1, 1});
  check(b, {"BatchNormForward", "BatchNormBackward", "ConvGradInput", "ConvGradWeight", "AveragePoolGrad"});
}

// The gradient of a bias comes with the sums of the norm behind it: 0 up to rounding while the norm is of the batch,
// and what the plain step gives where it is frozen.
TEST(TrainingStep, BiasesBeforeNorms) {
  for (const bool frozen : {false, true}) {
    Builder b(3);
    const Attributes same = attributes({{"pads", Ints{1, 1, 1, 1}}});
    const ValueId x = b.relu(b.norm(b.conv(b.input({4, 3, 9, 11}), {16, 3, 3, 3}, same, true), 16));
    b.finish(b.norm(b.conv(x, {24, 16, 3, 3}, same, true), 24), {4, 24, 9, 11});
    check(b, {"BatchNormBackward"}, frozen);
  }
}

// Enough images that they run in parts, where 3x3 convolutions of many channels take Winograd's form.
TEST(TrainingStep, ManyImages) {
  Builder b(2);
  const Attributes same = attributes({{"pads", Ints{1, 1, 1, 1}}});
  const ValueId x = b.relu(b.norm(b.conv(b.input({9, 3, 25, 23}), {32, 3, 3, 3}, same), 32));
  const ValueId y = b.conv(b.relu(b.norm(b.conv(x, {48, 32, 3, 3}, same), 48)), {32, 48, 3, 3}, same, true);
  const ValueId z = b.relu(b.graph.add_node(
      "Add",
      {b.norm(b.conv(y, {32, 1, 3, 3}, attributes({{"pads", Ints{1, 1, 1, 1}}, {"group", std::int64_t{32}}})), 32),
       x}));
  b.finish(b.conv(z, {16, 32, 3, 3}, same), {9, 16, 25, 23});
  check(b, {"Conv", "ConvGradInput", "ConvGradWeight", "BatchNormBackward"});
}

TEST(TrainingStep, ConvolutionsOfEveryForm) {
  struct Form {
    Shape x, w;
    Attributes attributes;
  };
  const std::vector<Form> forms = {
      {{2, 5, 9, 11}, {7, 5, 3, 3}, attributes({{"pads", Ints{0, 1, 2, 1}}, {"strides", Ints{2, 3}}})},
      {{2, 6, 10, 9}, {8, 6, 3, 2}, attributes({{"dilations", Ints{2, 3}}, {"pads", Ints{2, 2, 2, 2}}})},
      {{2, 6, 10, 9},
       {8, 6, 3, 3},
       attributes({{"dilations", Ints{2, 1}}, {"strides", Ints{3, 2}}, {"pads", Ints{3, 2, 3, 2}}})},
      {{2, 8, 9, 9}, {8, 1, 5, 5}, attributes({{"group", std::int64_t{8}}, {"pads", Ints{2, 2, 2, 2}}})},
      {{2, 24, 9, 9},
       {24, 1, 3, 3},
       attributes({{"group", std::int64_t{24}}, {"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}})},
      {{2, 8, 7, 7}, {12, 4, 3, 3}, attributes({{"group", std::int64_t{2}}, {"pads", Ints{1, 1, 1, 1}}})},
      {{2, 4, 6, 6}, {6, 4, 1, 1}, attributes({{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}})},
      {{3, 4, 8, 8}, {6, 4, 2, 2}, attributes({{"auto_pad", std::string("SAME_UPPER")}, {"strides", Ints{3, 3}}})},
      {{3, 4, 21}, {6, 4, 5}, attributes({{"pads", Ints{2, 1}}, {"strides", Ints{2}}})},
      {{2, 33, 40, 40}, {35, 33, 3, 3}, attributes({{"pads", Ints{1, 1, 1, 1}}})},
  };
  for (std::size_t i = 0; i < forms.size(); ++i) {
    SCOPED_TRACE("form " + std::to_string(i));
    const Form& form = forms[i];
    Builder b(10 + i);
    // A layer before it, so that the input's gradient is asked for.
    Shape square{form.x[1], form.x[1], 1};
    if (form.x.rank() == 4) square.push_back(1);
    ValueId y = b.conv(b.conv(b.input(form.x), square, {}), form.w, form.attributes, true);
    ops::infer_shapes(b.graph);
    b.finish(y, *static_shape(*b.graph.value(y).type.shape));
    check(b, {"ConvGradInput", "ConvGradWeight", "ChannelSum"});
  }
}

TEST(TrainingStep, PoolsConcatAndActivations) {
  Builder b(3);
  const ValueId x = b.conv(b.input({2, 3, 13, 13}), {8, 3, 3, 3}, {}, true);
  const Attributes window = attributes({{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}});
  const ValueId pooled = b.graph.add_node("MaxPool", {b.graph.add_node("Sigmoid", {x})}, window);
  const ValueId mean = b.graph.add_node("AveragePool", {b.graph.add_node("Tanh", {x})}, window);
  const ValueId joined = b.graph.add_node("Concat", {pooled, mean}, attributes({{"axis", std::int64_t{1}}}));
  const ValueId clipped = b.graph.add_node("HardSwish", {b.conv(joined, {6, 16, 1, 1}, {}, true)});
  b.finish(clipped, {2, 6, 5, 5});
  check(b, {"MaxPoolGrad", "AveragePoolGrad"});
}

TEST(TrainingStep, ShortcutsThatSliceAndPad) {
  Builder b(4);
  ValueId x =
      b.relu(b.norm(b.conv(b.input({3, 3, 8, 8}), {16, 3, 3, 3}, attributes({{"pads", Ints{1, 1, 1, 1}}})), 16));
  const auto ints = [&](Ints values) {
    const auto count = static_cast<std::int64_t>(values.size());
    return b.graph.add_initializer({}, Tensor::from<std::int64_t>({count}, std::span<const std::int64_t>(values)));
  };
  const ValueId thin = b.graph.add_node("Slice", {x, ints({0, 0}), ints({8, 8}), ints({2, 3}), ints({2, 2})});
  const ValueId wide = b.graph.add_node("Pad", {thin, ints({0, 8, 0, 0, 0, 8, 0, 0})});
  const ValueId y =
      b.norm(b.conv(x, {32, 16, 3, 3}, attributes({{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}})), 32);
  b.finish(b.relu(b.graph.add_node("Add", {y, wide})), {3, 32, 4, 4});
  check(b, {"BatchNormBackward", "SliceGrad"});
}

TEST(TrainingStep, ProductsOfMatrices) {
  Builder b(5);
  const ValueId x = b.input({4, 6, 24});
  const auto linear = [&](ValueId v, std::int64_t in, std::int64_t out) {
    return b.graph.add_node("Add", {b.graph.add_node("MatMul", {v, b.parameter({in, out})}), b.parameter({out})});
  };
  const ValueId normal = b.graph.add_node("LayerNormalization", {x, b.parameter({24}, 1), b.parameter({24})});
  const ValueId q = linear(normal, 24, 24), k = linear(normal, 24, 24), v = linear(normal, 24, 24);
  const ValueId scores =
      b.graph.add_node("MatMul", {q, b.graph.add_node("Transpose", {k}, attributes({{"perm", Ints{0, 2, 1}}}))});
  const ValueId mixed = b.graph.add_node("MatMul", {b.graph.add_node("Softmax", {scores}), v});
  const ValueId flat = b.graph.add_node(
      "Reshape",
      {b.graph.add_node("Add", {mixed, x}), b.graph.add_initializer({}, Tensor::from<std::int64_t>({2}, {24, 24}))});
  const ValueId y = b.graph.add_node("Gemm", {flat, b.parameter({9, 24}), b.parameter({9})},
                                     attributes({{"transB", std::int64_t{1}}}));
  b.finish(y, {24, 9});
  check(b, {"MatMul"});
}

}  // namespace
}  // namespace octet
