// LSTMGrad, GRUGrad, RNNGrad, domain octet: backpropagation through time for the operators of those names.
//   inputs   the operator's own (slots 0 to 7), then the gradients of Y, Y_h and Y_c (slots 8, 9, 10; each may be left
//   out) outputs  gradients of X, W, R, B, initial_h, initial_c and P
// Runs the cell forwards once more, in double, keeping what each step computed; the products over all steps (with W,
// and for the gradients of W and R) are single matrix products.  Source: Werbos 1990; ONNX LSTM-14, GRU-14, RNN-14.
#include <algorithm>

#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"
#include "octet/ops/recurrent.h"
#include "octet/ops/recurrent_backward.h"
#include "octet/ops/samples.h"

namespace octet::ops {
namespace {

constexpr int kOutputs = 7, kGradientSlot = 8;
constexpr int kInputOf[kOutputs] = {0, 1, 2, 3, 5, 6, 7};  // X, W, R, B, initial_h, initial_c, P

std::int64_t gates_of(const std::string& op) { return op == "LSTMGrad" ? 4 : op == "GRUGrad" ? 3 : 1; }

void infer(InferContext& ctx) {
  for (int i = 0; i < ctx.output_count(); ++i) {
    const int like = kInputOf[i];
    if (ctx.has_input(like) && ctx.has_shape(like)) {
      ctx.set_output(i, ctx.dtype(like), ctx.shape(like));
    } else {
      ctx.set_output(i, ctx.dtype(0));
    }
  }
}

std::vector<double> doubles(const EvalContext& ctx, int slot) {
  return ctx.has_input(slot) ? ctx.input(slot).to_double() : std::vector<double>();
}

void write(EvalContext& ctx, int output, const std::vector<double>& values) {
  if (!ctx.wants_output(output)) return;
  const Tensor& like = ctx.input(kInputOf[output]);
  const Tensor wide = Tensor::from<double>(like.shape(), std::span<const double>(values));
  wide.cast_into(ctx.output(output, like.dtype(), like.shape()), 0, wide.elements());
}

// Where the rows of step s and sequence b lie.
struct Places {
  std::int64_t steps, batch, directions, hidden;
  bool batch_first;
  std::vector<std::int64_t> lengths;

  std::int64_t time(std::int64_t s, std::int64_t b, bool reverse) const {
    const std::int64_t length = lengths[static_cast<std::size_t>(b)];
    return s >= length ? -1 : reverse ? length - 1 - s : s;
  }
  std::int64_t x(std::int64_t t, std::int64_t b) const { return batch_first ? b * steps + t : t * batch + b; }
  std::int64_t y(std::int64_t t, std::int64_t d, std::int64_t b) const {
    return (batch_first ? (b * steps + t) * directions + d : (t * directions + d) * batch + b) * hidden;
  }
  std::int64_t state(std::int64_t d, std::int64_t b) const {
    return (batch_first ? b * directions + d : d * batch + b) * hidden;
  }
};

class Run {
 public:
  Run(EvalContext& ctx, const RecurrentSizes& s) : ctx_(ctx), sizes_(s) {
    places_ = {s.steps.value, s.batch.value, s.directions, s.hidden.value, s.batch_first, {}};
    places_.lengths.assign(static_cast<std::size_t>(s.batch.value), s.steps.value);
    if (ctx.has_input(4)) places_.lengths = ctx.input(4).to_int64();
    check_sizes(s);
    for (int slot = 0; slot < 8; ++slot) given_.push_back(slot == 4 ? std::vector<double>() : doubles(ctx, slot));
    for (int i = 0; i < 3; ++i) slopes_.push_back(doubles(ctx, kGradientSlot + i));
    for (const int slot : kInputOf) results_.emplace_back(given_[static_cast<std::size_t>(slot)].size(), 0.0);
  }

  void direction(std::int64_t d, bool reverse, const BackwardActivations& activations) {
    const std::int64_t input = sizes_.input.value, hidden = places_.hidden, rows = sizes_.gates * hidden;
    BackwardCell cell;
    cell.kind = sizes_.gates == 4   ? BackwardCell::Kind::lstm
                : sizes_.gates == 3 ? BackwardCell::Kind::gru
                                    : BackwardCell::Kind::rnn;
    cell.flag = ctx_.attributes().integer(sizes_.gates == 4 ? "input_forget" : "linear_before_reset", 0) != 0;
    cell.clip = ctx_.attributes().real("clip", 0);
    cell.activations = activations;
    cell.steps = places_.steps, cell.batch = places_.batch, cell.input = input, cell.hidden = hidden,
    cell.gates = sizes_.gates;
    const auto part = [&](std::size_t slot, std::int64_t count) {
      return given_[slot].empty() ? nullptr : given_[slot].data() + d * count;
    };
    cell.w = part(1, rows * input), cell.r = part(2, rows * hidden), cell.bias = part(3, 2 * rows),
    cell.peepholes = part(7, 3 * hidden);
    cell.prepare();
    for (std::int64_t b = 0; b < places_.batch; ++b) {
      for (std::int64_t s = 0; s < places_.steps; ++s) read_row(cell, s, b, d, reverse);
      read_state(given_[5], d, b, cell.h0), read_state(given_[6], d, b, cell.c0);
      read_state(slopes_[1], d, b, cell.dh), read_state(slopes_[2], d, b, cell.dc);
    }
    cell.run(ctx_.threads());
    for (std::int64_t b = 0; b < places_.batch; ++b) {
      for (std::int64_t s = 0; s < places_.steps; ++s) {
        const std::int64_t t = places_.time(s, b, reverse);
        if (t < 0) continue;
        add(cell.dx.data() + (s * places_.batch + b) * input, input, results_[0].data() + places_.x(t, b) * input);
      }
      write_state(cell.dh, d, b, results_[4]), write_state(cell.dc, d, b, results_[5]);
    }
    add(cell.dw.data(), rows * input, results_[1].data() + d * rows * input);
    add(cell.dr.data(), rows * hidden, results_[2].data() + d * rows * hidden);
    if (!results_[3].empty()) add(cell.db.data(), 2 * rows, results_[3].data() + d * 2 * rows);
    if (!results_[6].empty()) add(cell.dp.data(), 3 * hidden, results_[6].data() + d * 3 * hidden);
  }

  void finish() {
    for (int i = 0; i < std::min(kOutputs, ctx_.output_count()); ++i)
      write(ctx_, i, results_[static_cast<std::size_t>(i)]);
  }

 private:
  // What the operator itself would have refused.
  void check_sizes(const RecurrentSizes& s) const {
    const std::int64_t rows = s.directions * s.gates * places_.hidden,
                       state = s.directions * places_.batch * places_.hidden;
    const std::pair<int, std::int64_t> wanted[] = {
        {3, 2 * rows}, {5, state}, {6, state}, {7, 3 * s.directions * places_.hidden}, {8, places_.steps * state},
        {9, state},    {10, state}};
    bool fits = std::all_of(std::begin(wanted), std::end(wanted), [&](const auto& item) {
      return !ctx_.has_input(item.first) || ctx_.input(item.first).elements() == item.second;
    });
    fits = fits && static_cast<std::int64_t>(places_.lengths.size()) == places_.batch;
    for (const std::int64_t length : places_.lengths) fits = fits && length >= 0 && length <= places_.steps;
    if (!fits) throw ctx_.error(ErrorKind::bad_input, "the inputs of a recurrent gradient do not fit each other");
  }

  static void add(const double* from, std::int64_t count, double* to) {
    for (std::int64_t i = 0; i < count; ++i) to[i] += from[i];
  }

  void read_row(BackwardCell& cell, std::int64_t s, std::int64_t b, std::int64_t d, bool reverse) const {
    const std::int64_t t = places_.time(s, b, reverse), row = s * places_.batch + b, input = sizes_.input.value;
    cell.alive[static_cast<std::size_t>(row)] = t >= 0;
    if (t < 0) return;
    std::copy_n(given_[0].data() + places_.x(t, b) * input, input, cell.x.data() + row * input);
    if (!slopes_[0].empty()) {
      std::copy_n(slopes_[0].data() + places_.y(t, d, b), places_.hidden, cell.dy.data() + row * places_.hidden);
    }
  }
  void read_state(const std::vector<double>& from, std::int64_t d, std::int64_t b, std::vector<double>& to) const {
    if (from.empty()) return;
    std::copy_n(from.data() + places_.state(d, b), places_.hidden, to.data() + b * places_.hidden);
  }
  void write_state(const std::vector<double>& from, std::int64_t d, std::int64_t b, std::vector<double>& to) const {
    if (to.empty()) return;
    std::copy_n(from.data() + b * places_.hidden, places_.hidden, to.data() + places_.state(d, b));
  }

  EvalContext& ctx_;
  const RecurrentSizes& sizes_;
  Places places_;
  std::vector<std::vector<double>> given_, slopes_, results_;
};

void eval(EvalContext& ctx) {
  if (!ctx.has_input(kGradientSlot)) throw ctx.error(ErrorKind::bad_input, "the gradient of the output is left out");
  const std::int64_t gates = gates_of(ctx.node().op_type);
  const RecurrentSizes sizes = recurrent_sizes(ctx.attributes(), gates, symbolic(ctx.input(0).shape()),
                                               symbolic(ctx.input(1).shape()), symbolic(ctx.input(2).shape()));
  const std::vector<std::string> defaults = gates == 4   ? std::vector<std::string>{"Sigmoid", "Tanh", "Tanh"}
                                            : gates == 3 ? std::vector<std::string>{"Sigmoid", "Tanh"}
                                                         : std::vector<std::string>{"Tanh"};
  const auto values = read_activations(ctx.attributes(), defaults, sizes.directions);
  const auto slopes = read_activations(ctx.attributes(), defaults, sizes.directions, true);
  Run run(ctx, sizes);
  for (std::int64_t d = 0; d < sizes.directions; ++d) {
    const auto first = static_cast<std::ptrdiff_t>(static_cast<std::size_t>(d) * defaults.size());
    const auto count = static_cast<std::ptrdiff_t>(defaults.size());
    run.direction(d, d == 1 || ctx.attributes().text("direction", "forward") == "reverse",
                  {{values.begin() + first, values.begin() + first + count},
                   {slopes.begin() + first, slopes.begin() + first + count}});
  }
  run.finish();
}

// The operator's samples with gradients for its outputs.
std::vector<Sample> samples(Random& random, std::int64_t gates) {
  std::vector<Sample> out = recurrent_samples(random, gates, gates == 4 ? 3 : 2);
  for (Sample& sample : out) {
    const Shape &x = sample.inputs[0].shape(), &r = sample.inputs[2].shape();
    const bool batch_first = sample.attributes.integer("layout", 0) == 1;
    const std::int64_t steps = x[batch_first ? 1 : 0], batch = x[batch_first ? 0 : 1], d = r[0], hidden = r[2];
    const Shape y = batch_first ? Shape{batch, steps, d, hidden} : Shape{steps, d, batch, hidden};
    sample.inputs.resize(kGradientSlot);
    sample.inputs.push_back(random_tensor(random, sample.inputs[0].dtype(), y));
    sample.opset = 17;
    sample.outputs = 3;
  }
  return out;
}

OpDef row(const char* name, std::int64_t gates, std::vector<std::string> extra) {
  OpDef op{.name = name, .domain = "octet", .since = 0, .inputs = {3, 11}, .outputs = {1, kOutputs}};
  op.attributes = {"activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "layout"};
  op.attributes.insert(op.attributes.end(), extra.begin(), extra.end());
  op.infer = infer;
  op.eval = eval;
  op.samples = [gates](Random& random) { return samples(random, gates); };
  return op;
}

}  // namespace

void gradient_of_recurrent(GradientContext& ctx) {
  std::vector<ValueId> inputs = ctx.node().inputs;
  inputs.resize(kGradientSlot, kNoValue);
  for (int i = 0; i < 3; ++i) inputs.push_back(ctx.output_gradient(i));
  if (inputs[kGradientSlot] == kNoValue) {
    const ValueId like = ctx.output(0);
    if (like == kNoValue) throw ctx.error("the gradient needs the operator's first output");
    inputs[kGradientSlot] = ctx.zeros_like(like);
  }
  std::vector<bool> wanted;
  for (const int slot : kInputOf) wanted.push_back(ctx.wants(slot));
  const std::vector<ValueId> out =
      ctx.emit_outputs(ctx.node().op_type + "Grad", inputs, wanted, ctx.attributes(), "octet");
  for (int i = 0; i < kOutputs; ++i) ctx.set(kInputOf[i], out[static_cast<std::size_t>(i)]);
}

Rows recurrent_gradient() {
  return {row("LSTMGrad", 4, {"input_forget"}), row("GRUGrad", 3, {"linear_before_reset"}), row("RNNGrad", 1, {})};
}

}  // namespace octet::ops
