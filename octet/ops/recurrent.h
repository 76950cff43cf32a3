// What LSTM, GRU and RNN share: attributes, shape rule, the walk over time in either direction.
#pragma once

#include <functional>
#include <vector>

#include "octet/ops/multiply.h"
#include "octet/ops/op.h"
#include "octet/ops/wide.h"

namespace octet::ops {

/// T steps, batch B, input size I, hidden size H, D directions, G gates; -1: not known.
struct RecurrentSizes {
  Dim steps, batch, input, hidden;
  std::int64_t directions = 1, gates = 1;
  bool batch_first = false;  ///< layout 1: X [B, T, I], Y [B, T, D, H], states [B, D, H]
};

/// Checks X, W [D, G * H, I], R [D, G * H, H] and the attributes hidden_size, direction and layout against each
/// other; throws bad_input naming what contradicts what.
RecurrentSizes recurrent_sizes(const Attributes& attributes, std::int64_t gates, const SymbolicShape& x,
                               const SymbolicShape& w, const SymbolicShape& r);

/// Types of Y, Y_h and (for an LSTM) Y_c.
void infer_recurrent(InferContext& ctx, std::int64_t gates);

/// Activations by name with their alpha and beta, `count` for each direction; throws bad_input for an unknown name or
/// another number of names. Names are those of ONNX, in any case; alphas and betas go in order to the functions that
/// take them. `slopes`: their derivatives instead.
using Activation = std::function<double(double)>;
std::vector<Activation> read_activations(const Attributes& attributes, const std::vector<std::string>& defaults,
                                         std::int64_t directions, bool slopes = false);

/// x limited to [-clip, clip]; clip 0 is none.
template <class T>
T clipped(T x, T clip) {
  return clip > 0 ? std::min(std::max(x, -clip), clip) : x;
}

/// c[m, n] = sum over k of a[m, k] * w[n, k], w packed once for many products.
template <class T>
class PackedRows {
 public:
  PackedRows(const T* w, std::int64_t n, std::int64_t k)
      : n_(n), k_(k), panels_(static_cast<std::size_t>((n + kPanel - 1) / kPanel * kPanel * k)) {
    for (std::int64_t i = 0; i < n; ++i) {
      T* panel = panels_.data() + i / kPanel * kPanel * k + i % kPanel;
      for (std::int64_t j = 0; j < k; ++j) panel[j * kPanel] = w[i * k + j];
    }
  }

  void multiply(ThreadPool& threads, const T* a, std::int64_t m, T* c) const {
    const std::int64_t count = (n_ + kPanel - 1) / kPanel, work = std::max<std::int64_t>(1, m * k_ * kPanel);
    threads.parallel_for(count, std::max<std::int64_t>(1, 65536 / work), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p) {
        const std::int64_t n0 = p * kPanel;
        multiply_panel(a, panels_.data() + n0 * k_, m, k_, c + n0, n_, std::min(kPanel, n_ - n0));
      }
    });
  }

 private:
  std::int64_t n_, k_;
  std::vector<T> panels_;
};

/// One direction's parameters and state while it runs.
template <class T>
struct Direction {
  std::int64_t index = 0, batch = 0, input = 0, hidden = 0, gates = 1;
  const T *w = nullptr, *r = nullptr;            ///< [G * H, I], [G * H, H]
  const T *bias_w = nullptr, *bias_r = nullptr;  ///< [G * H] each, or nullptr
  const T* peepholes = nullptr;                  ///< [3 * H], or nullptr (LSTM)
  const Activation* activations = nullptr;       ///< of this direction
  T clip = 0;
  std::vector<T> h, c;  ///< [B, H]; c for an LSTM only

  T bias(std::int64_t gate, std::int64_t i) const {
    const std::int64_t at = gate * hidden + i;
    return bias_w == nullptr ? T{0} : bias_w[at] + bias_r[at];
  }
};

/// One time step: x[b] is row b of X * W' ([G * H]), nullptr where that sequence has ended; updates h (and c).
template <class T>
class Cell {
 public:
  virtual ~Cell() = default;
  virtual void step(ThreadPool& threads, const std::vector<const T*>& x, Direction<T>& direction) = 0;
};

/// Which input slots hold what; -1: none.
struct RecurrentSlots {
  int bias = 3, lengths = 4, initial_h = 5, initial_c = -1, peepholes = -1;
};

/// Runs a recurrent operator in the type T (float or double), giving Y, Y_h and Y_c where they are wanted.
template <class T>
void run_recurrent(EvalContext& ctx, const RecurrentSizes& sizes, const RecurrentSlots& slots,
                   const std::vector<Activation>& activations,
                   const std::function<std::unique_ptr<Cell<T>>(const Direction<T>&)>& make_cell);

extern template void run_recurrent(EvalContext&, const RecurrentSizes&, const RecurrentSlots&,
                                   const std::vector<Activation>&,
                                   const std::function<std::unique_ptr<Cell<float>>(const Direction<float>&)>&);
extern template void run_recurrent(EvalContext&, const RecurrentSizes&, const RecurrentSlots&,
                                   const std::vector<Activation>&,
                                   const std::function<std::unique_ptr<Cell<double>>(const Direction<double>&)>&);

/// The whole eval of an operator whose cell for either type is CellOf<T>, made from (attributes, direction).
template <template <class> class CellOf>
void eval_recurrent(EvalContext& ctx, std::int64_t gates, const RecurrentSlots& slots,
                    const std::vector<std::string>& default_activations) {
  const RecurrentSizes sizes = recurrent_sizes(ctx.attributes(), gates, symbolic(ctx.input(0).shape()),
                                               symbolic(ctx.input(1).shape()), symbolic(ctx.input(2).shape()));
  const std::vector<Activation> activations = read_activations(ctx.attributes(), default_activations, sizes.directions);
  dispatch_float(widened(ctx.input(0)).dtype(), [&]<class T>() {
    run_recurrent<T>(ctx, sizes, slots, activations, [&](const Direction<T>& direction) -> std::unique_ptr<Cell<T>> {
      return std::make_unique<CellOf<T>>(ctx.attributes(), direction);
    });
  });
}

/// The gradient rule of LSTM, GRU and RNN: octet.LSTMGrad and so on (recurrent_gradient.cpp).
void gradient_of_recurrent(GradientContext& ctx);

/// Forms that every recurrent operator is tried on.
std::vector<Sample> recurrent_samples(Random& random, std::int64_t gates, int outputs);

}  // namespace octet::ops
