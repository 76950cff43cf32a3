#include "octet/report/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace octet::report {
namespace {

Error misfit(const Tensor& output, const Tensor& target) {
  return Error(ErrorKind::bad_input, "the network's output and the expected answers do not fit the metric")
      .value(fmt::format("output {}, expected answers {}", to_string(output.shape()), to_string(target.shape())));
}

// Ones at the end do not count: [N, C, 1, 1] is [N, C].
Shape without_trailing_ones(const Shape& shape) {
  int rank = shape.rank();
  while (rank > 1 && shape[rank - 1] == 1) --rank;
  return Shape(shape.dims().first(static_cast<std::size_t>(rank)));
}

class TopK : public Metric {
 public:
  explicit TopK(std::int64_t k) : k_(k) {}

  void add(const Tensor& output, const Tensor& target) override {
    const Shape shape = without_trailing_ones(output.shape());
    if (shape.rank() != 2 || target.elements() != shape[0]) {
      throw misfit(output, target).expected("an output [samples, classes] and one label a sample");
    }
    const std::vector<double> scores = output.to_double();
    const std::vector<std::int64_t> labels = target.to_int64();
    for (std::int64_t row = 0; row < shape[0]; ++row) {
      const std::int64_t label = labels[static_cast<std::size_t>(row)];
      if (label < 0 || label >= shape[1]) {
        throw Error(ErrorKind::bad_input, "a label is no class of the network")
            .value(std::to_string(label))
            .expected(fmt::format("0 to {}", shape[1] - 1));
      }
      hits_ += rank_of(scores.data() + row * shape[1], shape[1], label) < k_ ? 1 : 0;
      ++count_;
    }
  }
  double value() const override { return count_ == 0 ? 0 : static_cast<double>(hits_) / static_cast<double>(count_); }

 private:
  // How many classes come before `label`: larger scores, and equal ones of smaller index.
  static std::int64_t rank_of(const double* scores, std::int64_t classes, std::int64_t label) {
    std::int64_t before = 0;
    for (std::int64_t c = 0; c < classes; ++c)
      before += scores[c] > scores[label] || (scores[c] == scores[label] && c < label);
    return std::isnan(scores[label]) ? classes : before;
  }

  std::int64_t k_, hits_ = 0, count_ = 0;
};

class MeanSquaredError : public Metric {
 public:
  void add(const Tensor& output, const Tensor& target) override {
    if (output.elements() != target.elements()) throw misfit(output, target).expected("as many elements");
    const std::vector<double> y = output.to_double(), t = target.to_double();
    for (std::size_t i = 0; i < y.size(); ++i) sum_ += (y[i] - t[i]) * (y[i] - t[i]);
    count_ += y.size();
  }
  double value() const override { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

 private:
  double sum_ = 0;
  std::size_t count_ = 0;
};

// Metrics of one number a sample, which need all of them at the end.
class Pairs : public Metric {
 public:
  void add(const Tensor& output, const Tensor& target) override {
    if (output.elements() != target.elements())
      throw misfit(output, target).expected("one number and one answer a sample");
    const std::vector<double> y = output.to_double(), t = target.to_double();
    outputs_.insert(outputs_.end(), y.begin(), y.end());
    targets_.insert(targets_.end(), t.begin(), t.end());
  }

 protected:
  std::vector<double> outputs_, targets_;
};

// Ranks from 1; equal values share the mean of their ranks.
std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> out(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first + 1;
    while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
    const double rank = 0.5 * static_cast<double>(first + 1 + last);
    for (std::size_t i = first; i < last; ++i) out[order[i]] = rank;
    first = last;
  }
  return out;
}

class Spearman : public Pairs {
 public:
  double value() const override {
    const std::vector<double> a = ranks(outputs_), b = ranks(targets_);
    const double mean = 0.5 * static_cast<double>(a.size() + 1);
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      ab += (a[i] - mean) * (b[i] - mean);
      aa += (a[i] - mean) * (a[i] - mean);
      bb += (b[i] - mean) * (b[i] - mean);
    }
    return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
  }
};

class Auc : public Pairs {
 public:
  double value() const override {
    const std::vector<double> rank = ranks(outputs_);
    double sum = 0, positives = 0;
    for (std::size_t i = 0; i < rank.size(); ++i) {
      if (targets_[i] <= 0.5) continue;
      sum += rank[i];
      ++positives;
    }
    const double negatives = static_cast<double>(rank.size()) - positives;
    if (positives == 0 || negatives == 0) return 0.5;
    return (sum - positives * (positives + 1) / 2) / (positives * negatives);
  }
};

class Accuracy : public Metric {
 public:
  void add(const Tensor& output, const Tensor& target) override {
    if (without_trailing_ones(output.shape()).rank() != 1) {
      classes_.add(output, target);
      many_ = true;
      return;
    }
    if (output.elements() != target.elements()) throw misfit(output, target);
    const std::vector<double> y = output.to_double(), t = target.to_double();
    for (std::size_t i = 0; i < y.size(); ++i) hits_ += (y[i] > 0.5) == (t[i] > 0.5) ? 1 : 0;
    count_ += y.size();
  }
  double value() const override {
    if (many_) return classes_.value();
    return count_ == 0 ? 0 : static_cast<double>(hits_) / static_cast<double>(count_);
  }

 private:
  TopK classes_{1};
  bool many_ = false;
  std::size_t hits_ = 0, count_ = 0;
};

}  // namespace

const std::vector<std::string>& metric_names() {
  static const std::vector<std::string> names = {"top1", "top5", "accuracy", "mse", "auc", "spearman"};
  return names;
}

std::unique_ptr<Metric> make_metric(const std::string& name) {
  if (name == "top1") return std::make_unique<TopK>(1);
  if (name == "top5") return std::make_unique<TopK>(5);
  if (name == "accuracy") return std::make_unique<Accuracy>();
  if (name == "mse") return std::make_unique<MeanSquaredError>();
  if (name == "auc") return std::make_unique<Auc>();
  if (name == "spearman") return std::make_unique<Spearman>();
  throw Error(ErrorKind::usage, "there is no such metric")
      .value(name)
      .expected(fmt::format("{}", fmt::join(metric_names(), ", ")));
}

bool is_share(const std::string& metric) { return metric != "mse" && metric != "spearman"; }

std::vector<std::vector<std::int64_t>> answers(const Tensor& output, std::int64_t samples) {
  std::vector<std::vector<std::int64_t>> out(static_cast<std::size_t>(std::max<std::int64_t>(samples, 1)));
  const std::vector<double> y = output.to_double();
  const Shape shape = without_trailing_ones(output.shape());
  const std::int64_t rows = shape.rank() > 0 && shape[0] == samples ? samples : 1;
  out.resize(static_cast<std::size_t>(rows));
  if (shape.rank() < 2) {
    for (std::size_t i = 0; i < y.size(); ++i) out[i * out.size() / y.size()].push_back(y[i] > 0.5 ? 1 : 0);
    return out;
  }
  const int axis = shape.rank() >= 4 ? 1 : shape.rank() - 1;
  const auto classes = static_cast<std::size_t>(shape[axis]);
  const auto inner = static_cast<std::size_t>(shape.elements(axis + 1, shape.rank()));
  const std::size_t outer = classes * inner == 0 ? 0 : y.size() / (classes * inner);
  for (std::size_t o = 0; o < outer; ++o) {
    for (std::size_t i = 0; i < inner; ++i) {
      const double* first = y.data() + o * classes * inner + i;
      std::size_t best = 0;
      for (std::size_t c = 1; c < classes; ++c) best = first[c * inner] > first[best * inner] ? c : best;
      out[o * out.size() / outer].push_back(static_cast<std::int64_t>(best));
    }
  }
  return out;
}

void Sqnr::add(const Tensor& reference, const Tensor& other) {
  if (!(reference.shape() == other.shape())) throw misfit(reference, other).expected("outputs of one shape");
  const std::vector<double> x = reference.to_double(), y = other.to_double();
  for (std::size_t i = 0; i < x.size(); ++i) {
    signal_ += x[i] * x[i];
    noise_ += (x[i] - y[i]) * (x[i] - y[i]);
  }
}

double Sqnr::db() const {
  if (noise_ == 0) return std::numeric_limits<double>::infinity();
  return signal_ == 0 ? -std::numeric_limits<double>::infinity() : 10 * std::log10(signal_ / noise_);
}

}  // namespace octet::report
