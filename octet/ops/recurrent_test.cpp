// Layout 1 is layout 0 with its first two dimensions exchanged, for every recurrent operator; and what is refused.
#include "octet/ops/recurrent.h"

#include <gtest/gtest.h>

#include "octet/ops/elementwise.h"

namespace octet {
namespace {

// [a, b, rest] -> [b, a, rest].
Tensor exchanged(const Tensor& x) {
  Shape shape = x.shape();
  std::swap(shape[0], shape[1]);
  Tensor out(x.dtype(), shape);
  const std::int64_t a = x.dim(0), b = x.dim(1), rest = x.shape().elements(2, x.rank());
  for (std::int64_t i = 0; i < a * b * rest; ++i) {
    out.data<float>()[((i / rest) % b * a + i / rest / b) * rest + i % rest] = x.data<float>()[i];
  }
  return out;
}

std::vector<Tensor> run(const char* name, const Attributes& attributes, const std::vector<Tensor>& inputs,
                        int outputs) {
  Node node;
  node.op_type = name;
  node.attributes = attributes;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    node.inputs.push_back(inputs[i].defined() ? static_cast<ValueId>(i) : kNoValue);
  for (int i = 0; i < outputs; ++i) node.outputs.push_back(100 + i);
  ThreadPool threads(1);
  return ops::evaluate(*ops::find(name, "", 14), node, 14, inputs, threads);
}

void expect_equal(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.shape(), b.shape());
  for (std::int64_t i = 0; i < a.elements(); ++i) ASSERT_EQ(a.data<float>()[i], b.data<float>()[i]);
}

TEST(Recurrent, BatchFirstIsTheSameTransposed) {
  const std::pair<const char*, std::int64_t> operators[] = {{"LSTM", 4}, {"GRU", 3}, {"RNN", 1}};
  for (const auto& [name, gates] : operators) {
    Random random(5);
    const std::int64_t t = 4, b = 3, i = 2, h = 5;
    const auto tensor = [&](const Shape& shape) { return ops::random_tensor(random, DType::f32, shape, -1, 1); };
    const Tensor x = tensor({t, b, i}), w = tensor({2, gates * h, i}), r = tensor({2, gates * h, h}),
                 state = tensor({2, b, h});
    const Tensor bias = tensor({2, 2 * gates * h}), lengths = Tensor::from<std::int32_t>({b}, {4, 1, 2});
    Attributes attributes = ops::attributes_of({{"direction", std::string("bidirectional")}});
    const int outputs = gates == 4 ? 3 : 2;
    const auto time_first = run(name, attributes, {x, w, r, bias, lengths, state}, outputs);
    attributes.set("layout", std::int64_t{1});
    const auto batch_first = run(name, attributes, {exchanged(x), w, r, bias, lengths, exchanged(state)}, outputs);
    for (int o = 1; o < outputs; ++o) {
      const auto at = static_cast<std::size_t>(o);
      expect_equal(exchanged(batch_first[at]), time_first[at]);
    }
    // Y: [T, D, B, H] against [B, T, D, H].
    for (std::int64_t k = 0; k < t * 2 * b * h; ++k) {
      const std::int64_t hi = k % h, bi = k / h % b, di = k / h / b % 2, ti = k / h / b / 2;
      ASSERT_EQ(time_first[0].data<float>()[k], batch_first[0].data<float>()[((bi * t + ti) * 2 + di) * h + hi]);
    }
  }
}

TEST(Recurrent, ContradictionsAreRefused) {
  const auto zeros = [](const Shape& shape) { return Tensor::zeros(DType::f32, shape); };
  const Tensor x = zeros({4, 3, 2}), w = zeros({1, 20, 2}), r = zeros({1, 20, 5});
  const auto refused = [&](const Attributes& attributes, const std::vector<Tensor>& inputs) {
    try {
      run("LSTM", attributes, inputs, 3);
      return false;
    } catch (const Error& e) {
      return e.info().kind == ErrorKind::bad_input;
    }
  };
  using ops::attributes_of;
  EXPECT_FALSE(refused({}, {x, w, r}));
  EXPECT_TRUE(refused(attributes_of({{"hidden_size", std::int64_t{6}}}), {x, w, r}));
  EXPECT_TRUE(refused(attributes_of({{"hidden_size", std::int64_t{0}}}), {x, w, r}));
  EXPECT_TRUE(refused(attributes_of({{"direction", std::string("bidirectional")}}), {x, w, r}));
  EXPECT_TRUE(refused(attributes_of({{"direction", std::string("sideways")}}), {x, w, r}));
  EXPECT_TRUE(refused(attributes_of({{"layout", std::int64_t{2}}}), {x, w, r}));
  EXPECT_TRUE(refused(attributes_of({{"activations", std::vector<std::string>{"Sigmoid"}}}), {x, w, r}));
  EXPECT_TRUE(
      refused(attributes_of({{"activations", std::vector<std::string>{"Sigmoid", "Tanh", "Sinus"}}}), {x, w, r}));
  EXPECT_TRUE(refused({}, {x, zeros({1, 20, 3}), r}));
  EXPECT_TRUE(refused({}, {x, zeros({1, 16, 2}), r}));
  EXPECT_TRUE(refused({}, {x, w, r, zeros({1, 39})}));
  EXPECT_TRUE(refused({}, {x, w, r, {}, Tensor::from<std::int32_t>({3}, {1, 2, 5})}));
  EXPECT_TRUE(refused({}, {x, w, r, {}, Tensor::from<std::int32_t>({2}, {1, 2})}));
  EXPECT_TRUE(refused({}, {x, w, r, {}, {}, zeros({1, 3, 4})}));
}

}  // namespace
}  // namespace octet
