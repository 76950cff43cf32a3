// Reshape, Flatten: the same elements under another shape.
// Source: ONNX Reshape-5, Reshape-14 (allowzero); Flatten-1, Flatten-11 (negative axis).
#include <algorithm>

#include "octet/base/checked.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

// The factors of a product of dimensions: a number, symbols, and how many are wholly unknown.
struct Factors {
  std::int64_t number = 1;
  std::vector<std::string> symbols;
  int unknown = 0;

  void add(const Dim& dim) {
    if (dim.known()) {
      number = checked_mul(number, dim.value);
    } else if (dim.symbol.empty()) {
      ++unknown;
    } else {
      symbols.push_back(dim.symbol);
    }
  }
};

// What must stand in the only open place so that the number of elements stays: whole / rest.
Dim quotient(Factors whole, const Factors& rest) {
  for (const std::string& symbol : rest.symbols) {
    const auto it = std::find(whole.symbols.begin(), whole.symbols.end(), symbol);
    if (it == whole.symbols.end()) return Dim();
    whole.symbols.erase(it);
  }
  if (whole.unknown != 0 || rest.unknown != 0 || rest.number == 0) return Dim();
  if (whole.symbols.size() == 1 && whole.number == rest.number) return Dim(whole.symbols[0]);
  if (!whole.symbols.empty()) return Dim();
  if (whole.number % rest.number != 0) {
    throw Error(ErrorKind::bad_input, "Reshape: the elements do not divide among the given dimensions")
        .value(std::to_string(whole.number))
        .expected("a multiple of " + std::to_string(rest.number));
  }
  return Dim(whole.number / rest.number);
}

// The result's shape from the requested dimensions; -1 and unknown ones are open.
SymbolicShape target_shape(const InferContext& ctx, const SymbolicShape& wanted, bool allow_zero) {
  const bool has_shape = ctx.has_shape(0);
  SymbolicShape out;
  std::vector<bool> copied;  // input dimensions taken over by a 0: they cancel even when unknown
  if (has_shape) copied.resize(ctx.shape(0).size(), false);
  Factors rest;
  int open = 0, open_at = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Dim& dim = wanted[i];
    if (dim == Dim(0) && !allow_zero) {
      if (has_shape && i >= copied.size()) {
        throw Error(ErrorKind::bad_input, "Reshape: a 0 stands where the input has no dimension")
            .value(std::to_string(i))
            .expected("a position below " + std::to_string(copied.size()));
      }
      out.push_back(has_shape ? ctx.shape(0)[i] : Dim());
      if (has_shape) copied[i] = true;
      continue;
    }
    const bool is_open = !dim.known() && dim.symbol.empty();
    out.push_back(is_open ? Dim() : dim);
    if (is_open) {
      ++open;
      open_at = static_cast<int>(i);
    } else {
      rest.add(dim);
    }
  }
  if (open != 1 || !has_shape) return out;
  Factors whole;
  for (std::size_t i = 0; i < copied.size(); ++i) {
    if (!copied[i]) whole.add(ctx.shape(0)[i]);
  }
  out[static_cast<std::size_t>(open_at)] = quotient(whole, rest);
  return out;
}

void check_counts(const InferContext& ctx, const SymbolicShape& target) {
  if (!ctx.has_shape(0)) return;
  const auto from = static_shape(ctx.shape(0)), to = static_shape(target);
  if (from && to && from->elements() != to->elements()) {
    throw Error(ErrorKind::bad_input, "Reshape changes the number of elements")
        .value(to_string(*to))
        .expected("as many as " + to_string(*from) + " has");
  }
}

void infer_reshape(InferContext& ctx) {
  const auto wanted = ctx.elements(1);
  if (!wanted) {
    const bool counted = ctx.has_shape(1) && ctx.rank(1) == 1 && ctx.shape(1)[0].known();
    if (!counted) return ctx.set_output(0, ctx.dtype(0));
    return set_output_rank(ctx, 0, ctx.dtype(0), static_cast<std::size_t>(ctx.shape(1)[0].value));
  }
  const SymbolicShape shape = target_shape(ctx, *wanted, ctx.attributes().integer("allowzero", 0) != 0);
  check_counts(ctx, shape);
  ctx.set_output(0, ctx.dtype(0), shape);
  if (const auto elements = ctx.elements(0)) ctx.set_elements(0, *elements);
}

void eval_reshape(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const bool allow_zero = ctx.attributes().integer("allowzero", 0) != 0;
  std::vector<std::int64_t> dims = ctx.input(1).to_int64();
  std::int64_t rest = 1;
  int open = -1;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 && !allow_zero) {
      if (i >= static_cast<std::size_t>(x.rank())) {
        throw ctx.error(ErrorKind::bad_input, "a 0 stands where the input has no dimension")
            .value(std::to_string(i))
            .expected("a position below " + std::to_string(x.rank()));
      }
      dims[i] = x.dim(static_cast<int>(i));
    }
    if (dims[i] < -1 || (dims[i] == -1 && open >= 0)) {
      throw ctx.error(ErrorKind::bad_input, "Reshape takes sizes, zeros, and at most one -1")
          .value(std::to_string(dims[i]));
    }
    if (dims[i] == -1) {
      open = static_cast<int>(i);
    } else {
      rest = checked_mul(rest, dims[i]);
    }
  }
  if (open >= 0) {
    if (rest == 0 || x.elements() % rest != 0) {
      throw ctx.error(ErrorKind::bad_input, "the elements do not divide among the given dimensions")
          .value(std::to_string(x.elements()))
          .expected("a multiple of " + std::to_string(rest));
    }
    dims[static_cast<std::size_t>(open)] = x.elements() / rest;
  }
  ctx.set_output(0, x.reshaped(Shape(dims)));
}

// Flatten's axis may equal the rank: everything goes into the first dimension.
int flatten_axis(const Attributes& attributes, int rank) {
  const std::int64_t axis = attributes.integer("axis", 1);
  return axis == rank ? rank : normalize_axis(axis, rank);
}

void infer_flatten(InferContext& ctx) {
  if (!ctx.has_shape(0)) return set_output_rank(ctx, 0, ctx.dtype(0), 2);
  const SymbolicShape& shape = ctx.shape(0);
  const auto axis = static_cast<std::size_t>(flatten_axis(ctx.attributes(), ctx.rank(0)));
  ctx.set_output(0, ctx.dtype(0), {product(shape, 0, axis), product(shape, axis, shape.size())});
}

void eval_flatten(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const int axis = flatten_axis(ctx.attributes(), x.rank());
  ctx.set_output(0, x.reshaped({x.shape().elements(0, axis), x.shape().elements(axis, x.rank())}));
}

std::vector<Sample> reshape_samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](const Shape& from, std::initializer_list<std::int64_t> to) {
    out.push_back({.attributes = {}, .inputs = {random_tensor(random, DType::f32, from), int64_tensor(to)}});
  };
  add({2, 3, 4}, {4, 6});
  add({2, 3, 4}, {0, -1});
  add({2, 3, 4}, {-1});
  add({1, 1}, {});
  add({}, {1, 1, 1});
  add({2, 0, 3}, {0, 0, 3});
  add({1, 2, 3, 2, 1, 2}, {2, -1, 2, 0});
  add({0, 3}, {3, 0});
  out.back().attributes.set("allowzero", std::int64_t{1});
  out.push_back({.attributes = {}, .inputs = {random_tensor(random, DType::u8, {6}), int64_tensor({3, 2})}});
  return out;
}

std::vector<Sample> flatten_samples(Random& random) {
  std::vector<Sample> out;
  for (const std::int64_t axis : {0, 1, 2, 3, -1, -3}) {
    Sample sample{.attributes = {}, .inputs = {random_tensor(random, DType::f32, {2, 3, 4})}};
    sample.attributes.set("axis", axis);
    out.push_back(sample);
  }
  out.push_back({.attributes = {}, .inputs = {random_tensor(random, DType::i8, {0, 5})}});
  Sample scalar{.attributes = {}, .inputs = {random_tensor(random, DType::f32, {})}};
  scalar.attributes.set("axis", std::int64_t{0});
  out.push_back(scalar);
  return out;
}

}  // namespace

Rows reshape() {
  return {
      {.name = "Reshape",
       .since = 5,
       .inputs = {2, 2},
       .attributes = {"allowzero"},
       .infer = infer_reshape,
       .eval = eval_reshape,
       .gradient = gradient_reshape,
       .quant = {.kind = QuantRule::Kind::pass_through},
       .samples = reshape_samples},
      {.name = "Flatten",
       .attributes = {"axis"},
       .infer = infer_flatten,
       .eval = eval_flatten,
       .gradient = gradient_reshape,
       .quant = {.kind = QuantRule::Kind::pass_through},
       .samples = flatten_samples},
  };
}

}  // namespace octet::ops
