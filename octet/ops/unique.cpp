// Unique: the distinct elements (or, with an axis, the distinct slices), sorted or in order of appearance.
//   outputs: Y, the first index of each, for each input where it went, and how often each occurs.
// Source: ONNX Unique-11.
#include <algorithm>
#include <numeric>

#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

void infer(InferContext& ctx) {
  for (int i = 1; i < ctx.output_count(); ++i) ctx.set_output(i, DType::i64, {Dim()});
  if (!ctx.attributes().has("axis")) return ctx.set_output(0, ctx.dtype(0), {Dim()});
  if (!ctx.has_shape(0)) return ctx.set_output(0, ctx.dtype(0));
  SymbolicShape shape = ctx.shape(0);
  shape[static_cast<std::size_t>(normalize_axis(ctx.attributes().integer("axis"), ctx.rank(0)))] = Dim();
  ctx.set_output(0, ctx.dtype(0), shape);
}

// x as [outer, count, inner]: slice k is all of x[:, k, :].
template <class T>
struct Slices {
  const T* x;
  std::int64_t outer, count, inner;

  T at(std::int64_t slice, std::int64_t i) const { return x[(i / inner * count + slice) * inner + i % inner]; }
  // Three-way, element by element; NaN sorts last and equals itself, so that the order is total.
  int compare(std::int64_t a, std::int64_t b) const {
    for (std::int64_t i = 0; i < outer * inner; ++i) {
      const auto p = number(at(a, i)), q = number(at(b, i));
      const bool p_nan = p != p, q_nan = q != q;
      if (p_nan != q_nan) return p_nan ? 1 : -1;
      if (p < q) return -1;
      if (q < p) return 1;
    }
    return 0;
  }
  static auto number(T v) {
    if constexpr (is_half<T>) {
      return static_cast<float>(v);
    } else {
      return v;
    }
  }
};

struct Groups {
  std::vector<std::int64_t> first, counts;  // one a distinct slice
  std::vector<std::int64_t> inverse;        // one a slice
};

template <class T>
Groups group(const Slices<T>& slices, bool sorted) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(slices.count));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    const int c = slices.compare(a, b);
    return c != 0 ? c < 0 : a < b;
  });
  std::vector<std::int64_t> firsts, group_of(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || slices.compare(order[i - 1], order[i]) != 0) firsts.push_back(order[i]);
    group_of[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(firsts.size()) - 1;
  }
  std::vector<std::int64_t> rank(firsts.size());  // where each sorted group goes
  std::iota(rank.begin(), rank.end(), 0);
  Groups out{firsts, std::vector<std::int64_t>(firsts.size(), 0), {}};
  if (!sorted) {
    std::sort(out.first.begin(), out.first.end());
    for (std::size_t i = 0; i < out.first.size(); ++i) {
      rank[static_cast<std::size_t>(group_of[static_cast<std::size_t>(out.first[i])])] = static_cast<std::int64_t>(i);
    }
  }
  for (const std::int64_t g : group_of) {
    out.inverse.push_back(rank[static_cast<std::size_t>(g)]);
    ++out.counts[static_cast<std::size_t>(out.inverse.back())];
  }
  return out;
}

void put(EvalContext& ctx, int output, const std::vector<std::int64_t>& values) {
  if (!ctx.wants_output(output)) return;
  Tensor& y = ctx.output(output, DType::i64, {static_cast<std::int64_t>(values.size())});
  std::copy(values.begin(), values.end(), y.data<std::int64_t>());
}

void eval(EvalContext& ctx) {
  const bool flat = !ctx.attributes().has("axis");
  const Tensor x = flat ? ctx.input(0).reshaped({ctx.input(0).elements()}) : ctx.input(0);
  const int axis = flat ? 0 : normalize_axis(ctx.attributes().integer("axis"), x.rank());
  const bool sorted = ctx.attributes().integer("sorted", 1) != 0;
  const std::int64_t outer = x.shape().elements(0, axis), inner = x.shape().elements(axis + 1, x.rank());
  dispatch(x.dtype(), [&]<class T>() {
    const Slices<T> slices{x.data<T>(), outer, x.dim(axis), inner};
    const Groups groups = group(slices, sorted);
    Shape shape = x.shape();
    shape[axis] = static_cast<std::int64_t>(groups.first.size());
    T* y = ctx.output(0, x.dtype(), shape).template data<T>();
    for (std::int64_t o = 0; o < outer; ++o) {
      for (const std::int64_t slice : groups.first) {
        for (std::int64_t i = 0; i < inner; ++i) *y++ = slices.at(slice, o * inner + i);
      }
    }
    put(ctx, 1, groups.first);
    put(ctx, 2, groups.inverse);
    put(ctx, 3, groups.counts);
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const std::int64_t sorted : {0, 1}) {
    Sample sample{.attributes = {}, .inputs = {Tensor::from<float>({6}, {2, 1, 1, 3, 4, 3})}, .outputs = 4};
    sample.attributes.set("sorted", sorted);
    out.push_back(sample);
    for (const std::int64_t axis : {0, 1, -1}) {
      sample.inputs = {random_tensor(random, DType::i32, {2, 4, 2}, -2, 2)};
      sample.attributes.set("axis", axis);
      out.push_back(sample);
    }
  }
  out.push_back({.attributes = {}, .inputs = {random_tensor(random, DType::u8, {3, 5}, 0, 4)}});
  out.push_back({.attributes = {}, .inputs = {random_tensor(random, DType::f16, {0})}, .outputs = 4});
  return out;
}

}  // namespace

Rows unique() {
  return {{
      .name = "Unique",
      .since = 11,
      .outputs = {1, 4},
      .attributes = {"axis", "sorted"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
