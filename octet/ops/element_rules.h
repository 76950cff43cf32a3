// Arithmetic on the elements of small integer tensors while shapes are inferred: numbers are computed,
// symbols pass through where the operation leaves them as they are, anything else is unknown.
//
//   Add([N, 4], [0, 1]) = [N, 5]        Equal([N, 4], [-1, 4]) = [false, true]: a dimension is never negative
#pragma once

#include <functional>

#include "octet/ops/op.h"

namespace octet::ops {

/// What is known of one element.
struct Element {
  std::optional<std::int64_t> number;
  std::string symbol;  ///< a dimension's name, so never negative; empty if a number or unknown

  bool known() const { return number.has_value() || !symbol.empty(); }
  bool is(std::int64_t value) const { return number == value; }
  bool same(const Element& other) const { return known() && number == other.number && symbol == other.symbol; }
};

/// Elements of an input that is a small integer or boolean tensor of rank 0 or 1; nothing otherwise.
std::optional<std::vector<Element>> known_elements(const InferContext& ctx, int input);
/// States output 0's elements, dropping numbers that its type cannot hold. Does nothing unless its
/// inferred type is int32, int64 or bool and its shape a static scalar or vector of that many elements.
void state_elements(InferContext& ctx, const std::vector<Element>& elements);

using ElementRule = std::function<Element(const Element&, const Element&)>;
/// Applies `rule` over the broadcast of inputs 0 and 1, after output 0's type and shape were set.
void infer_elements(InferContext& ctx, const ElementRule& rule);
/// Folds `rule` over all inputs (Max, Min, Sum).
void infer_elements_of_all(InferContext& ctx, const ElementRule& rule);
/// Output 0's elements are those of `input` (Identity, Cast among integers).
void pass_elements(InferContext& ctx, int input);

namespace element_rules {
Element add(const Element& a, const Element& b);
Element subtract(const Element& a, const Element& b);
Element multiply(const Element& a, const Element& b);
Element divide(const Element& a, const Element& b);  ///< truncates towards zero
Element maximum(const Element& a, const Element& b);
Element minimum(const Element& a, const Element& b);
Element equal(const Element& a, const Element& b);
Element less(const Element& a, const Element& b);
Element less_or_equal(const Element& a, const Element& b);
}  // namespace element_rules

}  // namespace octet::ops
