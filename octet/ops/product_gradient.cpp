// ReduceProdGrad(x, dy), domain octet: dx_i = dy prod over j != i of x_j, the product over the dimensions where dy has
// size 1; exact where elements are 0, for no element is divided by.
#include <algorithm>

#include "octet/ops/axes.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"
#include "octet/ops/strided_copy.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

void eval(EvalContext& ctx) {
  check_same_type(ctx, 0, 1);
  const Tensor x = widened(ctx.input(0)), dy = widened(ctx.input(1));
  if (dy.rank() != x.rank() || !(broadcast(x.shape(), dy.shape()) == x.shape())) {
    throw ctx.error(ErrorKind::bad_input, "the gradient does not fit the tensor")
        .value(to_string(dy.shape()))
        .expected("sizes of " + to_string(x.shape()) + ", or 1");
  }
  const auto strides = strides_of(x.shape());
  // Offsets of the elements of one product.
  std::vector<std::int64_t> members{0};
  for (int d = 0; d < x.rank(); ++d) {
    if (dy.dim(d) == x.dim(d)) continue;
    std::vector<std::int64_t> next;
    for (const std::int64_t base : members) {
      for (std::int64_t i = 0; i < x.dim(d); ++i) next.push_back(base + i * strides[static_cast<std::size_t>(d)]);
    }
    members.swap(next);
  }
  fill_output(ctx, 0, ctx.input(0).dtype(), x.shape(), [&](Tensor& dx) {
    dispatch_float(x.dtype(), [&]<class T>() {
      if (x.elements() == 0) return;
      std::vector<double> before(members.size());
      for (std::int64_t k = 0; k < dy.elements(); ++k) {
        std::int64_t first = 0, rest = k;
        for (int d = x.rank() - 1; d >= 0; --d) {
          first += rest % dy.dim(d) * strides[static_cast<std::size_t>(d)];
          rest /= dy.dim(d);
        }
        const T* from = x.data<T>() + first;
        double product = 1;
        for (std::size_t i = 0; i < members.size(); ++i) {
          before[i] = product;
          product *= static_cast<double>(from[members[i]]);
        }
        double after = static_cast<double>(dy.data<T>()[k]);
        for (std::size_t i = members.size(); i-- > 0;) {
          dx.data<T>()[first + members[i]] = static_cast<T>(before[i] * after);
          after *= static_cast<double>(from[members[i]]);
        }
      }
    });
  });
}

std::vector<Sample> samples(Random& random) {
  const std::pair<Shape, Shape> shapes[] = {{{2, 3, 4}, {2, 1, 4}}, {{2, 3, 4}, {1, 3, 1}}, {{5}, {1}}, {{}, {}},
                                            {{0, 3}, {0, 1}},       {{2, 3}, {2, 3}}};
  std::vector<Sample> out;
  for (const auto& [x, dy] : shapes) {
    out.push_back({.inputs = {random_tensor(random, DType::f32, x), random_tensor(random, DType::f32, dy)}});
  }
  return out;
}

}  // namespace

Rows product_gradient() {
  return {{.name = "ReduceProdGrad",
           .domain = "octet",
           .since = 0,
           .inputs = {2, 2},
           .infer = infer_same_as_input,
           .eval = eval,
           .samples = samples}};
}

}  // namespace octet::ops
