// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss.
//   x [N, C, d1, ...], target [N, d1, ...] with classes in [0, C), weight [C] (default 1)
//   loss = -weight[target] * log p[target], log p = x, or log_softmax(x) over axis 1; 0 where target is ignore_index
//   reduction: none, sum, or mean (the sum over the sum of the weights used)
//   SoftmaxCrossEntropyLoss's output 1: log p, of x's shape
// Source: ONNX NegativeLogLikelihoodLoss-13, SoftmaxCrossEntropyLoss-13.
#include <cmath>

#include "octet/ops/axes.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

std::string reduction_of(const Attributes& attributes) {
  const std::string reduction = attributes.text("reduction", "mean");
  if (reduction == "mean" || reduction == "sum" || reduction == "none") return reduction;
  throw Error(ErrorKind::bad_input, "unknown reduction of a loss").value(reduction).expected("mean, sum or none");
}

void infer(InferContext& ctx) {
  if (reduction_of(ctx.attributes()) != "none") {
    ctx.set_output(0, ctx.dtype(0), SymbolicShape{});
  } else if (ctx.has_shape(1)) {
    ctx.set_output(0, ctx.dtype(0), ctx.shape(1));
  } else {
    ctx.set_output(0, ctx.dtype(0));
  }
  if (ctx.output_count() < 2) return;
  ctx.set_output(1, ctx.dtype(0));
  if (ctx.has_shape(0)) ctx.set_output(1, ctx.dtype(0), ctx.shape(0));
}

AxisSplit check(const EvalContext& ctx) {
  const Tensor &x = ctx.input(0), &target = ctx.input(1);
  if (!is_float(x.dtype())) throw wrong_type(ctx, x.dtype(), "a floating point type");
  if (target.dtype() != DType::i64 && target.dtype() != DType::i32)
    throw wrong_type(ctx, target.dtype(), "int32 or int64 targets");
  if (x.rank() < 2 || !(target.shape() == reduced_shape(x.shape(), {1}, false))) {
    throw ctx.error(ErrorKind::bad_input, ctx.node().op_type + ": the target does not fit the input")
        .value(to_string(target.shape()) + " for " + to_string(x.shape()))
        .expected("[N, d1, ...] for [N, C, d1, ...]");
  }
  if (ctx.has_input(2) && ctx.input(2).elements() != x.dim(1)) {
    throw ctx.error(ErrorKind::bad_input, ctx.node().op_type + ": one weight a class is needed")
        .value(to_string(ctx.input(2).shape()))
        .expected(std::to_string(x.dim(1)));
  }
  return split_at(x.shape(), 1);
}

void log_softmax(std::vector<double>& x, const AxisSplit& s) {
  for (std::int64_t line = 0; line < s.outer * s.inner; ++line) {
    const std::int64_t first = line / s.inner * s.size * s.inner + line % s.inner;
    const auto at = [&](std::int64_t i) -> double& { return x[static_cast<std::size_t>(first + i * s.inner)]; };
    double most = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::int64_t i = 0; i < s.size; ++i) most = std::max(most, at(i));
    for (std::int64_t i = 0; i < s.size; ++i) sum += std::exp(at(i) - most);
    for (std::int64_t i = 0; i < s.size; ++i) at(i) -= most + std::log(sum);
  }
}

void write(Tensor& out, const std::vector<double>& values) {
  dispatch(out.dtype(), [&]<class T>() {
    if constexpr (is_real<T>) {
      for (std::size_t i = 0; i < values.size(); ++i) out.data<T>()[i] = store<T>(values[i]);
    }
  });
}

struct Losses {
  std::vector<double> each, weights;  ///< the weights as they count, 0 where the target is ignored
  double sum = 0, weight = 0;
};

Losses losses_of(const EvalContext& ctx, const std::vector<double>& log_p, const AxisSplit& s) {
  const std::vector<std::int64_t> target = ctx.input(1).to_int64();
  const std::vector<double> weights = ctx.has_input(2) ? ctx.input(2).to_double() : std::vector<double>();
  const AttributeValue* ignored = ctx.attributes().find("ignore_index");
  const std::int64_t ignore = ignored == nullptr ? 0 : ctx.attributes().integer("ignore_index");
  Losses out;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const std::int64_t t = target[i], line = static_cast<std::int64_t>(i);
    if (ignored != nullptr && t == ignore) {
      out.each.push_back(0);
      out.weights.push_back(0);
      continue;
    }
    if (t < 0 || t >= s.size) {
      throw ctx.error(ErrorKind::bad_input, ctx.node().op_type + ": a target names no class")
          .value(std::to_string(t))
          .expected("between 0 and " + std::to_string(s.size - 1));
    }
    const double weight = weights.empty() ? 1 : weights[static_cast<std::size_t>(t)];
    const std::int64_t at = (line / s.inner * s.size + t) * s.inner + line % s.inner;
    out.each.push_back(-weight * log_p[static_cast<std::size_t>(at)]);
    out.weights.push_back(weight);
    out.sum += out.each.back();
    out.weight += weight;
  }
  return out;
}

void eval(EvalContext& ctx, bool softmax) {
  const AxisSplit split = check(ctx);
  const DType dtype = ctx.input(0).dtype();
  std::vector<double> log_p = ctx.input(0).to_double();
  if (softmax) log_softmax(log_p, split);
  const Losses losses = losses_of(ctx, log_p, split);
  const std::string reduction = reduction_of(ctx.attributes());
  if (reduction == "none") {
    write(ctx.output(0, dtype, ctx.input(1).shape()), losses.each);
  } else {
    write(ctx.output(0, dtype, {}), {reduction == "sum" ? losses.sum : losses.sum / losses.weight});
  }
  if (ctx.wants_output(1)) write(ctx.output(1, dtype, ctx.input(0).shape()), log_p);
}

// LossGrad(x, target, weight, dloss), domain octet: the gradient of a loss with respect to x; softmax 1: of the second.
//   dx[n, c] = dloss weight[t] (p[n, c] - [c = t]), or without softmax -dloss weight[t] [c = t]; 0 where ignored.
void eval_gradient(EvalContext& ctx) {
  constexpr int kSlot = 3;
  if (!ctx.has_input(kSlot)) throw ctx.error(ErrorKind::bad_input, "the gradient of the loss is left out");
  const AxisSplit s = check(ctx);
  const bool softmax = ctx.attributes().integer("softmax", 0) != 0, each = reduction_of(ctx.attributes()) == "none";
  std::vector<double> log_p = ctx.input(0).to_double();
  if (softmax) log_softmax(log_p, s);
  const Losses losses = losses_of(ctx, log_p, s);
  std::vector<double> slope = ctx.input(kSlot).to_double();
  if (slope.size() != (each ? losses.each.size() : 1)) {
    throw ctx.error(ErrorKind::bad_input, "the gradient is not that of this loss")
        .value(to_string(ctx.input(kSlot).shape()));
  }
  if (!each) slope.resize(losses.each.size(), slope[0]);
  const double divisor = reduction_of(ctx.attributes()) == "mean" ? losses.weight : 1;
  const std::vector<std::int64_t> target = ctx.input(1).to_int64();
  std::vector<double> dx(log_p.size(), 0.0);
  for (std::size_t i = 0; i < target.size(); ++i) {
    const auto line = static_cast<std::int64_t>(i);
    const double factor = slope[i] * losses.weights[i] / divisor;
    if (factor == 0) continue;
    const std::int64_t first = line / s.inner * s.size * s.inner + line % s.inner;
    for (std::int64_t c = 0; c < s.size; ++c) {
      const auto at = static_cast<std::size_t>(first + c * s.inner);
      dx[at] = factor * ((softmax ? std::exp(log_p[at]) : 0) - (c == target[i] ? 1 : 0));
    }
  }
  write(ctx.output(0, ctx.input(0).dtype(), ctx.input(0).shape()), dx);
}

void gradient(GradientContext& ctx, bool softmax) {
  if (ctx.output_gradient(1) != kNoValue) throw ctx.error("a loss that depends on a loss's second output");
  if (ctx.output_gradient(0) == kNoValue) return;
  Attributes form = ctx.attributes();
  form.set("softmax", std::int64_t{softmax});
  if (ctx.wants(2)) throw ctx.error("the weights of classes have no gradient");
  ctx.set(0, ctx.emit_own("LossGrad", {ctx.input(0), ctx.input(1), ctx.input(2), ctx.output_gradient(0)}, form));
}

std::vector<Sample> samples(Random& random, int outputs) {
  std::vector<Sample> out;
  for (const char* reduction : {"none", "sum", "mean"}) {
    for (const Shape& shape : {Shape{4, 5}, Shape{2, 5, 3}, Shape{2, 5, 3, 2}}) {
      Tensor target(DType::i64, reduced_shape(shape, {1}, false));
      for (std::int64_t i = 0; i < target.elements(); ++i) target.data<std::int64_t>()[i] = random.integer(0, 4);
      const Tensor x = random_tensor(random, DType::f32, shape),
                   weight = random_tensor(random, DType::f32, {5}, 0.1f, 1);
      out.push_back(
          {.attributes = make_attributes({{"reduction", reduction}}), .inputs = {x, target}, .outputs = outputs});
      out.push_back({.attributes = make_attributes({{"reduction", reduction}, {"ignore_index", 2}}),
                     .inputs = {x, target.cast(DType::i32), weight},
                     .opset = 12,
                     .outputs = outputs});
    }
  }
  return out;
}

std::vector<Sample> gradient_samples(Random& random) {
  std::vector<Sample> out = samples(random, 1);
  for (Sample& sample : out) {
    sample.opset = 17;
    sample.inputs.resize(3);
    const bool each = sample.attributes.text("reduction", "mean") == "none";
    sample.inputs.push_back(random_tensor(random, DType::f32, each ? sample.inputs[1].shape() : Shape{}));
    if (sample.inputs[0].rank() == 3) sample.attributes.set("softmax", std::int64_t{1});
  }
  return out;
}

OpDef row(const char* name, bool softmax) {
  return {
      .name = name,
      .since = 12,
      .inputs = {2, 3},
      .outputs = {1, softmax ? 2 : 1},
      .attributes = {"ignore_index", "reduction"},
      .infer = infer,
      .eval = [softmax](EvalContext& ctx) { eval(ctx, softmax); },
      .gradient = [softmax](GradientContext& ctx) { gradient(ctx, softmax); },
      .samples = [softmax](Random& random) { return samples(random, softmax ? 2 : 1); },
  };
}

}  // namespace

Rows loss() {
  const OpDef back = {.name = "LossGrad",
                      .domain = "octet",
                      .since = 0,
                      .inputs = {2, 4},
                      .attributes = {"ignore_index", "reduction", "softmax"},
                      .infer = infer_same_as_input,
                      .eval = eval_gradient,
                      .samples = gradient_samples};
  return {row("NegativeLogLikelihoodLoss", false), row("SoftmaxCrossEntropyLoss", true), back};
}

}  // namespace octet::ops
