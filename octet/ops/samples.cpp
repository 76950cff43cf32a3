#include "octet/ops/samples.h"

#include <algorithm>

#include "octet/tensor/four_bits.h"

namespace octet::ops {
namespace {

const std::pair<Shape, Shape> kPairs[] = {
    {{}, {}},
    {{3}, {3}},
    {{2, 3}, {3}},
    {{3}, {2, 3}},
    {{2, 1, 4}, {3, 1}},
    {{1, 8, 5, 5}, {1, 8, 1, 1}},
    {{4, 1}, {1, 6}},
    {{0, 3}, {1, 3}},
    {{2, 3, 4}, {}},
    {{2, 3, 4, 5}, {3, 1, 5}},
    {{2, 1, 3, 1, 4}, {5, 1, 2, 1}},
};

}  // namespace

Attributes make_attributes(std::initializer_list<std::pair<const char*, AttributeValue>> items) {
  Attributes out;
  for (const auto& [name, value] : items) out.set(name, value);
  return out;
}

Tensor random_tensor(Random& random, DType dtype, const Shape& shape, float low, float high) {
  if (dtype == DType::i4)
    return pack_four_bits(random_tensor(random, DType::i8, shape, std::max(low, -8.9f), std::min(high, 7.9f)));
  if (dtype == DType::u4)
    return pack_four_bits(random_tensor(random, DType::u8, shape, std::max(low, -15.9f), std::min(high, 15.9f)));
  Tensor out(dtype, shape);
  dispatch(dtype, [&]<class T>() {
    T* data = out.data<T>();
    for (std::int64_t i = 0; i < out.elements(); ++i) {
      const float x = random.uniform(low, high);
      if constexpr (std::is_same_v<T, bool>) {
        data[i] = x > 0;
      } else if constexpr (std::is_unsigned_v<T>) {
        data[i] = static_cast<T>(x < 0 ? -x : x);
      } else {
        data[i] = static_cast<T>(x);
      }
    }
  });
  return out;
}

std::vector<Sample> unary_samples(Random& random) { return unary_samples_with(random, {}); }

std::vector<Sample> unary_samples_with(Random& random, const Attributes& attributes, float low, float high) {
  std::vector<Sample> out;
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{0, 3}, Shape{7}, Shape{2, 3, 5}, Shape{1, 17, 1, 33}}) {
    out.push_back({.attributes = attributes, .inputs = {random_tensor(random, DType::f32, shape, low, high)}});
  }
  for (const DType dtype : {DType::f64, DType::f16}) {
    out.push_back({.attributes = attributes, .inputs = {random_tensor(random, dtype, {3, 5}, low, high)}});
  }
  return out;
}

std::vector<Sample> binary_samples(Random& random) {
  std::vector<Sample> out;
  for (const auto& [a, b] : kPairs) {
    out.push_back({.attributes = {},
                   .inputs = {random_tensor(random, DType::f32, a), random_tensor(random, DType::f32, b, 0.5f, 3)}});
  }
  out.push_back(
      {.attributes = {},
       .inputs = {random_tensor(random, DType::i64, {5, 2}, -9, 9), random_tensor(random, DType::i64, {2}, 1, 9)}});
  return out;
}

std::vector<Sample> binary_samples_of(Random& random, DType dtype, float low, float high) {
  std::vector<Sample> out;
  for (const auto& [a, b] : kPairs) {
    out.push_back({.attributes = {},
                   .inputs = {random_tensor(random, dtype, a, low, high), random_tensor(random, dtype, b, low, high)}});
  }
  return out;
}

}  // namespace octet::ops
