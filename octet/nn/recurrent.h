// LSTM and GRU. Equations: torch.nn.LSTM, torch.nn.GRU; parameters in torch's layout and under its names.
#pragma once

#include <string>

#include "octet/base/random.h"
#include "octet/nn/module.h"

namespace octet::nn {

struct RecurrentOptions {
  int layers = 1;
  bool bidirectional = false;
  bool batch_first = false;  ///< [N, T, ...] in place of [T, N, ...]
};

/// [T, N, in] to [T, N, hidden * directions], from a state of zeros.
///   weight_ih_lK [gates * hidden, in of layer K], weight_hh_lK [gates * hidden, hidden], bias_ih_lK, bias_hh_lK; with
///   "_reverse" for the backward direction. Gates: LSTM i, f, g, o; GRU r, z, n.
class Recurrent : public Module {
 protected:
  Recurrent(std::string op, std::vector<int> gate_order, std::int64_t in, std::int64_t hidden, Random& random,
            RecurrentOptions options);
  Value forward(const Value& x) override;

 private:
  struct Direction {
    Tensor weight_ih, weight_hh, bias_ih, bias_hh;
  };
  /// The gates of a parameter in ONNX's order.
  Value reordered(Builder& builder, const Tensor& tensor) const;
  Value layer(const Value& x, const Direction* directions) const;

  std::string op_;
  std::vector<int> gate_order_;  ///< ONNX's k-th gate is torch's gate_order_[k]-th
  std::int64_t hidden_;
  RecurrentOptions options_;
  std::vector<Direction> directions_;  ///< reserved ahead: the tensors inside are registered by address
};

class LSTM : public Recurrent {
 public:
  LSTM(std::int64_t in, std::int64_t hidden, Random& random, RecurrentOptions options = {})
      : Recurrent("LSTM", {0, 3, 1, 2}, in, hidden, random, options) {}
};

class GRU : public Recurrent {
 public:
  GRU(std::int64_t in, std::int64_t hidden, Random& random, RecurrentOptions options = {})
      : Recurrent("GRU", {1, 0, 2}, in, hidden, random, options) {}
};

}  // namespace octet::nn
