// The two contexts, and shape rules that many operators share.
#include <algorithm>

#include "octet/ops/op.h"

namespace octet {

bool InferContext::has_input(int i) const {
  return i < input_count() && node_.inputs[static_cast<std::size_t>(i)] != kNoValue;
}

const SymbolicShape& InferContext::shape(int i) const {
  const std::optional<SymbolicShape>& shape = known(i).type.shape;
  if (!shape) throw Error(ErrorKind::internal, "a shape rule asks for a shape that is not known").node(node_.name);
  return *shape;
}

const Tensor* InferContext::constant(int i) const {
  return has_input(i) && known(i).constant.defined() ? &known(i).constant : nullptr;
}

std::optional<SymbolicShape> InferContext::elements(int i) const {
  if (!has_input(i)) return std::nullopt;
  if (known(i).elements) return known(i).elements;
  const Tensor* tensor = constant(i);
  // Negative elements are meaningful to some readers (Reshape's -1, Slice's ends): those ask constant().
  if (tensor == nullptr || !is_integer(tensor->dtype()) || tensor->elements() > 1024) return std::nullopt;
  SymbolicShape out;
  for (const std::int64_t v : tensor->to_int64()) {
    Dim dim;
    dim.value = v;
    out.push_back(dim);
  }
  return out;
}

SymbolicShape broadcast(const SymbolicShape& a, const SymbolicShape& b) {
  const std::size_t rank = std::max(a.size(), b.size());
  SymbolicShape out(rank);
  for (std::size_t i = 0; i < rank; ++i) {
    const Dim one(1);
    const Dim& da = i + a.size() < rank ? one : a[i + a.size() - rank];
    const Dim& db = i + b.size() < rank ? one : b[i + b.size() - rank];
    if (da == one) {
      out[i] = db;
    } else if (db == one || da == db) {
      out[i] = da;
    } else if (da.known() && db.known()) {
      throw Error(ErrorKind::bad_input, "shapes do not broadcast")
          .value(to_string(a) + " and " + to_string(b))
          .expected("equal dimensions, or 1, counted from the right");
    } else {
      out[i] = da.known() ? da : db.known() ? db : Dim();  // a symbol against a number must be that number or 1
    }
  }
  return out;
}

void infer_same_as_input(InferContext& ctx) {
  if (ctx.has_shape(0)) {
    ctx.set_output(0, ctx.dtype(0), ctx.shape(0));
  } else {
    ctx.set_output(0, ctx.dtype(0));
  }
}

void infer_broadcast(InferContext& ctx) {
  SymbolicShape shape;
  for (int i = 0; i < ctx.input_count(); ++i) {
    if (!ctx.has_input(i)) continue;
    if (!ctx.has_shape(i)) return ctx.set_output(0, ctx.dtype(0));
    shape = broadcast(shape, ctx.shape(i));
  }
  ctx.set_output(0, ctx.dtype(0), shape);
}

std::optional<std::vector<std::int64_t>> infer_axes(const InferContext& ctx, int slot, int input_since, bool* unknown) {
  *unknown = false;
  if (ctx.opset() < input_since) {
    if (!ctx.attributes().has("axes")) return std::nullopt;
    return ctx.attributes().integers("axes");
  }
  if (!ctx.has_input(slot)) return std::nullopt;
  const Tensor* tensor = ctx.constant(slot);
  *unknown = tensor == nullptr;
  if (tensor == nullptr) return std::nullopt;
  return tensor->to_int64();
}

Tensor& EvalContext::output(int i, DType dtype, const Shape& shape) {
  Tensor& out = outputs_[static_cast<std::size_t>(i)];
  if (!out.defined() || out.dtype() != dtype || !(out.shape() == shape)) {
    out = allocate ? allocate(i, dtype, shape) : Tensor(dtype, shape);
  }
  return out;
}

std::vector<std::int64_t> EvalContext::axes(int slot, int input_since, const char* attribute) const {
  if (opset_ < input_since) return attributes().integers(attribute);
  return has_input(slot) ? input(slot).to_int64() : std::vector<std::int64_t>{};
}

Error EvalContext::error(ErrorKind kind, const std::string& message) const {
  return Error(kind, message).node(node_.name.empty() ? node_.op_type : node_.name);
}

}  // namespace octet
