#include "octet/ops/recurrent_backward.h"

#include <algorithm>

namespace octet::ops {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

std::vector<double> transposed(const double* from, std::int64_t rows, std::int64_t columns) {
  std::vector<double> out(at(rows * columns));
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) out[at(j * rows + i)] = from[i * columns + j];
  }
  return out;
}

// c[m, n] = sum over k of a[m, k] b[k, n], b at b[k * row + n * column].
void product(ThreadPool& threads, const double* a, std::int64_t m, std::int64_t k, const double* b, std::int64_t n,
             std::int64_t row, std::int64_t column, double* c) {
  multiply_matrices<double>(
      threads, {1, m, n, k}, [&](std::int64_t) { return a; }, [&](std::int64_t) { return b; }, row, column,
      [&](std::int64_t) { return c; });
}

}  // namespace

void BackwardCell::prepare() {
  const std::int64_t rows = steps * batch, wide = gates * hidden;
  alive.assign(at(rows), false);
  x.assign(at(rows * input), 0), dx = x, dy.assign(at(rows * hidden), 0);
  h0.assign(at(batch * hidden), 0), c0 = dh = dc = h0;
  dw.assign(at(wide * input), 0), dr.assign(at(wide * hidden), 0), db.assign(at(2 * wide), 0),
      dp.assign(at(3 * hidden), 0);
  sums_.assign(at(rows * wide), 0), slopes_ = recurrent_ = sums_;
  before_.assign(at(rows * hidden), 0), cell_before_ = cell_ = reset_ = before_;
  product_.assign(at(batch * wide), 0), back_ = h0;
}

double BackwardCell::value(int which, double sum) const { return activations.values[at(which)](clipped(sum, clip)); }
double BackwardCell::slope(int which, double sum) const {
  return clip > 0 && (sum > clip || sum < -clip) ? 0 : activations.slopes[at(which)](sum);
}

void BackwardCell::run(ThreadPool& threads) {
  forward(threads);
  backward(threads);
  products(threads);
}

void BackwardCell::forward(ThreadPool& threads) {
  const std::int64_t wide = gates * hidden;
  product(threads, x.data(), steps * batch, input, w, wide, 1, input, sums_.data());
  const PackedRows<double> all(r, wide, hidden);
  const PackedRows<double> candidate(r + (gates - 1) * hidden * hidden, hidden, hidden);
  h_ = h0, c_ = c0;
  for (std::int64_t s = 0; s < steps; ++s) {
    all.multiply(threads, h_.data(), batch, product_.data());
    for (std::int64_t b = 0; b < batch; ++b) {
      if (alive[at(s * batch + b)]) forward_row(s * batch + b, b);
    }
    if (kind != Kind::gru) continue;
    if (!flag) {
      std::copy_n(reset_.begin() + s * batch * hidden, batch * hidden, back_.begin());
      candidate.multiply(threads, back_.data(), batch, product_.data());
    }
    for (std::int64_t b = 0; b < batch; ++b) {
      if (alive[at(s * batch + b)]) candidate_row(s * batch + b, b);
    }
  }
}

// Sums of all gates; an LSTM's and an RNN's new state, a GRU's z and r.
void BackwardCell::forward_row(std::int64_t row, std::int64_t b) {
  const std::int64_t wide = gates * hidden;
  double* sum = sums_.data() + row * wide;
  const double* recurrent = product_.data() + b * wide;
  double *h = h_.data() + b * hidden, *c = c_.data() + b * hidden;
  std::copy_n(h, hidden, before_.data() + row * hidden);
  std::copy_n(c, hidden, cell_before_.data() + row * hidden);
  for (std::int64_t i = 0; i < hidden; ++i) {
    if (kind == Kind::rnn) {
      sum[i] += recurrent[i] + biases(i);
      h[i] = value(0, sum[i]);
    } else if (kind == Kind::lstm) {
      for (std::int64_t g = 0; g < 4; ++g) sum[g * hidden + i] += recurrent[g * hidden + i] + biases(g * hidden + i);
      const auto peek = [&](std::int64_t g, double cell) {
        return peepholes == nullptr ? 0 : peepholes[g * hidden + i] * cell;
      };
      double &in = sum[i], &out = sum[hidden + i], &forget = sum[2 * hidden + i];
      in += peek(0, c[i]);
      forget += peek(2, c[i]);
      const double take = value(0, in), keep = flag ? 1 - take : value(0, forget);
      c[i] = keep * c[i] + take * value(1, sum[3 * hidden + i]);
      out += peek(1, c[i]);
      h[i] = value(0, out) * activations.values[2](c[i]);
      cell_[at(row * hidden + i)] = c[i];
    } else {
      for (std::int64_t g = 0; g < 2; ++g) sum[g * hidden + i] += recurrent[g * hidden + i] + biases(g * hidden + i);
      const double bias_r = bias == nullptr ? 0 : bias[wide + 2 * hidden + i];
      reset_[at(row * hidden + i)] = flag ? recurrent[2 * hidden + i] + bias_r : value(0, sum[hidden + i]) * h[i];
    }
  }
}

// A GRU's candidate and new state.
void BackwardCell::candidate_row(std::int64_t row, std::int64_t b) {
  double* sum = sums_.data() + row * gates * hidden;
  double* h = h_.data() + b * hidden;
  for (std::int64_t i = 0; i < hidden; ++i) {
    const std::int64_t g = 2 * hidden + i;
    if (bias != nullptr) sum[g] += bias[g];
    if (flag) {
      sum[g] += value(0, sum[hidden + i]) * reset_[at(row * hidden + i)];
    } else {
      sum[g] += product_[at(b * hidden + i)] + (bias == nullptr ? 0 : bias[gates * hidden + g]);
    }
    const double z = value(0, sum[i]);
    h[i] = (1 - z) * value(1, sum[g]) + z * h[i];
  }
}

void BackwardCell::backward(ThreadPool& threads) {
  const std::int64_t wide = gates * hidden;
  const std::vector<double> turned = transposed(r, wide, hidden);  // [H, G H]
  const PackedRows<double> all(turned.data(), hidden, wide);
  const std::vector<double> last = transposed(r + (gates - 1) * hidden * hidden, hidden, hidden);
  const PackedRows<double> candidate(last.data(), hidden, hidden);
  std::vector<double> part(at(batch * hidden));
  for (std::int64_t s = steps; s-- > 0;) {
    const std::int64_t first = s * batch;
    for (std::int64_t b = 0; b < batch; ++b) {
      if (!alive[at(first + b)]) continue;
      for (std::int64_t i = 0; i < hidden; ++i) dh[at(b * hidden + i)] += dy[at((first + b) * hidden + i)];
      if (kind == Kind::lstm) backward_lstm(first + b, b);
      if (kind == Kind::rnn) backward_rnn(first + b, b);
      if (kind == Kind::gru) backward_gru_candidate(first + b, b);
    }
    if (kind == Kind::gru) {
      if (!flag) {  // back_ := gradient of r * h
        for (std::int64_t b = 0; b < batch; ++b) {
          std::copy_n(slopes_.data() + (first + b) * wide + 2 * hidden, hidden, part.data() + b * hidden);
        }
        candidate.multiply(threads, part.data(), batch, back_.data());
      }
      for (std::int64_t b = 0; b < batch; ++b) {
        if (alive[at(first + b)]) backward_gru_gates(first + b, b);
      }
    }
    all.multiply(threads, recurrent_.data() + first * wide, batch, part.data());
    for (std::int64_t k = 0; k < batch * hidden; ++k) dh[at(k)] += alive[at(first + k / hidden)] ? part[at(k)] : 0;
  }
}

void BackwardCell::backward_rnn(std::int64_t row, std::int64_t b) {
  for (std::int64_t i = 0; i < hidden; ++i) {
    double& dh_i = dh[at(b * hidden + i)];
    slopes_[at(row * hidden + i)] = recurrent_[at(row * hidden + i)] = dh_i * slope(0, sums_[at(row * hidden + i)]);
    dh_i = 0;
  }
}

void BackwardCell::backward_lstm(std::int64_t row, std::int64_t b) {
  const double* sum = sums_.data() + row * 4 * hidden;
  double* ds = slopes_.data() + row * 4 * hidden;
  for (std::int64_t i = 0; i < hidden; ++i) {
    double &dh_i = dh[at(b * hidden + i)], &dc_i = dc[at(b * hidden + i)];
    const double c = cell_[at(row * hidden + i)], old = cell_before_[at(row * hidden + i)];
    const double in = value(0, sum[i]), candidate = value(1, sum[3 * hidden + i]);
    const double keep = flag ? 1 - in : value(0, sum[2 * hidden + i]);
    const auto peephole = [&](std::int64_t g) { return peepholes == nullptr ? 0 : peepholes[g * hidden + i]; };
    ds[hidden + i] = dh_i * activations.values[2](c) * slope(0, sum[hidden + i]);
    const double dcell =
        dc_i + dh_i * value(0, sum[hidden + i]) * activations.slopes[2](c) + ds[hidden + i] * peephole(1);
    const double din = dcell * candidate - (flag ? dcell * old : 0);
    ds[i] = din * slope(0, sum[i]);
    ds[2 * hidden + i] = flag ? 0 : dcell * old * slope(0, sum[2 * hidden + i]);
    ds[3 * hidden + i] = dcell * in * slope(1, sum[3 * hidden + i]);
    dc_i = dcell * keep + ds[i] * peephole(0) + ds[2 * hidden + i] * peephole(2);
    dh_i = 0;
    dp[at(i)] += ds[i] * old;
    dp[at(hidden + i)] += ds[hidden + i] * c;
    dp[at(2 * hidden + i)] += ds[2 * hidden + i] * old;
  }
  std::copy_n(ds, 4 * hidden, recurrent_.data() + row * 4 * hidden);
}

void BackwardCell::backward_gru_candidate(std::int64_t row, std::int64_t b) {
  const double* sum = sums_.data() + row * 3 * hidden;
  double *ds = slopes_.data() + row * 3 * hidden, *dr_sum = recurrent_.data() + row * 3 * hidden;
  for (std::int64_t i = 0; i < hidden; ++i) {
    double& dh_i = dh[at(b * hidden + i)];
    const double z = value(0, sum[i]), old = before_[at(row * hidden + i)], candidate = value(1, sum[2 * hidden + i]);
    ds[i] = dr_sum[i] = dh_i * (old - candidate) * slope(0, sum[i]);
    ds[2 * hidden + i] = dh_i * (1 - z) * slope(1, sum[2 * hidden + i]);
    // With linear_before_reset R_h sees the gradient through r; else its part comes by way of r * h.
    dr_sum[2 * hidden + i] = flag ? ds[2 * hidden + i] * value(0, sum[hidden + i]) : 0;
    dh_i *= z;
  }
}

void BackwardCell::backward_gru_gates(std::int64_t row, std::int64_t b) {
  const double* sum = sums_.data() + row * 3 * hidden;
  double* ds = slopes_.data() + row * 3 * hidden;
  for (std::int64_t i = 0; i < hidden; ++i) {
    const double old = before_[at(row * hidden + i)];
    double dreset = 0;
    if (flag) {
      dreset = ds[2 * hidden + i] * reset_[at(row * hidden + i)];
    } else {
      const double du = back_[at(b * hidden + i)];
      dreset = du * old;
      dh[at(b * hidden + i)] += du * value(0, sum[hidden + i]);
    }
    ds[hidden + i] = recurrent_[at(row * 3 * hidden + hidden + i)] = dreset * slope(0, sum[hidden + i]);
  }
}

void BackwardCell::products(ThreadPool& threads) {
  const std::int64_t rows = steps * batch, wide = gates * hidden;
  product(threads, slopes_.data(), rows, wide, w, input, input, 1, dx.data());
  const std::vector<double> slopes = transposed(slopes_.data(), rows, wide),
                            recurrent = transposed(recurrent_.data(), rows, wide);
  product(threads, slopes.data(), wide, rows, x.data(), input, input, 1, dw.data());
  product(threads, recurrent.data(), wide, rows, before_.data(), hidden, hidden, 1, dr.data());
  const bool through_reset = kind == Kind::gru && !flag;
  if (through_reset) {
    product(threads, slopes.data() + 2 * hidden * rows, hidden, rows, reset_.data(), hidden, hidden, 1,
            dr.data() + 2 * hidden * hidden);
  }
  for (std::int64_t g = 0; g < wide; ++g) {
    for (std::int64_t i = 0; i < rows; ++i) {
      db[at(g)] += slopes[at(g * rows + i)];
      db[at(wide + g)] += through_reset && g >= 2 * hidden ? slopes[at(g * rows + i)] : recurrent[at(g * rows + i)];
    }
  }
}

}  // namespace octet::ops
