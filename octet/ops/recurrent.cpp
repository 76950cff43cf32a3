#include "octet/ops/recurrent.h"

#include <cmath>

#include "octet/ops/elementwise.h"

namespace octet::ops {
namespace {

Error contradiction(const std::string& what, const std::string& value, const std::string& expected) {
  return Error(ErrorKind::bad_input, what).value(value).expected(expected);
}

void check_dim(const char* what, const SymbolicShape& shape, std::size_t axis, std::int64_t expected) {
  if (expected < 0 || !shape[axis].known() || shape[axis].value == expected) return;
  throw contradiction(std::string(what) + " does not fit the other inputs", to_string(shape),
                      std::to_string(expected) + " as dimension " + std::to_string(axis));
}

}  // namespace

RecurrentSizes recurrent_sizes(const Attributes& attributes, std::int64_t gates, const SymbolicShape& x,
                               const SymbolicShape& w, const SymbolicShape& r) {
  if (x.size() != 3 || w.size() != 3 || r.size() != 3) {
    throw contradiction("a recurrent operator takes X, W and R of three dimensions",
                        to_string(x) + ", " + to_string(w) + ", " + to_string(r), "three dimensions each");
  }
  RecurrentSizes out;
  out.gates = gates;
  const std::string direction = attributes.text("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    throw contradiction("direction is unknown", direction, "forward, reverse or bidirectional");
  }
  out.directions = direction == "bidirectional" ? 2 : 1;
  const std::int64_t layout = attributes.integer("layout", 0);
  if (layout != 0 && layout != 1) throw contradiction("layout is unknown", std::to_string(layout), "0 or 1");
  out.batch_first = layout == 1;
  out.steps = x[layout == 1 ? 1 : 0];
  out.batch = x[layout == 1 ? 0 : 1];
  out.input = x[2];
  out.hidden = r[2];
  if (attributes.has("hidden_size")) {
    const std::int64_t hidden = attributes.integer("hidden_size");
    if (hidden < 1) throw contradiction("hidden_size is not positive", std::to_string(hidden), "at least 1");
    check_dim("R", r, 2, hidden);
    out.hidden = Dim(hidden);
  }
  const std::int64_t rows =
      out.hidden.known() && out.hidden.value < (std::int64_t{1} << 40) ? gates * out.hidden.value : -1;
  check_dim("W", w, 0, out.directions);
  check_dim("R", r, 0, out.directions);
  check_dim("W", w, 1, rows);
  check_dim("R", r, 1, rows);
  check_dim("W", w, 2, out.input.known() ? out.input.value : -1);
  return out;
}

void infer_recurrent(InferContext& ctx, std::int64_t gates) {
  for (int i = 0; i < ctx.output_count(); ++i) ctx.set_output(i, ctx.dtype(0));
  if (!ctx.has_shape(0) || !ctx.has_shape(1) || !ctx.has_shape(2)) return;
  const RecurrentSizes s = recurrent_sizes(ctx.attributes(), gates, ctx.shape(0), ctx.shape(1), ctx.shape(2));
  const Dim d(s.directions);
  using S = SymbolicShape;
  const S y = s.batch_first ? S{s.batch, s.steps, d, s.hidden} : S{s.steps, d, s.batch, s.hidden};
  const S state = s.batch_first ? S{s.batch, d, s.hidden} : S{d, s.batch, s.hidden};
  for (int i = 0; i < ctx.output_count(); ++i) ctx.set_output(i, ctx.dtype(0), i == 0 ? y : state);
}

// ---- activations ----

namespace {

struct Defaults {
  const char* name;
  bool has_alpha, has_beta;
  double alpha, beta;
  double (*value)(double x, double alpha, double beta);
  double (*slope)(double x, double alpha, double beta);
};

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

double tanh_slope(double x) {
  const double t = std::tanh(x);
  return 1 - t * t;
}

// Source: ONNX LSTM-14, "activation functions", with the defaults of the operators of the same names.
const Defaults kActivations[] = {
    {"sigmoid", false, false, 0, 0, [](double x, double, double) { return logistic(x); },
     [](double x, double, double) { return logistic(x) * (1 - logistic(x)); }},
    {"tanh", false, false, 0, 0, [](double x, double, double) { return std::tanh(x); },
     [](double x, double, double) { return tanh_slope(x); }},
    {"relu", false, false, 0, 0, [](double x, double, double) { return x > 0 ? x : 0 * x; },
     [](double x, double, double) { return x > 0 ? 1.0 : 0.0; }},
    {"softsign", false, false, 0, 0, [](double x, double, double) { return x / (1 + std::abs(x)); },
     [](double x, double, double) { return 1 / ((1 + std::abs(x)) * (1 + std::abs(x))); }},
    {"softplus", false, false, 0, 0, [](double x, double, double) { return x > 30 ? x : std::log1p(std::exp(x)); },
     [](double x, double, double) { return logistic(x); }},
    {"affine", true, true, 1, 0, [](double x, double a, double b) { return a * x + b; },
     [](double, double a, double) { return a; }},
    {"leakyrelu", true, false, 0.01, 0, [](double x, double a, double) { return x >= 0 ? x : a * x; },
     [](double x, double a, double) { return x >= 0 ? 1.0 : a; }},
    {"thresholdedrelu", true, false, 1, 0, [](double x, double a, double) { return x > a ? x : 0; },
     [](double x, double a, double) { return x > a ? 1.0 : 0.0; }},
    {"scaledtanh", true, true, 1, 1, [](double x, double a, double b) { return a * std::tanh(b * x); },
     [](double x, double a, double b) { return a * b * tanh_slope(b * x); }},
    {"hardsigmoid", true, true, 0.2, 0.5,
     [](double x, double a, double b) { return std::min(std::max(a * x + b, 0.0), 1.0); },
     [](double x, double a, double b) { return a * x + b > 0 && a * x + b < 1 ? a : 0.0; }},
    {"elu", true, false, 1, 0, [](double x, double a, double) { return x >= 0 ? x : a * std::expm1(x); },
     [](double x, double a, double) { return x >= 0 ? 1.0 : a * std::exp(x); }},
};

const Defaults& find_activation(std::string name) {
  for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  for (const Defaults& d : kActivations) {
    if (name == d.name) return d;
  }
  throw contradiction("an activation is unknown", name, "one of those that ONNX's LSTM lists");
}

}  // namespace

std::vector<Activation> read_activations(const Attributes& attributes, const std::vector<std::string>& defaults,
                                         std::int64_t directions, bool slopes) {
  std::vector<std::string> names;
  if (const AttributeValue* given = attributes.find("activations")) {
    const auto* list = std::get_if<std::vector<std::string>>(given);
    if (list == nullptr) throw Error(ErrorKind::bad_input, "attribute 'activations' is not a list of texts");
    names = *list;
  }
  const std::size_t wanted = defaults.size() * static_cast<std::size_t>(directions);
  if (names.empty()) {
    for (std::int64_t d = 0; d < directions; ++d) names.insert(names.end(), defaults.begin(), defaults.end());
  }
  if (names.size() != wanted) {
    throw contradiction("activations has the wrong number of entries", std::to_string(names.size()),
                        std::to_string(wanted));
  }
  const std::vector<float> alphas = attributes.reals("activation_alpha"), betas = attributes.reals("activation_beta");
  std::size_t alpha = 0, beta = 0;
  std::vector<Activation> out;
  for (const std::string& name : names) {
    const Defaults& d = find_activation(name);
    const double a = d.has_alpha && alpha < alphas.size() ? static_cast<double>(alphas[alpha++]) : d.alpha;
    const double b = d.has_beta && beta < betas.size() ? static_cast<double>(betas[beta++]) : d.beta;
    const auto f = slopes ? d.slope : d.value;
    out.emplace_back([f, a, b](double x) { return f(x, a, b); });
  }
  return out;
}

// ---- the walk over time ----

namespace {

// The inputs of one evaluation, widened, with the optional ones checked.
template <class T>
class Walk {
 public:
  Walk(EvalContext& ctx, const RecurrentSizes& sizes, const RecurrentSlots& slots)
      : ctx_(ctx),
        steps_(sizes.steps.value),
        batch_(sizes.batch.value),
        input_(sizes.input.value),
        hidden_(sizes.hidden.value),
        directions_(sizes.directions),
        gates_(sizes.gates),
        batch_first_(sizes.batch_first) {
    x_ = take(0);
    w_ = take(1);
    r_ = take(2);
    bias_ = optional(slots.bias, {directions_, 2 * gates_ * hidden_}, "B");
    const Shape state = batch_first_ ? Shape{batch_, directions_, hidden_} : Shape{directions_, batch_, hidden_};
    initial_h_ = optional(slots.initial_h, state, "initial_h");
    initial_c_ = optional(slots.initial_c, state, "initial_c");
    peepholes_ = optional(slots.peepholes, {directions_, 3 * hidden_}, "P");
    read_lengths(slots.lengths);
    const std::string direction = ctx.attributes().text("direction", "forward");
    reverse_first_ = direction == "reverse";
  }

  void run(std::int64_t d, const Activation* activations,
           const std::function<std::unique_ptr<Cell<T>>(const Direction<T>&)>& make_cell, T* y, T* y_h, T* y_c) {
    Direction<T> direction = prepare(d, activations);
    const auto cell = make_cell(direction);
    std::vector<T> projected(static_cast<std::size_t>(steps_ * batch_ * gates_ * hidden_));
    PackedRows<T>(direction.w, gates_ * hidden_, input_)
        .multiply(ctx_.threads(), x_.data<T>(), steps_ * batch_, projected.data());
    const bool reverse = d == 1 || reverse_first_;
    std::vector<const T*> rows(static_cast<std::size_t>(batch_));
    for (std::int64_t s = 0; s < steps_; ++s) {
      for (std::int64_t b = 0; b < batch_; ++b) {
        const std::int64_t t = time_of(s, b, reverse);
        rows[static_cast<std::size_t>(b)] = t < 0 ? nullptr : projected.data() + row(t, b) * gates_ * hidden_;
      }
      cell->step(ctx_.threads(), rows, direction);
      if (y != nullptr) write_step(s, d, reverse, direction, y);
    }
    write_state(direction.h, d, y_h);
    if (!direction.c.empty()) write_state(direction.c, d, y_c);
  }

 private:
  Tensor take(int slot) const {
    const Tensor& tensor = ctx_.input(slot);
    if (tensor.dtype() != ctx_.input(0).dtype()) {
      throw ctx_.error(ErrorKind::bad_input, "two inputs have different types")
          .value(to_string(tensor.dtype()))
          .expected(to_string(ctx_.input(0).dtype()));
    }
    return widened(tensor);
  }

  Tensor optional(int slot, const Shape& shape, const char* name) const {
    if (slot < 0 || !ctx_.has_input(slot)) return {};
    Tensor out = take(slot);
    if (!(out.shape() == shape)) {
      throw ctx_.error(ErrorKind::bad_input, "an optional input has the wrong shape")
          .tensor(name)
          .value(to_string(out.shape()))
          .expected(to_string(shape));
    }
    return out;
  }

  void read_lengths(int slot) {
    lengths_.assign(static_cast<std::size_t>(batch_), steps_);
    if (slot < 0 || !ctx_.has_input(slot)) return;
    const std::vector<std::int64_t> given = ctx_.input(slot).to_int64();
    for (std::size_t b = 0; b < given.size() && given.size() == lengths_.size(); ++b) {
      if (given[b] < 0 || given[b] > steps_) {
        throw ctx_.error(ErrorKind::bad_input, "a sequence length is out of range")
            .tensor("sequence_lens")
            .value(std::to_string(given[b]))
            .expected("0 to " + std::to_string(steps_));
      }
    }
    if (given.size() != lengths_.size()) {
      throw ctx_.error(ErrorKind::bad_input, "sequence_lens does not have one entry for each sequence")
          .value(std::to_string(given.size()))
          .expected(std::to_string(batch_));
    }
    lengths_ = given;
  }

  Direction<T> prepare(std::int64_t d, const Activation* activations) const {
    Direction<T> out;
    out.index = d;
    out.batch = batch_;
    out.input = input_;
    out.hidden = hidden_;
    out.gates = gates_;
    out.w = w_.data<T>() + d * gates_ * hidden_ * input_;
    out.r = r_.data<T>() + d * gates_ * hidden_ * hidden_;
    if (bias_.defined()) {
      out.bias_w = bias_.data<T>() + d * 2 * gates_ * hidden_;
      out.bias_r = out.bias_w + gates_ * hidden_;
    }
    if (peepholes_.defined()) out.peepholes = peepholes_.data<T>() + d * 3 * hidden_;
    out.activations = activations;
    out.clip = static_cast<T>(ctx_.attributes().real("clip", 0));
    out.h = initial(initial_h_, d);
    if (ctx_.node().op_type == "LSTM") out.c = initial(initial_c_, d);
    return out;
  }

  std::vector<T> initial(const Tensor& state, std::int64_t d) const {
    std::vector<T> out(static_cast<std::size_t>(batch_ * hidden_), T{0});
    if (!state.defined()) return out;
    for (std::int64_t b = 0; b < batch_; ++b) {
      const T* from = state.data<T>() + state_row(d, b) * hidden_;
      std::copy(from, from + hidden_, out.begin() + b * hidden_);
    }
    return out;
  }

  std::int64_t row(std::int64_t t, std::int64_t b) const { return batch_first_ ? b * steps_ + t : t * batch_ + b; }
  std::int64_t state_row(std::int64_t d, std::int64_t b) const {
    return batch_first_ ? b * directions_ + d : d * batch_ + b;
  }

  // The time that sequence b is at in step s, -1 when it has ended.
  std::int64_t time_of(std::int64_t s, std::int64_t b, bool reverse) const {
    const std::int64_t length = lengths_[static_cast<std::size_t>(b)];
    if (s >= length) return -1;
    return reverse ? length - 1 - s : s;
  }

  // Padding (steps after the end of a sequence) gives zeros.
  void write_step(std::int64_t s, std::int64_t d, bool reverse, const Direction<T>& direction, T* y) const {
    for (std::int64_t b = 0; b < batch_; ++b) {
      const std::int64_t now = time_of(s, b, reverse), t = now < 0 ? s : now;
      T* to = y + (batch_first_ ? (b * steps_ + t) * directions_ + d : (t * directions_ + d) * batch_ + b) * hidden_;
      for (std::int64_t i = 0; i < hidden_; ++i) {
        to[i] = now < 0 ? T{0} : direction.h[static_cast<std::size_t>(b * hidden_ + i)];
      }
    }
  }

  void write_state(const std::vector<T>& state, std::int64_t d, T* to) const {
    if (to == nullptr) return;
    for (std::int64_t b = 0; b < batch_; ++b) {
      const auto from = state.begin() + b * hidden_;
      std::copy(from, from + hidden_, to + state_row(d, b) * hidden_);
    }
  }

  EvalContext& ctx_;
  std::int64_t steps_, batch_, input_, hidden_, directions_, gates_;
  bool batch_first_, reverse_first_ = false;
  Tensor x_, w_, r_, bias_, initial_h_, initial_c_, peepholes_;
  std::vector<std::int64_t> lengths_;
};

}  // namespace

template <class T>
void run_recurrent(EvalContext& ctx, const RecurrentSizes& s, const RecurrentSlots& slots,
                   const std::vector<Activation>& activations,
                   const std::function<std::unique_ptr<Cell<T>>(const Direction<T>&)>& make_cell) {
  const std::int64_t steps = s.steps.value, batch = s.batch.value, hidden = s.hidden.value, d = s.directions;
  const Shape y = s.batch_first ? Shape{batch, steps, d, hidden} : Shape{steps, d, batch, hidden};
  const Shape state = s.batch_first ? Shape{batch, d, hidden} : Shape{d, batch, hidden};
  const DType dtype = ctx.input(0).dtype();
  Tensor results[3];  // wide; rounded into the outputs when the type is a half
  for (int i = 0; i < std::min(3, ctx.output_count()); ++i) {
    if (!ctx.wants_output(i)) continue;
    const Shape& shape = i == 0 ? y : state;
    results[i] = is_half_type(dtype) ? Tensor(DType::f32, shape) : ctx.output(i, dtype, shape);
  }
  const auto data = [&](int i) { return results[i].defined() ? results[i].data<T>() : nullptr; };
  Walk<T> walk(ctx, s, slots);
  const std::size_t each = activations.size() / static_cast<std::size_t>(d);
  for (std::int64_t i = 0; i < d; ++i) {
    walk.run(i, activations.data() + static_cast<std::size_t>(i) * each, make_cell, data(0), data(1), data(2));
  }
  for (int i = 0; is_half_type(dtype) && i < 3; ++i) {
    if (results[i].defined()) fill_output(ctx, i, dtype, results[i].shape(), [&](Tensor& out) { out = results[i]; });
  }
}

template void run_recurrent(EvalContext&, const RecurrentSizes&, const RecurrentSlots&, const std::vector<Activation>&,
                            const std::function<std::unique_ptr<Cell<float>>(const Direction<float>&)>&);
template void run_recurrent(EvalContext&, const RecurrentSizes&, const RecurrentSlots&, const std::vector<Activation>&,
                            const std::function<std::unique_ptr<Cell<double>>(const Direction<double>&)>&);

std::vector<Sample> recurrent_samples(Random& random, std::int64_t gates, int outputs) {
  std::vector<Sample> out;
  const std::int64_t steps = 5, batch = 3, input = 4, hidden = 6;
  const auto add = [&](Attributes attributes, int optional_inputs, DType dtype = DType::f32) {
    const bool both = attributes.text("direction", "forward") == "bidirectional";
    const bool batch_first = attributes.integer("layout", 0) == 1;
    const std::int64_t d = both ? 2 : 1;
    attributes.set("hidden_size", hidden);
    const Shape state = batch_first ? Shape{batch, d, hidden} : Shape{d, batch, hidden};
    Sample s{std::move(attributes), {}, 17, outputs};
    const auto tensor = [&](const Shape& shape) { s.inputs.push_back(random_tensor(random, dtype, shape, -1, 1)); };
    tensor(batch_first ? Shape{batch, steps, input} : Shape{steps, batch, input});
    tensor({d, gates * hidden, input});
    tensor({d, gates * hidden, hidden});
    if (optional_inputs > 0) tensor({d, 2 * gates * hidden});
    if (optional_inputs > 1) s.inputs.push_back(Tensor::from<std::int32_t>({batch}, {5, 2, 3}));
    if (optional_inputs > 2) tensor(state);
    if (optional_inputs > 3 && gates == 4) tensor(state);
    if (optional_inputs > 4 && gates == 4) tensor({d, 3 * hidden});
    out.push_back(std::move(s));
  };
  const auto direction = [](const char* name) {
    return std::pair<const char*, AttributeValue>("direction", std::string(name));
  };
  add({}, 0);
  add({}, 5);
  add(attributes_of({direction("reverse")}), 2);
  add(attributes_of({direction("bidirectional"), {"clip", 0.5f}}), 5);
  add(attributes_of({direction("bidirectional"), {"layout", std::int64_t{1}}}), 5);
  add({}, 3, DType::f64);
  add({}, 3, DType::f16);
  return out;
}

}  // namespace octet::ops
