// Modules begin with torch's numbers and compute what torch's compute.
#include <gtest/gtest.h>

#include <memory>

#include "octet/nn/nn.h"
#include "octet/nn/testing.h"
#include "octet/runtime/session.h"

namespace octet::nn {
namespace {

using Make = std::function<std::unique_ptr<Module>(Random&)>;

template <class M, class... A>
Make make(A... arguments) {
  return [=](Random& random) -> std::unique_ptr<Module> {
    if constexpr (std::is_constructible_v<M, A..., Random&>)
      return std::make_unique<M>(arguments..., random);
    else
      return std::make_unique<M>(arguments...);
  };
}

template <class M, class O>
Make make_with(std::int64_t a, std::int64_t b, O options) {
  return [=](Random& random) -> std::unique_ptr<Module> { return std::make_unique<M>(a, b, random, options); };
}

void expect_parameters(const Module& module, const nlohmann::json& golden, const std::string& name) {
  const auto parameters = module.named_parameters();
  ASSERT_EQ(parameters.size(), golden.size()) << name;
  for (const auto& [parameter, tensor] : parameters) {
    ASSERT_TRUE(golden.contains(parameter)) << name << ' ' << parameter;
    const nlohmann::json& wanted = golden.at(parameter);
    EXPECT_EQ(tensor.shape(), shape_from(wanted.at("shape"))) << name << ' ' << parameter;
    const auto head = wanted.at("head").get<std::vector<float>>();
    for (std::size_t i = 0; i < head.size(); ++i)
      EXPECT_NEAR(tensor.data<float>()[i], head[i], 1e-6f) << name << ' ' << parameter << ' ' << i;
    double sum = 0;
    for (const float x : tensor.values<float>()) sum += static_cast<double>(x);
    EXPECT_NEAR(sum, wanted.at("sum").get<double>(), 1e-5) << name << ' ' << parameter;
  }
}

Make sequential() {
  return [](Random& random) -> std::unique_ptr<Module> {
    auto net = std::make_unique<Sequential>();
    net->append<Linear>(3, 3, random).append<ReLU>().append<Linear>(3, 2, random);
    return net;
  };
}

TEST(Modules, BeginWithTorchsParameters) {
  const nlohmann::json golden = goldens().at("modules");
  const std::vector<std::pair<std::string, Make>> cases = {
      {"linear", make_with<Linear>(5, 7, true)},
      {"linear_without_bias", make_with<Linear>(4, 3, false)},
      {"conv1d", [](Random& r) { return std::make_unique<Conv1d>(4, 6, 3, r, ConvOptions{.groups = 2}); }},
      {"conv2d", [](Random& r) { return std::make_unique<Conv2d>(3, 8, Pair(3, 5), r); }},
      {"conv_transpose2d",
       [](Random& r) { return std::make_unique<ConvTranspose2d>(4, 6, 3, r, ConvOptions{.groups = 2}); }},
      {"embedding", [](Random& r) { return std::make_unique<Embedding>(9, 5, r); }},
      {"batch_norm2d", make<BatchNorm2d>(3)},
      {"layer_norm", make<LayerNorm>(Shape{4, 5})},
      {"multihead_attention", [](Random& r) { return std::make_unique<MultiheadAttention>(8, 2, r); }},
      {"lstm", make_with<LSTM>(3, 4, RecurrentOptions{.layers = 2, .bidirectional = true})},
      {"gru", make_with<GRU>(3, 4, RecurrentOptions{})},
      {"sequential", sequential()},
  };
  EXPECT_EQ(cases.size(), golden.size());
  for (const auto& [name, make] : cases) {
    Random random(7);
    expect_parameters(*make(random), golden.at(name), name);
  }
}

Make activation_of(const std::string& name) {
  static const std::map<std::string, Make> known = {
      {"ReLU", make<ReLU>()},           {"ReLU6", make<ReLU6>()},
      {"Sigmoid", make<Sigmoid>()},     {"Tanh", make<Tanh>()},
      {"GELU", make<GELU>()},           {"SiLU", make<SiLU>()},
      {"Hardswish", make<Hardswish>()}, {"Hardsigmoid", make<Hardsigmoid>()},
      {"LeakyReLU", make<LeakyReLU>()}, {"ELU", make<ELU>()},
      {"SELU", make<SELU>()},           {"Softplus", make<Softplus>()},
      {"Mish", make<Mish>()},           {"PReLU", make<PReLU>()}};
  const auto found = known.find(name);
  return found == known.end() ? Make() : found->second;
}

Make layer_of(const std::string& name) {
  static const std::map<std::string, Make> known = {
      {"linear", make_with<Linear>(5, 7, true)},
      {"linear_rank3", [](Random& r) { return std::make_unique<Linear>(5, 7, r, true, 3); }},
      {"conv1d",
       [](Random& r) {
         return std::make_unique<Conv1d>(4, 6, 3, r, ConvOptions{.stride = 2, .padding = 1, .groups = 2});
       }},
      {"conv2d",
       [](Random& r) {
         return std::make_unique<Conv2d>(3, 4, 3, r, ConvOptions{.stride = {2, 1}, .padding = {1, 0}, .dilation = 2});
       }},
      {"conv_transpose2d",
       [](Random& r) {
         return std::make_unique<ConvTranspose2d>(
             4, 6, 3, r, ConvOptions{.stride = 2, .padding = 1, .groups = 2, .output_padding = 1});
       }},
      {"layer_norm", make<LayerNorm>(Shape{4, 5})},
      {"rms_norm", make<RMSNorm>(Shape{5}, 1e-5f)},
      {"batch_norm2d", make<BatchNorm2d>(3)},
      {"multihead_attention", [](Random& r) { return std::make_unique<MultiheadAttention>(8, 2, r); }},
      {"lstm", make_with<LSTM>(3, 4, RecurrentOptions{.layers = 2, .bidirectional = true})},
      {"gru", make_with<GRU>(3, 4, RecurrentOptions{.layers = 2, .batch_first = true})},
      {"max_pool2d", make<MaxPool2d>(3, 2, 1)},
      {"avg_pool2d", make<AvgPool2d>(3, 2, 1)},
      {"adaptive_avg_pool2d", make<GlobalAvgPool>()},
  };
  const auto found = known.find(name);
  return found == known.end() ? Make() : found->second;
}

TEST(Modules, ComputeWhatTorchComputes) {
  for (const auto& [name, golden] : goldens().at("forward").items()) {
    const Make activation = activation_of(name), make = activation ? activation : layer_of(name);
    ASSERT_TRUE(make) << name;
    Random random(11);
    const std::unique_ptr<Module> module = make(random);
    std::vector<Input> inputs;
    NamedTensors feed;
    for (const nlohmann::json& dims : golden.at("shapes")) {
      Tensor x = rand(shape_from(dims), random);
      for (std::int64_t i = 0; activation && i < x.elements(); ++i) x.data<float>()[i] = 8 * x.data<float>()[i] - 4;
      SymbolicShape shape = symbolic(x.shape());
      shape[0] = Dim("N");
      inputs.push_back({"x" + std::to_string(inputs.size()), DType::f32, shape});
      feed.emplace_back(inputs.back().name, x);
    }
    for (const bool optimize : {false, true}) {
      const Session session(to_graph(*module, inputs), {.threads = 1, .optimize = optimize});
      const Tensor y = session.run(feed).at(0);
      const nlohmann::json& wanted = golden.at("outputs").at(0);
      ASSERT_EQ(y.shape(), shape_from(wanted.at("shape"))) << name;
      const auto values = wanted.at("values").get<std::vector<float>>();
      for (std::size_t i = 0; i < values.size(); ++i)
        ASSERT_NEAR(y.data<float>()[i], values[i], 5e-6f) << name << ' ' << i;
    }
  }
}

TEST(Modules, InitializersShareTheModulesNumbers) {
  Random random(1);
  Linear linear(3, 2, random);
  const Graph graph = to_graph(linear, {{"x", DType::f32, {Dim("N"), 3}}});
  EXPECT_EQ(graph.initializer(graph.find("weight"))->identity(), linear.weight.identity());
  EXPECT_EQ(graph.value(graph.outputs.at(0)).name, "output");
}

struct Forgetful : Module {
  Linear fc;
  explicit Forgetful(Random& random) : fc(3, 2, random) {}
  Value forward(const Value& x) override { return fc(x); }
};

TEST(Modules, APartThatWasNotAddedIsRefused) {
  Random random(1);
  Forgetful net(random);
  EXPECT_THROW(to_graph(net, {{"x", DType::f32, {Dim("N"), 3}}}), Error);
}

struct Residual : Module {
  Linear fc;
  explicit Residual(Random& random) : fc(3, 3, random) { add("fc", fc); }
  Value forward(const Value& x) override { return relu(fc(fc(x)) * 2.0f + x) - 1.0f; }
};

TEST(Modules, ResidualAddsAreOrdinaryCode) {
  Random random(1);
  Residual net(random);
  const Graph graph = to_graph(net, {{"x", DType::f32, {Dim("N"), 3}}});
  const Tensor x = Tensor::from<float>({1, 3}, {0.5f, -1, 2});
  const Tensor y = Session(clone(graph)).run({{"x", x}}).at(0);
  const auto apply = [&](const std::vector<float>& in) {
    std::vector<float> out;
    for (int o = 0; o < 3; ++o) {
      float sum = net.fc.bias.data<float>()[o];
      for (int i = 0; i < 3; ++i) sum += net.fc.weight.data<float>()[3 * o + i] * in[static_cast<std::size_t>(i)];
      out.push_back(sum);
    }
    return out;
  };
  const std::vector<float> twice = apply(apply({0.5f, -1, 2}));
  for (int i = 0; i < 3; ++i)
    EXPECT_NEAR(y.data<float>()[i], std::max(0.0f, 2 * twice[static_cast<std::size_t>(i)] + x.data<float>()[i]) - 1,
                1e-6f);
  EXPECT_EQ(graph.initializers().size(), 4u);  // weight, bias, 2 and 1: shared by both calls
}

}  // namespace
}  // namespace octet::nn
