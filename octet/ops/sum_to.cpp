// Gradient-only operators of broadcasting, domain octet.
//   SumTo(x, shape): x summed over the dimensions along which a tensor of `shape` is repeated to x's shape,
//   the transpose of Expand. Sums of floats run in double, each in one fixed order.
#include "octet/ops/sum_to.h"

#include <algorithm>

#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

void infer(InferContext& ctx) {
  if (const auto elements = ctx.elements(1)) return ctx.set_output(0, ctx.dtype(0), *elements);
  ctx.set_output(0, ctx.dtype(0));
}

constexpr std::int64_t kColumns = 512;  // sums kept at a time
constexpr std::int64_t kRun = 8192;     // elements of a partial sum

// Calls body(x offset, y offset) for all rows whose kept outer indices are number `index`.
template <class Body>
void for_each_row(const BroadcastPlan& plan, std::int64_t index, const Body& body) {
  std::int64_t start_x = 0, start_y = 0, summed = 1;
  for (int i = plan.rank - 2; i >= 0; --i) {
    if (plan.b[i] == 0) {
      summed *= plan.dims[i];
      continue;
    }
    start_x += index % plan.dims[i] * plan.a[i];
    start_y += index % plan.dims[i] * plan.b[i];
    index /= plan.dims[i];
  }
  for (std::int64_t s = 0; s < summed; ++s) {
    std::int64_t x = start_x, rest = s;
    for (int i = plan.rank - 2; i >= 0; --i) {
      if (plan.b[i] != 0) continue;
      x += rest % plan.dims[i] * plan.a[i];
      rest /= plan.dims[i];
    }
    body(x, start_y);
  }
}

template <class T>
double sum_run(const T* x, std::int64_t count) {
  double parts[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (int p = 0; p < 8; ++p) parts[p] += static_cast<double>(x[i + p]);
  }
  for (; i < count; ++i) parts[i % 8] += static_cast<double>(x[i]);
  return ((parts[0] + parts[1]) + (parts[2] + parts[3])) + ((parts[4] + parts[5]) + (parts[6] + parts[7]));
}

template <class T>
void sum_columns(ThreadPool& threads, const BroadcastPlan& plan, std::int64_t kept, const T* x, T* y) {
  const std::int64_t inner = plan.dims[plan.rank - 1], blocks = (inner + kColumns - 1) / kColumns;
  threads.parallel_for(kept * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    double sums[kColumns];
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t first = item % blocks * kColumns, count = std::min(kColumns, inner - first);
      std::fill_n(sums, count, 0.0);
      std::int64_t to = 0;
      for_each_row(plan, item / blocks, [&](std::int64_t from, std::int64_t out) {
        to = out;
        for (std::int64_t i = 0; i < count; ++i) sums[i] += static_cast<double>(x[from + first + i]);
      });
      for (std::int64_t i = 0; i < count; ++i) y[to + first + i] = static_cast<T>(sums[i]);
    }
  });
}

template <class T>
void sum_rows(ThreadPool& threads, const BroadcastPlan& plan, std::int64_t kept, const T* x, T* y) {
  const std::int64_t inner = plan.dims[plan.rank - 1], runs = std::max<std::int64_t>(1, (inner + kRun - 1) / kRun);
  if (kept == 1 && runs > 1 && plan.rank == 1) {  // everything into one number: partial sums of fixed length
    std::vector<double> partial(static_cast<std::size_t>(runs));
    threads.parallel_for(runs, 2, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        partial[static_cast<std::size_t>(r)] = sum_run(x + r * kRun, std::min(kRun, inner - r * kRun));
      }
    });
    double sum = 0;
    for (const double p : partial) sum += p;
    y[0] = static_cast<T>(sum);
    return;
  }
  threads.parallel_for(kept, std::max<std::int64_t>(1, 4096 / std::max<std::int64_t>(1, inner)),
                       [&](std::int64_t begin, std::int64_t end) {
                         for (std::int64_t k = begin; k < end; ++k) {
                           double sum = 0;
                           std::int64_t to = 0;
                           for_each_row(plan, k, [&](std::int64_t from, std::int64_t out) {
                             to = out;
                             for (std::int64_t first = 0; first < inner; first += kRun)
                               sum += sum_run(x + from + first, std::min(kRun, inner - first));
                           });
                           y[to] = static_cast<T>(sum);
                         }
                       });
}

void eval(EvalContext& ctx) {
  const Shape wanted = shape_from(ctx, ctx.input(1));
  const Tensor x = widened(ctx.input(0));
  fill_output(ctx, 0, ctx.input(0).dtype(), wanted, [&](Tensor& y) { sum_into(ctx.threads(), x, y); });
}

std::vector<Sample> samples(Random& random) {
  const std::pair<Shape, std::vector<std::int64_t>> cases[] = {
      {{2, 3, 4}, {2, 3, 4}}, {{2, 3, 4}, {4}},    {{2, 3, 4}, {3, 1}},       {{2, 3, 4}, {2, 1, 4}},
      {{2, 3, 4}, {}},        {{7, 600}, {600}},   {{3, 5, 2, 2}, {5, 1, 1}}, {{0, 3}, {3}},
      {{20000}, {1}},         {{4, 1, 3}, {1, 1}}, {{2, 9000}, {2, 1}},
  };
  std::vector<Sample> out;
  for (const auto& [from, to] : cases) {
    const Tensor shape = Tensor::from<std::int64_t>({static_cast<std::int64_t>(to.size())}, to);
    out.push_back({.inputs = {random_tensor(random, DType::f32, from), shape}});
  }
  return out;
}

}  // namespace

void sum_into(ThreadPool& threads, const Tensor& x, Tensor& out) {
  const BroadcastPlan plan = plan_broadcast(x.shape(), out.shape());
  if (!(plan.shape == x.shape())) {
    throw Error(ErrorKind::bad_input, "a gradient does not come from a tensor of that shape")
        .value(to_string(x.shape()))
        .expected("a shape that " + to_string(out.shape()) + " broadcasts to");
  }
  std::int64_t kept = 1;
  for (int i = 0; i < plan.rank - 1; ++i) kept *= plan.b[i] == 0 ? 1 : plan.dims[i];
  dispatch_float(x.dtype(), [&]<class T>() {
    if (x.elements() == 0) {
      std::fill_n(out.data<T>(), out.elements(), T{0});
    } else if (plan.b[plan.rank - 1] != 0) {
      sum_columns(threads, plan, kept, x.data<T>(), out.data<T>());
    } else {
      sum_rows(threads, plan, kept, x.data<T>(), out.data<T>());
    }
  });
}

Tensor summed_to(ThreadPool& threads, const Tensor& x, const Shape& shape) {
  Tensor out(x.dtype(), shape);
  sum_into(threads, x, out);
  return out;
}

Rows sum_to() {
  return {{
      .name = "SumTo",
      .domain = "octet",
      .since = 0,
      .inputs = {2, 2},
      .infer = infer,
      .eval = eval,
      .gradient = [](GradientContext& ctx) { ctx.set(0, ctx.expand_to(ctx.output_gradient(), ctx.input(0))); },
      .samples = samples,
  }};
}

}  // namespace octet::ops
