#include "octet/ops/element_rules.h"

#include <algorithm>
#include <limits>

namespace octet::ops {
namespace {

constexpr std::int64_t kMost = 1024;  // larger tensors are data, not shapes

const Element& at(const std::vector<Element>& elements, std::size_t i) {
  return elements.size() == 1 ? elements[0] : elements[i];
}

bool fits(std::int64_t value, DType dtype) {
  using Limits = std::numeric_limits<std::int32_t>;
  return dtype != DType::i32 || (value >= Limits::min() && value <= Limits::max());
}

// Two lists of which one may be a single repeated element.
std::optional<std::vector<Element>> zip(const std::vector<Element>& a, const std::vector<Element>& b,
                                        const ElementRule& rule) {
  if (a.size() != b.size() && a.size() != 1 && b.size() != 1) return std::nullopt;
  const std::size_t count = a.size() == 1 ? b.size() : a.size();
  std::vector<Element> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(rule(at(a, i), at(b, i)));
  return out;
}

template <class Checked>
Element both_numbers(const Element& a, const Element& b, const Checked& checked) {
  std::int64_t out = 0;
  if (!a.number || !b.number || checked(*a.number, *b.number, &out)) return {};
  return {out, {}};
}

Element truth(bool value) { return {value ? 1 : 0, {}}; }
bool negative(const Element& e) { return e.number && *e.number < 0; }
bool not_positive(const Element& e) { return e.number && *e.number <= 0; }
bool symbolic_dim(const Element& e) { return !e.symbol.empty(); }

}  // namespace

std::optional<std::vector<Element>> known_elements(const InferContext& ctx, int input) {
  if (!ctx.has_shape(input) || ctx.rank(input) > 1) return std::nullopt;
  std::vector<Element> out;
  if (const Tensor* tensor = ctx.constant(input)) {
    if (is_float(tensor->dtype()) || tensor->elements() > kMost) return std::nullopt;
    for (const std::int64_t value : tensor->to_int64()) out.push_back({value, {}});
    return out;
  }
  const std::optional<SymbolicShape> elements = ctx.elements(input);
  if (!elements) return std::nullopt;
  for (const Dim& dim : *elements) {
    if (!dim.symbol.empty()) {
      out.push_back({std::nullopt, dim.symbol});
    } else if (dim == Dim()) {
      out.push_back({});
    } else {
      out.push_back({dim.value, {}});
    }
  }
  return out;
}

void state_elements(InferContext& ctx, const std::vector<Element>& elements) {
  const TypeInfo& type = ctx.outputs()[0].type;
  if (type.dtype != DType::i64 && type.dtype != DType::i32 && type.dtype != DType::boolean) return;
  const std::optional<Shape> shape = type.shape ? static_shape(*type.shape) : std::nullopt;
  if (!shape || shape->rank() > 1 || shape->elements() != static_cast<std::int64_t>(elements.size())) return;
  SymbolicShape out;
  for (const Element& element : elements) {
    Dim dim;  // -1 and unknown are one and the same here; claiming nothing is always right
    if (element.number && fits(*element.number, type.dtype)) dim.value = *element.number;
    if (!element.number) dim.symbol = element.symbol;
    out.push_back(dim);
  }
  ctx.set_elements(0, std::move(out));
}

void infer_elements(InferContext& ctx, const ElementRule& rule) {
  const auto a = known_elements(ctx, 0), b = known_elements(ctx, 1);
  if (!a || !b) return;
  if (const auto out = zip(*a, *b, rule)) state_elements(ctx, *out);
}

void infer_elements_of_all(InferContext& ctx, const ElementRule& rule) {
  auto out = known_elements(ctx, 0);
  for (int i = 1; out && i < ctx.input_count(); ++i) {
    const auto next = known_elements(ctx, i);
    out = next ? zip(*out, *next, rule) : std::nullopt;
  }
  if (out) state_elements(ctx, *out);
}

void pass_elements(InferContext& ctx, int input) {
  if (const auto elements = known_elements(ctx, input)) state_elements(ctx, *elements);
}

namespace element_rules {

Element add(const Element& a, const Element& b) {
  if (a.is(0)) return b;
  if (b.is(0)) return a;
  return both_numbers(a, b, [](auto p, auto q, auto* out) { return __builtin_add_overflow(p, q, out); });
}

Element subtract(const Element& a, const Element& b) {
  if (b.is(0)) return a;
  if (a.same(b)) return {0, {}};
  return both_numbers(a, b, [](auto p, auto q, auto* out) { return __builtin_sub_overflow(p, q, out); });
}

Element multiply(const Element& a, const Element& b) {
  if (a.is(0) || b.is(0)) return {0, {}};
  if (a.is(1)) return b;
  if (b.is(1)) return a;
  return both_numbers(a, b, [](auto p, auto q, auto* out) { return __builtin_mul_overflow(p, q, out); });
}

Element divide(const Element& a, const Element& b) {
  if (b.is(1)) return a;
  return both_numbers(a, b, [](std::int64_t p, std::int64_t q, std::int64_t* out) {
    if (q == 0 || (q == -1 && p == std::numeric_limits<std::int64_t>::min())) return true;
    *out = p / q;
    return false;
  });
}

Element maximum(const Element& a, const Element& b) {
  if (a.same(b)) return a;
  if (symbolic_dim(a) && not_positive(b)) return a;
  if (symbolic_dim(b) && not_positive(a)) return b;
  return both_numbers(a, b, [](auto p, auto q, auto* out) { return *out = std::max(p, q), false; });
}

Element minimum(const Element& a, const Element& b) {
  if (a.same(b)) return a;
  if (symbolic_dim(a) && not_positive(b)) return b;
  if (symbolic_dim(b) && not_positive(a)) return a;
  return both_numbers(a, b, [](auto p, auto q, auto* out) { return *out = std::min(p, q), false; });
}

Element equal(const Element& a, const Element& b) {
  if (a.number && b.number) return truth(*a.number == *b.number);
  if (a.same(b)) return truth(true);
  if ((symbolic_dim(a) && negative(b)) || (symbolic_dim(b) && negative(a))) return truth(false);
  return {};
}

Element less(const Element& a, const Element& b) {
  if (a.number && b.number) return truth(*a.number < *b.number);
  if (a.same(b) || (symbolic_dim(a) && not_positive(b))) return truth(false);
  if (negative(a) && symbolic_dim(b)) return truth(true);
  return {};
}

Element less_or_equal(const Element& a, const Element& b) {
  if (a.number && b.number) return truth(*a.number <= *b.number);
  if (a.same(b) || (not_positive(a) && symbolic_dim(b))) return truth(true);
  if (symbolic_dim(a) && negative(b)) return truth(false);
  return {};
}

}  // namespace element_rules
}  // namespace octet::ops
