// torch's histogram observer: 2,048 linear bins over what was seen, re-spread when the range grows, and a
// search that narrows the range while the L2 error of the quantized histogram falls. Arithmetic in float32
// where torch's is, so that ranges agree to the last bin.
// Source: HistogramObserver of torch.ao.quantization (2.x).
#include "octet/quant/observers/histogram.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace octet::quant {
namespace {

constexpr int kBins = kHistogramBins, kDestinationBins = 256, kUpsampling = 16;
using Bins = HistogramBins;

std::size_t at(int i) { return static_cast<std::size_t>(i); }

// The i-th of `steps` + 1 equally spaced points, counted from the nearer end as torch.linspace does.
float spaced(Range range, int i, int steps) {
  const float step = (range.max - range.min) / static_cast<float>(steps);
  return i < (steps + 1) / 2 ? range.min + step * static_cast<float>(i)
                             : range.max - step * static_cast<float>(steps - i);
}

// The same counts over a wider range.
Bins spread(const Bins& bins, Range from, Range to) {
  Bins out(kBins, 0.0F);
  if (from.min == from.max) {
    float total = 0;
    for (const float count : bins) total += count;
    count_into(out, {&from.min, 1}, to, total);
    return out;
  }
  constexpr int kFine = kBins * kUpsampling;
  const float width = (from.max - from.min) / static_cast<float>(kFine);
  std::vector<double> sums(kBins, 0.0);
  int bin = 0;  // midpoints rise, so their bins do too
  for (int i = 0; i < kFine; ++i) {
    const float middle = spaced(from, i, kFine) + 0.5F * width;
    while (bin < kBins - 1 && middle >= spaced(to, bin + 1, kBins)) ++bin;
    sums[at(bin)] += static_cast<double>(bins[at(i / kUpsampling)] / kUpsampling);
  }
  for (int i = 0; i < kBins; ++i) out[at(i)] = static_cast<float>(sums[at(i)]);
  return out;
}

float floor_division(float a, float b) {
  const float remainder = std::fmod(a, b);
  float quotient = (a - remainder) / b;
  if (remainder != 0 && (b < 0) != (remainder < 0)) quotient -= 1;
  const float floored = std::floor(quotient);
  return quotient - floored > 0.5F ? floored + 1 : floored;
}

// density * integral of x^2 from begin to end
float norm(float begin, float end, float density) { return density * ((end * end * end - begin * begin * begin) / 3); }

// The L2 error of quantizing the histogram with [first, last] as the range; values in a source bin are
// taken as spread evenly.
double quantization_error(const Bins& bins, double bin_width, int first, int last) {
  const double wide = bin_width * (last - first + 1) / kDestinationBins;
  if (wide == 0) return 0;
  const auto source = static_cast<float>(bin_width), destination = static_cast<float>(wide);
  const auto half = static_cast<float>(wide / 2);
  const auto destination_bin = [&](float x) {
    return std::clamp(floor_division(x, destination), 0.0F, static_cast<float>(kDestinationBins - 1));
  };
  double sum = 0;
  for (int i = 0; i < kBins; ++i) {
    const float density = bins[at(i)] / source;
    const float begin = static_cast<float>(i - first) * source, end = begin + source;
    const float bin_begin = destination_bin(begin), bin_end = destination_bin(end);
    float total = norm(begin - (bin_begin + 0.5F) * destination, half, density);
    total += (bin_end - bin_begin - 1) * norm(-half, half, density);
    total += norm(-half, end - (bin_end * destination + half), density);
    sum += static_cast<double>(total);
  }
  return sum;
}

// Moves whichever end skips more bins for one more step of 1e-5 in its quantile, until the error rises.
Range search(const Bins& bins, Range seen) {
  const float width = (seen.max - seen.min) / static_cast<float>(kBins);
  const double exact_width = (double{seen.max} - double{seen.min}) / kBins;
  std::vector<float> cumulative(kBins);
  double running = 0;
  for (int i = 0; i < kBins; ++i) cumulative[at(i)] = static_cast<float>(running += double{bins[at(i)]});
  const double total = static_cast<double>(static_cast<float>(running));
  constexpr double kStep = 1e-5;
  double alpha = 0, beta = 1, least = INFINITY;
  int first = 0, last = kBins - 1;
  while (alpha < beta) {
    const double next_alpha = alpha + kStep, next_beta = beta - kStep;
    int left = first, right = last;
    while (left < last && cumulative[at(left)] < static_cast<float>(next_alpha * total)) ++left;
    while (right > first && cumulative[at(right)] > static_cast<float>(next_beta * total)) --right;
    int next_first = first, next_last = last;
    if (left - first > last - right) {
      next_first = left;
      alpha = next_alpha;
    } else {
      next_last = right;
      beta = next_beta;
    }
    if (next_first == first && next_last == last) continue;
    const double error = quantization_error(bins, exact_width, next_first, next_last);
    if (error > least) break;
    least = error;
    first = next_first;
    last = next_last;
  }
  return {seen.min + width * static_cast<float>(first), seen.min + width * static_cast<float>(last + 1)};
}

}  // namespace

void count_into(HistogramBins& bins, std::span<const float> values, Range range, float weight) {
  float low = range.min, high = range.max;
  if (low == high) {
    low -= 1;
    high += 1;
  }
  for (const float x : values) {
    if (!(x >= low && x <= high)) continue;
    const auto position = static_cast<int>((x - low) * kBins / (high - low));
    bins[at(std::min(position, kBins - 1))] += weight;
  }
}

Range range_of(std::span<const float> values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {*low, *high};
}

void Histogram::observe(std::span<const float> batch) {
  if (batch.empty()) return;
  const Range wider = widen(range_of(batch));
  Bins fresh(kBins, 0.0F);
  count_into(fresh, batch, wider);
  add(fresh, wider);
}

void Histogram::merge(const ObserverState& other) {
  const auto& that = same_kind<Histogram>(other);
  if (that.empty()) return;
  const Range wider = widen(that.seen_);
  const bool same = that.seen_.min == wider.min && that.seen_.max == wider.max;
  add(same ? that.bins_ : spread(that.bins_, that.seen_, wider), wider);
}

Range Histogram::range(const Scheme&, const RangeOptions&) const { return empty() ? seen_ : search(bins_, seen_); }

nlohmann::json Histogram::save() const { return {{"seen", save_range(seen_)}, {"bins", bins_}}; }

void Histogram::load(const nlohmann::json& saved) {
  seen_ = load_range(saved, "seen");
  const nlohmann::json& bins = member(saved, "bins");
  const auto is_count = [](const nlohmann::json& x) { return x.is_number() && x.get<double>() >= 0; };
  if (!bins.is_array() || bins.size() != kBins || !std::all_of(bins.begin(), bins.end(), is_count)) {
    throw malformed("'bins' is not a list of 2048 counts");
  }
  bins_ = bins.get<Bins>();
}

void Histogram::add(const Bins& fresh, Range wider) {
  if (!empty() && (wider.min != seen_.min || wider.max != seen_.max)) bins_ = spread(bins_, seen_, wider);
  for (int i = 0; i < kBins; ++i) bins_[at(i)] += fresh[at(i)];
  seen_ = wider;
}

std::unique_ptr<ObserverState> make_histogram() { return std::make_unique<Histogram>(); }

}  // namespace octet::quant
