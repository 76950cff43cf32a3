// Times of networks end to end, ours and the peers'.
#pragma once

#include "bench/page/results.h"

namespace octet::bench {

// A row of the table: a network or one after the other, our engine for it, and at which batches.
struct Network {
  const char* label;
  std::vector<std::string> parts;
  const char* ours;
  std::vector<int> batches;
};

class Times {
 public:
  explicit Times(const Json& results);

  /// Milliseconds of all parts together, or kNothing.
  double of(const Network& network, const std::string& engine, int batch, int threads) const;

  struct Best {
    std::string engine = "-";
    double ms = kNothing;
  };
  Best best_peer(const Network& network, int batch, int threads, bool only_float) const;

  /// {network: {engine: {"b1t1": {"min_ms": ..}}}}
  const Json& latency() const { return latency_; }

 private:
  double without_peers(const Network& network, const std::string& engine, int batch, int threads) const;

  Json latency_, alone_;
};

}  // namespace octet::bench
