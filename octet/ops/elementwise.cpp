#include "octet/ops/elementwise.h"

#include <algorithm>

namespace octet::ops {

BroadcastPlan plan_broadcast(const Shape& a, const Shape& b) {
  BroadcastPlan plan;
  plan.shape = broadcast(a, b);
  const int rank = plan.shape.rank();
  std::int64_t stride_a = 1, stride_b = 1;
  std::int64_t dims[Shape::kMaxRank], sa[Shape::kMaxRank], sb[Shape::kMaxRank];
  for (int i = rank - 1; i >= 0; --i) {
    const int ia = i - (rank - a.rank()), ib = i - (rank - b.rank());
    const std::int64_t da = ia < 0 ? 1 : a[ia], db = ib < 0 ? 1 : b[ib];
    dims[i] = plan.shape[i];
    sa[i] = da == 1 ? 0 : stride_a;
    sb[i] = db == 1 ? 0 : stride_b;
    stride_a *= da;
    stride_b *= db;
  }
  for (int i = 0; i < rank; ++i) {
    if (dims[i] == 1) continue;
    const int p = plan.rank - 1;
    const bool merges = p >= 0 && plan.a[p] == sa[i] * dims[i] && plan.b[p] == sb[i] * dims[i];
    if (merges) {
      plan.dims[p] *= dims[i];
      plan.a[p] = sa[i];
      plan.b[p] = sb[i];
    } else {
      plan.dims[plan.rank] = dims[i];
      plan.a[plan.rank] = sa[i];
      plan.b[plan.rank] = sb[i];
      ++plan.rank;
    }
  }
  if (plan.rank == 0) {
    plan.rank = 1;
    plan.dims[0] = 1;
  }
  return plan;
}

Tensor random_tensor(Random& random, DType dtype, const Shape& shape, float low, float high) {
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

std::vector<Sample> unary_samples(Random& random) {
  std::vector<Sample> out;
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{0, 3}, Shape{7}, Shape{2, 3, 5}, Shape{1, 17, 1, 33}}) {
    out.push_back({.attributes = {}, .inputs = {random_tensor(random, DType::f32, shape)}});
  }
  for (const DType dtype : {DType::f64, DType::f16}) {
    out.push_back({.attributes = {}, .inputs = {random_tensor(random, dtype, {3, 5})}});
  }
  return out;
}

std::vector<Sample> binary_samples(Random& random) {
  const std::pair<Shape, Shape> shapes[] = {
      {{}, {}}, {{3}, {3}}, {{2, 3}, {3}}, {{3}, {2, 3}}, {{2, 1, 4}, {3, 1}}, {{1, 8, 5, 5}, {1, 8, 1, 1}},
      {{4, 1}, {1, 6}}, {{0, 3}, {1, 3}}, {{2, 3, 4}, {}}, {{2, 3, 4, 5}, {3, 1, 5}},
  };
  std::vector<Sample> out;
  for (const auto& [a, b] : shapes) {
    out.push_back({.attributes = {}, .inputs = {random_tensor(random, DType::f32, a), random_tensor(random, DType::f32, b, 0.5f, 3)}});
  }
  out.push_back({.attributes = {}, .inputs = {random_tensor(random, DType::i64, {5, 2}, -9, 9), random_tensor(random, DType::i64, {2}, 1, 9)}});
  return out;
}

}  // namespace octet::ops
