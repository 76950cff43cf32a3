// Einsum: sums of products over named dimensions ("bij,bjk->bik"). Repeated letters in one operand take the diagonal,
// "..." stands for leading broadcast dimensions, and without "->" the output has the letters that occur once, in
// alphabetical order. Operands are contracted from left to right, each pair as one batch of matrix products.
// Source: ONNX Einsum-12, numpy.einsum.
#include <algorithm>
#include <map>

#include "octet/base/checked.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/multiply.h"
#include "octet/ops/op_list.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

// One label a dimension: letters as themselves; the dimensions of "..." count down from -1 (the last one), so that
// they align on the right.
using Labels = std::vector<int>;

struct Equation {
  std::vector<Labels> inputs;
  Labels output;
};

Error equation_error(const std::string& message, const std::string& equation) {
  return Error(ErrorKind::bad_input, "Einsum: " + message).value(equation);
}

struct Term {
  std::string before, after;  ///< letters on either side of the ellipsis
  bool ellipsis = false;
};

Term parse_term(const std::string& text, const std::string& equation) {
  Term term;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.') {
      if (term.ellipsis || text.compare(i, 3, "...") != 0) throw equation_error("dots are not one '...'", equation);
      term.ellipsis = true;
      i += 2;
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      (term.ellipsis ? term.after : term.before) += c;
    } else {
      throw equation_error("a character that is no letter", equation);
    }
  }
  return term;
}

Labels labels_of(const Term& term, int ellipsis_rank) {
  Labels out(term.before.begin(), term.before.end());
  for (int i = ellipsis_rank; i >= 1; --i) out.push_back(-i);
  out.insert(out.end(), term.after.begin(), term.after.end());
  return out;
}

Labels implicit_output(const std::vector<Labels>& inputs, int ellipsis_rank) {
  std::map<int, int> count;
  for (const Labels& labels : inputs) {
    for (const int label : labels) ++count[label];
  }
  Labels out;
  for (int i = ellipsis_rank; i >= 1; --i) out.push_back(-i);
  for (const auto& [label, times] : count) {
    if (label > 0 && times == 1) out.push_back(label);
  }
  return out;
}

Equation parse(const std::string& equation, const std::vector<int>& ranks) {
  std::string text;
  std::copy_if(equation.begin(), equation.end(), std::back_inserter(text), [](char c) { return c != ' '; });
  const std::size_t arrow = text.find("->");
  std::vector<std::string> terms(1);
  for (const char c : text.substr(0, arrow)) {
    if (c == ',') {
      terms.emplace_back();
    } else {
      terms.back() += c;
    }
  }
  if (terms.size() != ranks.size()) throw equation_error("another number of terms than inputs", equation);
  Equation out;
  int widest = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const Term term = parse_term(terms[i], equation);
    const int rest = ranks[i] - static_cast<int>(term.before.size() + term.after.size());
    if (rest < 0 || (rest > 0 && !term.ellipsis)) {
      throw equation_error("term " + std::to_string(i) + " does not fit a tensor of rank " + std::to_string(ranks[i]),
                           equation);
    }
    out.inputs.push_back(labels_of(term, rest));
    widest = std::max(widest, rest);
  }
  if (arrow == std::string::npos) {
    out.output = implicit_output(out.inputs, widest);
    return out;
  }
  const Term result = parse_term(text.substr(arrow + 2), equation);
  out.output = labels_of(result, result.ellipsis ? widest : 0);
  return out;
}

// The size of every label over all operands; 1 broadcasts.
std::map<int, Dim> label_sizes(const Equation& equation, const std::vector<SymbolicShape>& shapes) {
  std::map<int, Dim> sizes;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    for (std::size_t d = 0; d < shapes[i].size(); ++d) {
      const auto [it, added] = sizes.emplace(equation.inputs[i][d], shapes[i][d]);
      if (!added) it->second = broadcast(SymbolicShape{it->second}, SymbolicShape{shapes[i][d]})[0];
    }
  }
  return sizes;
}

void check_output(const Equation& equation, const std::map<int, Dim>& sizes, const std::string& text) {
  for (std::size_t i = 0; i < equation.output.size(); ++i) {
    const int label = equation.output[i];
    const auto rest = equation.output.begin() + static_cast<std::ptrdiff_t>(i) + 1;
    if (!sizes.contains(label)) throw equation_error("the output has a letter that no input has", text);
    if (std::find(rest, equation.output.end(), label) != equation.output.end()) {
      throw equation_error("the output repeats a letter", text);
    }
  }
}

void infer(InferContext& ctx) {
  std::vector<int> ranks;
  std::vector<SymbolicShape> shapes;
  for (int i = 0; i < ctx.input_count(); ++i) {
    if (!ctx.has_shape(i)) return ctx.set_output(0, ctx.dtype(0));
    ranks.push_back(ctx.rank(i));
    shapes.push_back(ctx.shape(i));
  }
  const std::string text = ctx.attributes().text("equation", "");
  const Equation equation = parse(text, ranks);
  const std::map<int, Dim> sizes = label_sizes(equation, shapes);
  check_output(equation, sizes, text);
  SymbolicShape out;
  for (const int label : equation.output) out.push_back(sizes.at(label));
  ctx.set_output(0, ctx.dtype(0), out);
}

// An operand on its way: a dense array whose dimensions are labelled, each label once.
template <class T>
struct Operand {
  Labels labels;
  std::vector<std::int64_t> dims;
  std::vector<T> data;

  bool has(int label) const { return std::find(labels.begin(), labels.end(), label) != labels.end(); }
};

using Sizes = std::map<int, std::int64_t>;

// Reads x (labels may repeat: the diagonal; a dimension of 1 repeats) as a dense array over `wanted` labels, summing
// over the labels of x that are not wanted. Labels that x lacks repeat.
template <class T>
Operand<T> arrange(const T* x, const Labels& labels, const std::vector<std::int64_t>& dims, const Labels& wanted,
                   const Sizes& sizes) {
  Labels order = wanted;  // wanted labels, then those summed over
  for (const int label : labels) {
    if (std::find(order.begin(), order.end(), label) == order.end()) order.push_back(label);
  }
  std::vector<std::int64_t> extent, step;
  for (const int label : order) {
    std::int64_t stride = 0, pitch = 1;
    for (std::size_t d = labels.size(); d-- > 0; pitch *= dims[d]) {
      if (labels[d] == label && dims[d] != 1) stride += pitch;
    }
    extent.push_back(sizes.at(label));
    step.push_back(stride);
  }
  Operand<T> out{wanted, {extent.begin(), extent.begin() + static_cast<std::ptrdiff_t>(wanted.size())}, {}};
  std::int64_t outer = 1, inner = 1;
  for (std::size_t i = 0; i < order.size(); ++i) {
    std::int64_t& count = i < wanted.size() ? outer : inner;
    count = checked_mul(count, extent[i]);
  }
  out.data.assign(static_cast<std::size_t>(outer), T{});
  std::vector<std::int64_t> at(order.size(), 0);
  std::int64_t offset = 0;
  for (std::int64_t i = 0; i < outer * inner; ++i) {
    out.data[static_cast<std::size_t>(i / inner)] += x[offset];
    for (std::size_t d = order.size(); d-- > 0;) {
      offset += step[d];
      if (++at[d] < extent[d]) break;
      offset -= step[d] * extent[d];
      at[d] = 0;
    }
  }
  return out;
}

std::int64_t product_of(const Labels& labels, const Sizes& sizes) {
  std::int64_t out = 1;
  for (const int label : labels) out = checked_mul(out, sizes.at(label));
  return out;
}

Labels joined(std::initializer_list<Labels> parts) {
  Labels out;
  for (const Labels& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

// Contracts a and b over the labels that both have and `kept` does not hold.
template <class T>
Operand<T> contract(ThreadPool& threads, const Operand<T>& a, const Operand<T>& b, const Labels& kept,
                    const Sizes& sizes) {
  const auto keeps = [&](int label) { return std::find(kept.begin(), kept.end(), label) != kept.end(); };
  Labels batch, rows, columns, summed;
  for (const int label : a.labels) {
    (!b.has(label) ? rows : keeps(label) ? batch : summed).push_back(label);
  }
  std::copy_if(b.labels.begin(), b.labels.end(), std::back_inserter(columns), [&](int l) { return !a.has(l); });
  // Labels of one operand alone that nobody needs any more were summed away before.
  const Operand<T> left = arrange(a.data.data(), a.labels, a.dims, joined({batch, rows, summed}), sizes);
  const Operand<T> right = arrange(b.data.data(), b.labels, b.dims, joined({batch, summed, columns}), sizes);
  const Product p{product_of(batch, sizes), product_of(rows, sizes), product_of(columns, sizes),
                  product_of(summed, sizes)};
  Operand<T> out{joined({batch, rows, columns}), {}, {}};
  for (const int label : out.labels) out.dims.push_back(sizes.at(label));
  out.data.resize(static_cast<std::size_t>(p.batch * p.m * p.n));
  multiply_matrices<T>(
      threads, p, [&](std::int64_t i) { return left.data.data() + i * p.m * p.k; },
      [&](std::int64_t i) { return right.data.data() + i * p.k * p.n; }, p.n, 1,
      [&](std::int64_t i) { return out.data.data() + i * p.m * p.n; });
  return out;
}

// The labels that the output or an operand after `index` still needs.
Labels needed_after(const Equation& equation, std::size_t index) {
  Labels out = equation.output;
  for (std::size_t i = index + 1; i < equation.inputs.size(); ++i) {
    out.insert(out.end(), equation.inputs[i].begin(), equation.inputs[i].end());
  }
  return out;
}

Labels distinct_in(const Labels& labels, const Labels& allowed) {
  Labels out;
  for (const int label : labels) {
    const bool seen = std::find(out.begin(), out.end(), label) != out.end();
    if (!seen && std::find(allowed.begin(), allowed.end(), label) != allowed.end()) out.push_back(label);
  }
  return out;
}

template <class T>
void run(EvalContext& ctx, const Equation& equation, const std::vector<Tensor>& inputs, const Sizes& sizes, void* y) {
  const auto raw = [&](std::size_t i) { return static_cast<const T*>(inputs[i].raw()); };
  const auto dims = [&](std::size_t i) {
    return std::vector<std::int64_t>(inputs[i].shape().begin(), inputs[i].shape().end());
  };
  const Labels after_first = needed_after(equation, 0);
  Operand<T> held = arrange(raw(0), equation.inputs[0], dims(0), distinct_in(equation.inputs[0], after_first), sizes);
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    const Labels kept = needed_after(equation, i);
    const Labels useful = joined({kept, held.labels});
    const Operand<T> next =
        arrange(raw(i), equation.inputs[i], dims(i), distinct_in(equation.inputs[i], useful), sizes);
    held = contract(ctx.threads(), held, next, kept, sizes);
  }
  const Operand<T> result = arrange(held.data.data(), held.labels, held.dims, equation.output, sizes);
  std::copy(result.data.begin(), result.data.end(), static_cast<T*>(y));
}

void eval(EvalContext& ctx) {
  std::vector<int> ranks;
  std::vector<SymbolicShape> shapes;
  std::vector<Tensor> inputs;
  for (int i = 0; i < ctx.input_count(); ++i) {
    check_same_type(ctx, 0, i);
    inputs.push_back(widened(ctx.input(i)));
    ranks.push_back(inputs.back().rank());
    shapes.push_back(symbolic(inputs.back().shape()));
  }
  const std::string text = ctx.attributes().text("equation", "");
  const Equation equation = parse(text, ranks);
  const std::map<int, Dim> dims = label_sizes(equation, shapes);
  check_output(equation, dims, text);
  Sizes sizes;
  for (const auto& [label, dim] : dims) sizes[label] = dim.value;
  Shape out;
  for (const int label : equation.output) out.push_back(sizes.at(label));
  fill_output(ctx, 0, ctx.input(0).dtype(), out, [&](Tensor& y) {
    switch (inputs[0].dtype()) {
      case DType::f32:
        return run<float>(ctx, equation, inputs, sizes, y.raw());
      case DType::f64:
        return run<double>(ctx, equation, inputs, sizes, y.raw());
      case DType::i32:
      case DType::u32:
        return run<std::uint32_t>(ctx, equation, inputs, sizes, y.raw());
      case DType::i64:
      case DType::u64:
        return run<std::uint64_t>(ctx, equation, inputs, sizes, y.raw());
      default:
        throw ctx.error(ErrorKind::unsupported, "Einsum of this type is not supported")
            .value(to_string(inputs[0].dtype()));
    }
  });
}

std::vector<Sample> samples(Random& random) {
  const std::pair<const char*, std::vector<Shape>> forms[] = {
      {"ij,jk->ik", {{3, 4}, {4, 5}}},
      {"bhid,bhjd->bhij", {{2, 2, 3, 4}, {2, 2, 5, 4}}},
      {"...ij,...jk", {{2, 3, 4}, {4, 5}}},
      {"ii->i", {{3, 3}}},
      {"ii", {{3, 3}}},
      {"ij->", {{3, 4}}},
      {"ij->ji", {{3, 4}}},
      {"i,j->ij", {{3}, {4}}},
      {"i,i", {{4}, {4}}},
      {"ab,bc,cd->da", {{2, 3}, {3, 4}, {4, 5}}},
      {"b...,b...->b", {{2, 3, 4}, {2, 1, 4}}},
      {" i j , j -> i ", {{3, 4}, {4}}},
      {"ij,k->j", {{3, 4}, {2}}},
      {"...,...->...", {{}, {2, 3}}},
  };
  std::vector<Sample> out;
  for (const auto& [equation, shapes] : forms) {
    Sample s{attributes_of({{"equation", std::string(equation)}}), {}};
    for (const Shape& shape : shapes) s.inputs.push_back(random_tensor(random, DType::f32, shape));
    out.push_back(std::move(s));
  }
  for (const DType dtype : {DType::f64, DType::i64, DType::f16}) {
    out.push_back({attributes_of({{"equation", std::string("ij,jk->ik")}}),
                   {random_tensor(random, dtype, {3, 4}), random_tensor(random, dtype, {4, 5})}});
  }
  return out;
}

}  // namespace

Rows einsum() {
  return {{
      .name = "Einsum",
      .since = 12,
      .inputs = {1, kVariadic},
      .attributes = {"equation"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
