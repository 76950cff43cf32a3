// BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseNot on integers; BitShift on unsigned integers, where shifting
// by the width or more gives 0.  Source: ONNX BitwiseAnd-18 ... BitwiseNot-18, BitShift-11.
#include <limits>

#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

template <class T>
inline constexpr bool is_whole = std::is_integral_v<T> && !std::is_same_v<T, bool>;

template <class F>
void eval_binary(EvalContext& ctx, const F& f) {
  const Tensor &a = ctx.input(0), &b = ctx.input(1);
  require_same_type(ctx, a, b);
  const BroadcastPlan plan = plan_broadcast(a.shape(), b.shape());
  dispatch(a.dtype(), [&]<class T>() {
    if constexpr (is_whole<T>) {
      Tensor& y = ctx.output(0, a.dtype(), plan.shape);
      broadcast_loop(ctx.threads(), plan, a.data<T>(), b.data<T>(), y.data<T>(),
                     [&](T p, T q) { return static_cast<T>(f(p, q)); });
    } else {
      throw wrong_type(ctx, a.dtype(), "an integer type");
    }
  });
}

template <class F>
OpDef binary(const char* name, F f) {
  return {
      .name = name,
      .since = 18,
      .inputs = {2, 2},
      .infer = infer_broadcast,
      .eval = [f](EvalContext& ctx) { eval_binary(ctx, f); },
      .samples =
          [](Random& random) {
            std::vector<Sample> out = binary_samples_of(random, DType::i32, -99, 99);
            for (const DType dtype : {DType::u8, DType::i64}) {
              out.push_back(
                  {.inputs = {random_tensor(random, dtype, {3, 4}, 0, 99), random_tensor(random, dtype, {4}, 0, 99)}});
            }
            for (Sample& sample : out) sample.opset = 18;
            return out;
          },
  };
}

OpDef complement() {
  return {
      .name = "BitwiseNot",
      .since = 18,
      .infer = infer_same_as_input,
      .eval =
          [](EvalContext& ctx) {
            const Tensor& x = ctx.input(0);
            dispatch(x.dtype(), [&]<class T>() {
              if constexpr (is_whole<T>) {
                map_elements<T, T>(ctx.threads(), x, ctx.output(0, x.dtype(), x.shape()), [](T v) { return ~v; });
              } else {
                throw wrong_type(ctx, x.dtype(), "an integer type");
              }
            });
          },
      .samples = [](Random& random) -> std::vector<Sample> {
        return {{.inputs = {random_tensor(random, DType::i32, {2, 3, 5}, -99, 99)}, .opset = 18},
                {.inputs = {random_tensor(random, DType::u8, {}, 0, 99)}, .opset = 18},
                {.inputs = {random_tensor(random, DType::u64, {0, 3})}, .opset = 18}};
      },
  };
}

struct Shift {
  bool left;
  template <class T>
  T operator()(T value, T amount) const {
    if (static_cast<std::uint64_t>(amount) >= std::numeric_limits<T>::digits) return 0;
    return static_cast<T>(left ? static_cast<std::uint64_t>(value) << amount
                               : static_cast<std::uint64_t>(value) >> amount);
  }
};

void eval_shift(EvalContext& ctx) {
  const std::string direction = ctx.attributes().text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") {
    throw ctx.error(ErrorKind::bad_input, "BitShift: direction is required").value(direction).expected("LEFT or RIGHT");
  }
  const DType dtype = ctx.input(0).dtype();
  if (dtype != DType::u8 && dtype != DType::u16 && dtype != DType::u32 && dtype != DType::u64) {
    throw wrong_type(ctx, dtype, "an unsigned integer type");
  }
  eval_binary(ctx, Shift{direction == "LEFT"});
}

OpDef bit_shift() {
  return {
      .name = "BitShift",
      .since = 11,
      .inputs = {2, 2},
      .attributes = {"direction"},
      .infer = infer_broadcast,
      .eval = eval_shift,
      .samples =
          [](Random& random) {
            std::vector<Sample> out;
            for (const DType dtype : {DType::u8, DType::u16, DType::u32, DType::u64}) {
              for (const char* direction : {"LEFT", "RIGHT"}) {
                out.push_back({.attributes = make_attributes({{"direction", direction}}),
                               .inputs = {random_tensor(random, dtype, {3, 4}, 0, 99),
                                          random_tensor(random, dtype, {4}, 0, 12)}});
              }
            }
            return out;
          },
  };
}

}  // namespace

Rows bitwise() {
  return {
      binary("BitwiseAnd", [](auto a, auto b) { return a & b; }),
      binary("BitwiseOr", [](auto a, auto b) { return a | b; }),
      binary("BitwiseXor", [](auto a, auto b) { return a ^ b; }),
      complement(),
      bit_shift(),
  };
}

}  // namespace octet::ops
