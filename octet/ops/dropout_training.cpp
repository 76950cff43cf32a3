// Dropout while training, domain octet: y = x / (1 - ratio) where element i of the step is kept, else 0.
//   x, step (int64 scalar); attributes ratio, seed.
// Element i is kept where a hash of (seed, step, i) is at least ratio: a step is a function of its inputs alone, so
// that training resumes exactly and the gradient drops the same elements without a mask being stored.
// The hash is splitmix64's mixing function.  Source: Srivastava et al. 2014; Steele et al. 2014 (splitmix).
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

std::uint64_t mix(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

void eval(EvalContext& ctx) {
  const Tensor x = widened(ctx.input(0));
  const std::vector<std::int64_t> step = ctx.input(1).to_int64();
  const float ratio = ctx.attributes().real("ratio", 0.5f);
  if (!(ratio >= 0 && ratio < 1)) {
    throw ctx.error(ErrorKind::bad_input, "Dropout: the ratio is not in [0, 1)").value(std::to_string(ratio));
  }
  if (step.size() != 1) throw ctx.error(ErrorKind::bad_input, "Dropout: the step is not a single number");
  const std::uint64_t key =
      mix(mix(static_cast<std::uint64_t>(ctx.attributes().integer("seed", 0))) ^ static_cast<std::uint64_t>(step[0]));
  const auto limit = static_cast<std::uint32_t>(static_cast<double>(ratio) * 0x1p32);
  fill_output(ctx, 0, ctx.input(0).dtype(), x.shape(), [&](Tensor& y) {
    dispatch_float(x.dtype(), [&]<class T>() {
      const T scale = 1 / (1 - static_cast<T>(ratio));
      const T* from = x.data<T>();
      T* to = y.data<T>();
      ctx.threads().parallel_for(x.elements(), 16384, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          const bool kept = static_cast<std::uint32_t>(mix(key ^ static_cast<std::uint64_t>(i)) >> 32) >= limit;
          to[i] = kept ? from[i] * scale : T{0};
        }
      });
    });
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const float ratio : {0.0f, 0.3f, 0.9f}) {
    out.push_back({make_attributes({{"ratio", ratio}, {"seed", 5}}),
                   {random_tensor(random, DType::f32, {4, 37}), Tensor::scalar<std::int64_t>(3)}});
  }
  out.push_back({{}, {random_tensor(random, DType::f32, {0, 2}), Tensor::scalar<std::int64_t>(0)}});
  return out;
}

}  // namespace

Rows dropout_training() {
  return {{
      .name = "Dropout",
      .domain = "octet",
      .since = 0,
      .inputs = {2, 2},
      .attributes = {"ratio", "seed"},
      .infer = infer_same_as_input,
      .eval = eval,
      .gradient =
          [](GradientContext& ctx) {
            ctx.set(0, ctx.emit_own("Dropout", {ctx.output_gradient(), ctx.input(1)}, ctx.attributes()));
          },
      .samples = samples,
  }};
}

}  // namespace octet::ops
