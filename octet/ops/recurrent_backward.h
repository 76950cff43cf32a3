// One direction of a recurrent operator run forwards and back, in double.
#pragma once

#include <vector>

#include "octet/ops/recurrent.h"

namespace octet::ops {

struct BackwardActivations {
  std::vector<Activation> values, slopes;
};

/// Rows are s * batch + b in the order in which the direction runs; the caller fills in what is given, and reads the
/// gradients after run().
struct BackwardCell {
  enum class Kind { lstm, gru, rnn };
  Kind kind = Kind::rnn;
  bool flag = false;  ///< LSTM: input_forget; GRU: linear_before_reset
  double clip = 0;
  BackwardActivations activations;
  std::int64_t steps = 0, batch = 0, input = 0, hidden = 0, gates = 1;
  const double *w = nullptr, *r = nullptr;  ///< [G H, I], [G H, H]
  const double* bias = nullptr;             ///< [2 G H], or nullptr
  const double* peepholes = nullptr;        ///< [3 H], or nullptr
  std::vector<bool> alive;                  ///< [rows]: the sequence has not ended
  std::vector<double> x, dy;                ///< [rows, I], [rows, H]
  std::vector<double> h0, c0;               ///< [B, H]
  std::vector<double> dh, dc;               ///< [B, H]: of the last states, and after run() of the first
  std::vector<double> dx, dw, dr, db, dp;   ///< like x, w, r, bias, peepholes

  /// Sizes every array, with zeros.
  void prepare();
  void run(ThreadPool& threads);

 private:
  void forward(ThreadPool& threads);
  void backward(ThreadPool& threads);
  void products(ThreadPool& threads);
  void forward_row(std::int64_t row, std::int64_t b);
  void reset_rows(std::int64_t step);
  void candidate_row(std::int64_t row, std::int64_t b);
  void backward_lstm(std::int64_t row, std::int64_t b);
  void backward_gru_candidate(std::int64_t row, std::int64_t b);
  void backward_gru_gates(std::int64_t row, std::int64_t b);
  void backward_rnn(std::int64_t row, std::int64_t b);
  double value(int which, double sum) const;
  double slope(int which, double sum) const;
  double biases(std::int64_t i) const { return bias == nullptr ? 0 : bias[i] + bias[gates * hidden + i]; }

  std::vector<double> sums_;         ///< [rows, G H]: what the activations are given
  std::vector<double> before_;       ///< [rows, H]: h before the step
  std::vector<double> cell_before_;  ///< [rows, H]: c before the step
  std::vector<double> cell_;         ///< [rows, H]: c after it
  std::vector<double> reset_;        ///< [rows, H]: GRU: r * h, or with linear_before_reset R_h h + b
  std::vector<double> slopes_;       ///< [rows, G H]: gradients of the sums
  std::vector<double> recurrent_;    ///< the same as R sees them
  std::vector<double> h_, c_, product_, back_;
};

}  // namespace octet::ops
