// ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceProd, ReduceL1, ReduceL2, ReduceSumSquare, ReduceLogSum,
// ReduceLogSumExp.
//   axes     an attribute before opset 18 (ReduceSum: 13), an input from then on; none: all axes, or
//            with noop_with_empty_axes the input itself (mapped element by element)
//   keepdims 1: reduced axes stay with size 1
// Sums run in double (floats) or modulo 2^64 (integers). Nothing to reduce: 0 for sums, 1 for products,
// -inf and inf (or the type's limits) for Max and Min.  Source: ONNX ReduceSum-13, ReduceMax-20, ReduceLogSumExp-18,
// ...
#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/kernels/math/math.h"
#include "octet/ops/axes.h"
#include "octet/ops/element_rules.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

// Accumulators: doubles for floats, 64-bit unsigned for integers, so that overflow wraps without harm.
template <class T>
using Wide = std::conditional_t<is_real<T>, double, std::uint64_t>;

template <class T>
Wide<T> widen(T value) {
  return static_cast<Wide<T>>(static_cast<Compute<T>>(value));
}

template <class T>
double as_double(Wide<T> value) {
  if constexpr (std::is_signed_v<T> && std::is_integral_v<T>) {
    return static_cast<double>(static_cast<std::int64_t>(value));
  } else {
    return static_cast<double>(value);
  }
}

// A function of a double as an element: integers saturate.
template <class T>
T narrow(double value) {
  if constexpr (is_real<T>) {
    return store<T>(value);
  } else {
    using Limits = std::numeric_limits<T>;
    if (!(value > static_cast<double>(Limits::lowest()))) return Limits::lowest();
    return value >= static_cast<double>(Limits::max()) ? Limits::max() : static_cast<T>(value);
  }
}

// A reduction: start, step over every element, finish with the count.
template <class T>
struct SumOf {
  static Wide<T> start() { return 0; }
  static Wide<T> step(Wide<T> sum, T x) { return sum + widen(x); }
  static T finish(Wide<T> sum, std::int64_t) { return store<T>(sum); }
};

template <class T>
struct MeanOf : SumOf<T> {
  static T finish(Wide<T> sum, std::int64_t count) {
    if constexpr (is_real<T>) return store<T>(sum / static_cast<double>(count));
    return count == 0 ? T{} : narrow<T>(std::trunc(as_double<T>(sum) / static_cast<double>(count)));
  }
};

template <class T>
struct ProductOf : SumOf<T> {
  static Wide<T> start() { return 1; }
  static Wide<T> step(Wide<T> product, T x) { return product * widen(x); }
};

template <class T>
struct AbsoluteSumOf : SumOf<T> {
  static Wide<T> step(Wide<T> sum, T x) {
    if constexpr (is_real<T>) {
      return sum + std::abs(widen(x));
    } else {
      return sum + (x < T{} ? 0 - widen(x) : widen(x));
    }
  }
};

template <class T>
struct SquareSumOf : SumOf<T> {
  static Wide<T> step(Wide<T> sum, T x) { return sum + widen(x) * widen(x); }
};

template <class T>
struct RootSquareOf : SquareSumOf<T> {
  static T finish(Wide<T> sum, std::int64_t) { return narrow<T>(std::sqrt(as_double<T>(sum))); }
};

template <class T>
struct LogSumOf : SumOf<T> {
  static T finish(Wide<T> sum, std::int64_t) { return narrow<T>(std::log(as_double<T>(sum))); }
};

// NaN wins. Booleans count as 0 and 1.
template <class T>
struct GreatestOf {
  using C = Compute<T>;
  static C start() {
    if constexpr (is_real<T>) return -std::numeric_limits<C>::infinity();
    return std::numeric_limits<C>::lowest();
  }
  static C step(C most, T x) {
    const C value = static_cast<C>(x);
    return value > most || value != value ? value : most;
  }
  static T finish(C most, std::int64_t) { return store<T>(most); }
};

template <class T>
struct LeastOf {
  using C = Compute<T>;
  static C start() {
    if constexpr (is_real<T>) return std::numeric_limits<C>::infinity();
    return std::numeric_limits<C>::max();
  }
  static C step(C least, T x) {
    const C value = static_cast<C>(x);
    return value < least || value != value ? value : least;
  }
  static T finish(C least, std::int64_t) { return store<T>(least); }
};

constexpr std::int64_t kColumns = 256;  // accumulators kept at a time when the inner axis is not reduced

template <class T, class R>
void reduce_columns(const T* x, const AxisSplit& s, std::int64_t outer, T* out) {
  for (std::int64_t first = 0; first < s.inner; first += kColumns) {
    const std::int64_t count = std::min(kColumns, s.inner - first);
    decltype(R::start()) held[kColumns];
    std::fill_n(held, count, R::start());
    for (std::int64_t r = 0; r < s.size; ++r) {
      const T* row = x + (outer * s.size + r) * s.inner + first;
      for (std::int64_t i = 0; i < count; ++i) held[i] = R::step(held[i], row[i]);
    }
    for (std::int64_t i = 0; i < count; ++i) out[outer * s.inner + first + i] = R::finish(held[i], s.size);
  }
}

// A row is folded in eight interleaved parts, so that the loop does not wait for each step.
template <class T, class R>
T reduce_row(const T* row, std::int64_t size, const auto& merge) {
  constexpr std::int64_t kParts = 8;
  decltype(R::start()) held[kParts];
  std::fill_n(held, kParts, R::start());
  std::int64_t i = 0;
  for (; i + kParts <= size; i += kParts) {
    for (std::int64_t p = 0; p < kParts; ++p) held[p] = R::step(held[p], row[i + p]);
  }
  for (; i < size; ++i) held[i % kParts] = R::step(held[i % kParts], row[i]);
  for (std::int64_t p = 1; p < kParts; ++p) held[0] = merge(held[0], held[p]);
  return R::finish(held[0], size);
}

// Sums of float rows, which global pooling and layer normalization are made of.
float reduce_row_sum(const float* row, std::int64_t size, bool mean) {
  const double sum = kernels::math().sum(row, size);
  return static_cast<float>(mean ? sum / static_cast<double>(size) : sum);
}

template <class T, class R, class Merge>
void reduce(EvalContext& ctx, const Arranged& x, Tensor& y, const Merge& merge) {
  const AxisSplit& s = x.split;
  const T* in = x.data.template data<T>();
  T* out = y.data<T>();
  const std::int64_t grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, s.size * s.inner));
  ctx.threads().parallel_for(s.outer, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t o = begin; o < end; ++o) {
      if constexpr (std::is_same_v<R, SumOf<float>> || std::is_same_v<R, MeanOf<float>>) {
        if (s.inner == 1) {
          out[o] = reduce_row_sum(in + o * s.size, s.size, std::is_same_v<R, MeanOf<float>>);
          continue;
        }
      }
      if (s.inner == 1) {
        out[o] = reduce_row<T, R>(in + o * s.size, s.size, merge);
      } else {
        reduce_columns<T, R>(in, s, o, out);
      }
    }
  });
}

// log(sum(exp(x))) around the maximum, so that exp neither overflows nor vanishes altogether.
template <class T>
void reduce_log_sum_exp(const Arranged& x, Tensor& y) {
  const AxisSplit& s = x.split;
  const T* in = x.data.template data<T>();
  for (std::int64_t i = 0; i < s.outer * s.inner; ++i) {
    const T* first = in + i / s.inner * s.size * s.inner + i % s.inner;
    const auto at = [&](std::int64_t r) { return static_cast<double>(static_cast<Compute<T>>(first[r * s.inner])); };
    double most = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::int64_t r = 0; r < s.size; ++r) most = std::max(most, at(r));
    if (std::isinf(most)) most = 0;
    for (std::int64_t r = 0; r < s.size; ++r) sum += std::exp(at(r) - most);
    y.data<T>()[i] = narrow<T>(std::log(sum) + most);
  }
}

enum class Reduction { sum, mean, max, min, product, l1, l2, sum_square, log_sum, log_sum_exp };

template <class T>
void reduce_arithmetic(EvalContext& ctx, Reduction kind, const Arranged& x, Tensor& y) {
  const auto add = [](auto a, auto b) { return a + b; };
  switch (kind) {
    case Reduction::sum:
      return reduce<T, SumOf<T>>(ctx, x, y, add);
    case Reduction::mean:
      return reduce<T, MeanOf<T>>(ctx, x, y, add);
    case Reduction::product:
      return reduce<T, ProductOf<T>>(ctx, x, y, [](auto a, auto b) { return a * b; });
    case Reduction::l1:
      return reduce<T, AbsoluteSumOf<T>>(ctx, x, y, add);
    case Reduction::l2:
      return reduce<T, RootSquareOf<T>>(ctx, x, y, add);
    case Reduction::sum_square:
      return reduce<T, SquareSumOf<T>>(ctx, x, y, add);
    case Reduction::log_sum:
      return reduce<T, LogSumOf<T>>(ctx, x, y, add);
    default:
      return reduce_log_sum_exp<T>(x, y);
  }
}

void eval(EvalContext& ctx, Reduction kind, int input_since) {
  const Tensor& x = ctx.input(0);
  const std::vector<std::int64_t> given = ctx.axes(1, input_since);
  std::vector<int> axes = normalize_axes(given, x.rank());
  if (axes.empty() && ctx.attributes().integer("noop_with_empty_axes", 0) == 0) {
    for (int i = 0; i < x.rank(); ++i) axes.push_back(i);
  }
  const bool keep = ctx.attributes().integer("keepdims", 1) != 0;
  Tensor& y = ctx.output(0, x.dtype(), reduced_shape(x.shape(), axes, keep));
  const Arranged arranged = arrange(x, axes);
  dispatch(x.dtype(), [&]<class T>() {
    if (kind == Reduction::max) {
      reduce<T, GreatestOf<T>>(ctx, arranged, y, [](auto a, auto b) { return b > a || b != b ? b : a; });
    } else if (kind == Reduction::min) {
      reduce<T, LeastOf<T>>(ctx, arranged, y, [](auto a, auto b) { return b < a || b != b ? b : a; });
    } else if constexpr (std::is_same_v<T, bool>) {
      throw wrong_type(ctx, x.dtype(), "a number type");
    } else {
      reduce_arithmetic<T>(ctx, kind, arranged, y);
    }
  });
}

// The product or sum of a known shape's dimensions, which exporters compute for Reshape.
void state_element(InferContext& ctx, Element (*rule)(const Element&, const Element&), std::int64_t start) {
  const auto elements = known_elements(ctx, 0);
  if (!elements || rule == nullptr || ctx.rank(0) != 1) return;
  Element out{start, {}};
  for (const Element& element : *elements) out = rule(out, element);
  state_elements(ctx, {out});
}

struct Kind {
  const char* name;
  Reduction reduction;
  int input_since;
  Element (*rule)(const Element&, const Element&) = nullptr;
  std::int64_t start = 0;
};

void infer(InferContext& ctx, const Kind& kind) {
  const bool keep = ctx.attributes().integer("keepdims", 1) != 0;
  bool unknown = false;
  const auto given = infer_axes(ctx, 1, kind.input_since, &unknown);
  if (!ctx.has_shape(0)) return ctx.set_output(0, ctx.dtype(0));
  if (unknown) {  // with keepdims at least the rank is known
    if (!keep) return ctx.set_output(0, ctx.dtype(0));
    return ctx.set_output(0, ctx.dtype(0), SymbolicShape(ctx.shape(0).size()));
  }
  std::vector<int> axes = normalize_axes(given.value_or(std::vector<std::int64_t>{}), ctx.rank(0));
  const bool noop = axes.empty() && ctx.attributes().integer("noop_with_empty_axes", 0) != 0;
  if (axes.empty() && !noop) {
    for (int i = 0; i < ctx.rank(0); ++i) axes.push_back(i);
  }
  ctx.set_output(0, ctx.dtype(0), reduced_shape(ctx.shape(0), axes, keep));
  if (!noop) state_element(ctx, kind.rule, kind.start);
}

void add_sample(std::vector<Sample>& out, const Tensor& x, std::vector<std::int64_t> axes, int keep, int input_since) {
  Sample as_attribute{.attributes = make_attributes({{"axes", axes}, {"keepdims", keep}}), .inputs = {x}};
  as_attribute.opset = input_since - 1;
  out.push_back(as_attribute);
  const Tensor list =
      Tensor::from<std::int64_t>({static_cast<std::int64_t>(axes.size())}, std::span<const std::int64_t>(axes));
  out.push_back({.attributes = make_attributes({{"keepdims", keep}}), .inputs = {x, list}, .opset = input_since});
}

std::vector<Sample> samples(Random& random, int input_since) {
  std::vector<Sample> out;
  const Tensor x = random_tensor(random, DType::f32, {2, 3, 4, 5}, 0.5f, 2);
  for (const std::vector<std::int64_t>& axes :
       std::vector<std::vector<std::int64_t>>{{0}, {1}, {-1}, {0, 2}, {2, 3}, {1, 3}, {0, 1, 2, 3}}) {
    for (const int keep : {0, 1}) add_sample(out, x, axes, keep, input_since);
  }
  for (const DType dtype : {DType::f64, DType::f16, DType::i32, DType::i64}) {
    add_sample(out, random_tensor(random, dtype, {3, 1, 300, 2}, 1, 3), {2}, 0, input_since);
  }
  out.push_back({.inputs = {x}, .opset = 18});
  out.push_back({.attributes = make_attributes({{"keepdims", 0}}), .inputs = {x}, .opset = 11});
  out.push_back({.attributes = make_attributes({{"noop_with_empty_axes", 1}}), .inputs = {x}, .opset = 18});
  out.push_back({.inputs = {random_tensor(random, DType::f32, {}, 1, 2)}, .opset = 18});
  add_sample(out, random_tensor(random, DType::f32, {1, 70, 1001}), {2}, 1, input_since);
  return out;
}

// A result (or its gradient) with the reduced axes back as size 1.
ValueId with_reduced_axes(GradientContext& ctx, ValueId v, int input_since) {
  if (ctx.attributes().integer("keepdims", 1) != 0) return v;
  const int rank = ctx.rank(ctx.input(0));
  std::vector<std::int64_t> axes;
  if (ctx.opset() < input_since) {
    axes = ctx.attributes().integers("axes");
  } else if (ctx.has_input(1)) {
    const Tensor* given = ctx.constant(ctx.input(1));
    if (given == nullptr) return ctx.emit("Unsqueeze", {v, ctx.input(1)});  // opset 13 at least
    axes = given->to_int64();
  }
  if (axes.empty()) {
    if (ctx.attributes().integer("noop_with_empty_axes", 0) != 0) return v;
    return ctx.reshape(v, std::vector<std::int64_t>(static_cast<std::size_t>(rank), 1));
  }
  const std::vector<int> normal = normalize_axes(axes, rank);
  if (ctx.opset() >= 13) return ctx.emit("Unsqueeze", {v, ctx.integers({normal.begin(), normal.end()})});
  Attributes at;
  at.set("axes", std::vector<std::int64_t>(normal.begin(), normal.end()));
  return ctx.emit("Unsqueeze", {v}, at);
}

void gradient(GradientContext& ctx, Reduction kind, int input_since) {
  const ValueId x = ctx.input(0), dy = with_reduced_axes(ctx, ctx.output_gradient(), input_since);
  const auto y = [&] { return with_reduced_axes(ctx, ctx.output(), input_since); };
  switch (kind) {
    case Reduction::sum:
      return ctx.set(0, ctx.expand_to(dy, x));
    case Reduction::mean:
      return ctx.set(0, ctx.emit_own("MeanGrad", {dy, ctx.shape_of(x)}));
    case Reduction::max:
    case Reduction::min: {  // elements that are equal share the gradient
      const ValueId mask = ctx.mask(ctx.emit("Equal", {x, y()}), dy);
      return ctx.set(0, ctx.mul(mask, ctx.div(dy, ctx.sum_to(mask, dy))));
    }
    case Reduction::product:
      return ctx.set(0, ctx.emit_own("ReduceProdGrad", {x, dy}));
    case Reduction::l1:
      return ctx.set(0, ctx.mul(ctx.emit("Sign", {x}), dy));
    case Reduction::l2: {  // 0 at the origin
      const ValueId norm = y(), zero = ctx.scalar(0, x);
      const ValueId safe = ctx.emit("Where", {ctx.emit("Equal", {norm, zero}), ctx.scalar(1, x), norm});
      return ctx.set(0, ctx.mul(x, ctx.div(dy, safe)));
    }
    case Reduction::sum_square:
      return ctx.set(0, ctx.mul(ctx.scaled(x, 2), dy));
    case Reduction::log_sum:
      return ctx.set(0, ctx.expand_to(ctx.mul(dy, ctx.emit("Exp", {ctx.neg(y())})), x));
    case Reduction::log_sum_exp:
      return ctx.set(0, ctx.mul(dy, ctx.emit("Exp", {ctx.sub(x, y())})));
  }
}

OpDef row(const Kind& kind) {
  OpDef op{.name = kind.name, .inputs = {1, 2}, .attributes = {"axes", "keepdims", "noop_with_empty_axes"}};
  op.infer = [kind](InferContext& ctx) { infer(ctx, kind); };
  op.eval = [kind](EvalContext& ctx) { eval(ctx, kind.reduction, kind.input_since); };
  op.samples = [since = kind.input_since](Random& random) { return samples(random, since); };
  op.gradient = [kind](GradientContext& ctx) { gradient(ctx, kind.reduction, kind.input_since); };
  if (kind.reduction == Reduction::mean) op.quant.kind = QuantRule::Kind::arithmetic;
  if (kind.reduction == Reduction::max || kind.reduction == Reduction::min)
    op.quant.kind = QuantRule::Kind::pass_through;
  return op;
}

}  // namespace

Rows reduce() {
  using namespace element_rules;
  return {
      row({"ReduceSum", Reduction::sum, 13, add, 0}),
      row({"ReduceMean", Reduction::mean, 18}),
      row({"ReduceMax", Reduction::max, 18}),
      row({"ReduceMin", Reduction::min, 18}),
      row({"ReduceProd", Reduction::product, 18, multiply, 1}),
      row({"ReduceL1", Reduction::l1, 18}),
      row({"ReduceL2", Reduction::l2, 18}),
      row({"ReduceSumSquare", Reduction::sum_square, 18}),
      row({"ReduceLogSum", Reduction::log_sum, 18}),
      row({"ReduceLogSumExp", Reduction::log_sum_exp, 18}),
  };
}

}  // namespace octet::ops
