// Measures of a network's answers: against what was expected, and against another network's answers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "octet/tensor/tensor.h"

namespace octet::report {

/// Collects answers feed by feed and gives one number at the end.
class Metric {
 public:
  virtual ~Metric() = default;
  /// `output` [samples, ...] of the network, `target` as the data has it. Throws bad_input when they do not fit.
  virtual void add(const Tensor& output, const Tensor& target) = 0;
  virtual double value() const = 0;
};

/// Names that make_metric knows, for help and hints.
const std::vector<std::string>& metric_names();
/// top1, top5  share of samples whose label is the best / among the five best of their row
/// accuracy    top1; for one number a sample: (output > 0.5) == label
/// mse         mean over all elements of (output - target)^2
/// auc         area under the receiver's curve of one number a sample against labels 0 and 1
/// spearman    rank correlation of one number a sample with the targets
/// Throws usage for another name.
std::unique_ptr<Metric> make_metric(const std::string& name);
/// Whether a metric is a share, to be shown as a percentage.
bool is_share(const std::string& metric);

/// The answers of an output [samples, ...]: for each sample the indices of the largest elements along the class
/// axis (the last one; the second of an output of rank 4 and more; ones at the end do not count). One
/// number a sample is answered by whether it exceeds 0.5.
std::vector<std::vector<std::int64_t>> answers(const Tensor& output, std::int64_t samples);

/// Signal to quantization noise, 10 log10(sum x^2 / sum (x - y)^2), over all that is added.
class Sqnr {
 public:
  void add(const Tensor& reference, const Tensor& other);
  /// Infinite when nothing differs.
  double db() const;

 private:
  double signal_ = 0, noise_ = 0;
};

}  // namespace octet::report
