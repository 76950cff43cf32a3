// Integer products: exact sums whatever their length, and the same bits for any number of threads.
#include <gtest/gtest.h>

#include "octet/ops/elementwise.h"
#include "octet/ops/integer_product.h"
#include "octet/ops/op_list.h"

namespace octet {
namespace {

Tensor run(const char* name, const std::vector<Tensor>& inputs, int threads = 2) {
  Node node;
  node.op_type = name;
  for (std::size_t i = 0; i < inputs.size(); ++i) node.inputs.push_back(static_cast<ValueId>(i));
  node.outputs = {static_cast<ValueId>(inputs.size())};
  ThreadPool pool(threads);
  return ops::evaluate(*ops::find(name, "", 13), node, 13, inputs, pool)[0];
}

Tensor filled(DType dtype, const Shape& shape, int value) {
  Tensor wide(DType::i32, shape);
  std::fill_n(wide.data<std::int32_t>(), wide.elements(), value);
  return wide.cast(dtype);
}

TEST(MatMulInteger, SumsOfAnyLengthAreExact) {
  Random random(7);
  for (const std::int64_t k : {1, 33025, 33026, 65794, 70000}) {
    const Tensor a = ops::random_tensor(random, DType::u8, {2, k}, 0, 255.99f);
    const Tensor b = ops::random_tensor(random, DType::i8, {k, 3}, -128, 128);
    const Tensor y = run("MatMulInteger", {a, b});
    for (std::int64_t i = 0; i < 6; ++i) {
      std::int64_t sum = 0;
      for (std::int64_t j = 0; j < k; ++j)
        sum += a.data<std::uint8_t>()[i / 3 * k + j] * b.data<std::int8_t>()[j * 3 + i % 3];
      EXPECT_EQ(y.data<std::int32_t>()[i], sum) << "k = " << k;
    }
  }
}

TEST(MatMulInteger, ASumBeyondInt32IsRefused) {
  const std::int64_t k = 70000;
  EXPECT_THROW(run("MatMulInteger", {filled(DType::u8, {1, k}, 255), filled(DType::i8, {k, 1}, -128)}), Error);
  EXPECT_NO_THROW(run("MatMulInteger", {filled(DType::u8, {1, 65793}, 255), filled(DType::i8, {65793, 1}, -128)}));
}

TEST(QLinearMatMul, ASumBeyondInt32IsStillExact) {
  const std::int64_t k = 70000;  // 255 * 127 * 70000 = 2,266,950,000
  const Tensor scale = Tensor::scalar(1.0f), zero = Tensor::scalar<std::uint8_t>(0);
  const Tensor y = run("QLinearMatMul", {filled(DType::u8, {1, k}, 255), scale, zero, filled(DType::i8, {k, 1}, 127),
                                         scale, Tensor::scalar<std::int8_t>(0), Tensor::scalar(22669500.0f), zero});
  EXPECT_EQ(y.data<std::uint8_t>()[0], 100);
}

TEST(QLinearMatMul, TiesRoundToEvenBeforeTheZeroPoint) {
  const Tensor a = Tensor::from<std::uint8_t>({4, 1}, {1, 3, 5, 255}), one = Tensor::scalar(1.0f);
  const Tensor b = Tensor::from<std::int8_t>({1, 1}, {1});
  const Tensor y =
      run("QLinearMatMul", {a, one, Tensor::scalar<std::uint8_t>(0), b, one, Tensor::scalar<std::int8_t>(0),
                            Tensor::scalar(2.0f), Tensor::scalar<std::uint8_t>(1)});
  EXPECT_EQ(y.data<std::uint8_t>()[0], 1);    // 0.5 -> 0
  EXPECT_EQ(y.data<std::uint8_t>()[1], 3);    // 1.5 -> 2
  EXPECT_EQ(y.data<std::uint8_t>()[2], 3);    // 2.5 -> 2
  EXPECT_EQ(y.data<std::uint8_t>()[3], 129);  // 127.5 -> 128
}

TEST(IntegerProduct, ThreadsDoNotChangeABit) {
  Random random(3);
  for (const char* name :
       {"MatMulInteger", "QLinearMatMul", "ConvInteger", "QLinearConv", "MatMul", "Gemm", "Conv", "LSTM"}) {
    const OpDef& op = *ops::find(name, "", 17);
    for (const Sample& sample : op.samples(random)) {
      Node node;
      node.op_type = name;
      node.attributes = sample.attributes;
      for (std::size_t i = 0; i < sample.inputs.size(); ++i) node.inputs.push_back(static_cast<ValueId>(i));
      for (int i = 0; i < sample.outputs; ++i) node.outputs.push_back(static_cast<ValueId>(100 + i));
      ThreadPool one(1), three(3);
      const auto a = ops::evaluate(op, node, sample.opset, sample.inputs, one);
      const auto b = ops::evaluate(op, node, sample.opset, sample.inputs, three);
      for (std::size_t i = 0; i < a.size(); ++i) {
        ASSERT_EQ(a[i].bytes(), b[i].bytes());
        EXPECT_EQ(a[i].bytes() == 0 ? 0 : std::memcmp(a[i].raw(), b[i].raw(), a[i].bytes()), 0) << name;
      }
    }
  }
}

TEST(IntegerProduct, ZeroPointsOfAnotherTypeOrSizeAreRefused) {
  const Tensor a = filled(DType::u8, {2, 3}, 1), b = filled(DType::i8, {3, 4}, 1);
  EXPECT_THROW(run("MatMulInteger", {a, b, Tensor::scalar<std::int8_t>(1)}), Error);
  EXPECT_THROW(run("MatMulInteger", {a, b, Tensor::scalar<std::uint8_t>(1), filled(DType::i8, {3}, 1)}), Error);
  EXPECT_THROW(run("MatMulInteger", {filled(DType::i32, {2, 3}, 1), b}), Error);
  EXPECT_NO_THROW(run("MatMulInteger", {a, b, Tensor::scalar<std::uint8_t>(1), filled(DType::i8, {4}, 1)}));
}

}  // namespace
}  // namespace octet
