#include "octet/quant/observers/float_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>

#include "octet/quant/observers/state_json.h"

namespace octet::quant {
namespace {

constexpr int kShift = 13;  // of the 23 mantissa bits, ten name the cell

double magnitude(std::uint32_t bits) { return static_cast<double>(std::bit_cast<float>(bits & 0x7fffffffU)); }

}  // namespace

FloatHistogram::Page& FloatHistogram::page(std::size_t index) {
  if (!pages_[index]) pages_[index] = std::make_unique<Page>(Page{});
  return *pages_[index];
}

std::uint64_t FloatHistogram::count_of(std::size_t page, std::size_t cell) const {
  const auto carry = carries_.find(page * kCells + cell);
  return (*pages_[page])[cell] + (carry == carries_.end() ? 0 : std::uint64_t{carry->second} << 32);
}

void FloatHistogram::add_count(std::size_t index, std::size_t cell, std::uint64_t count) {
  std::uint32_t& low = page(index)[cell];
  const std::uint64_t sum = low + count;
  low = static_cast<std::uint32_t>(sum);
  if (sum >> 32 != 0) carries_[index * kCells + cell] += static_cast<std::uint32_t>(sum >> 32);
}

void FloatHistogram::add(std::span<const float> values) {
  if (values.empty()) return;
  float low = values.front(), high = low;
  for (const float x : values) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    const std::size_t cell = (bits >> kShift) & 0x3ffU;
    if (++page(bits >> 23)[cell] == 0) ++carries_[(bits >> 23) * kCells + cell];
    low = std::min(low, x);
    high = std::max(high, x);
  }
  seen_ = count_ == 0 ? Range{low, high} : Range{std::min(seen_.min, low), std::max(seen_.max, high)};
  count_ += values.size();
}

void FloatHistogram::merge(const FloatHistogram& other) {
  if (other.count_ == 0) return;
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    if (!other.pages_[i]) continue;
    for (std::size_t cell = 0; cell < kCells; ++cell) add_count(i, cell, other.count_of(i, cell));
  }
  seen_ = count_ == 0 ? other.seen_ : Range{std::min(seen_.min, other.seen_.min), std::max(seen_.max, other.seen_.max)};
  count_ += other.count_;
}

std::vector<FloatHistogram::Cell> FloatHistogram::cells(double finest) const {
  std::vector<Cell> out;
  const auto append = [&](std::size_t page_index, std::size_t cell, bool negative) {
    const std::uint64_t count = count_of(page_index, cell);
    if (count == 0) return;
    const auto first = static_cast<std::uint32_t>((page_index << 23) | (cell << kShift));
    const double near = magnitude(first), far = magnitude(first + (1U << kShift) - 1);
    Cell next{negative ? -far : near, negative ? -near : far, static_cast<double>(count)};
    const bool zero = page_index % (kPages / 2) == 0;
    next.low = zero ? 0 : std::max(next.low, double{seen_.min});
    next.high = zero ? 0 : std::min(next.high, double{seen_.max});
    const auto sign = [](const Cell& c) { return (c.low > 0) - (c.high < 0); };
    if (!out.empty() && next.high - out.back().low <= finest && sign(out.back()) == sign(next)) {
      out.back().high = next.high;
      out.back().count += next.count;
    } else {
      out.push_back(next);
    }
  };
  for (std::size_t i = kPages; i-- > kPages / 2;) {
    for (std::size_t cell = kCells; pages_[i] && cell-- > 0;) append(i, cell, true);
  }
  for (std::size_t i = 0; i < kPages / 2; ++i) {
    for (std::size_t cell = 0; pages_[i] && cell < kCells; ++cell) append(i, cell, false);
  }
  return out;
}

double FloatHistogram::quantile(double q) const {
  const double target = q * static_cast<double>(count_);
  double below = 0;
  for (const Cell& cell : cells()) {
    if (below + cell.count >= target) return cell.low + (cell.high - cell.low) * (target - below) / cell.count;
    below += cell.count;
  }
  return seen_.max;
}

double FloatHistogram::resolution(int bins) const { return std::max(0.0, quantile(0.9995) - quantile(0.0005)) / bins; }

nlohmann::json FloatHistogram::save() const {
  nlohmann::json pages = nlohmann::json::array();
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    if (!pages_[i]) continue;
    nlohmann::json runs = nlohmann::json::array();  // [first cell, count, count, ...] for each run of occupied cells
    for (std::size_t cell = 0; cell < kCells; ++cell) {
      const std::uint64_t count = count_of(i, cell);
      if (count == 0) continue;
      if (cell == 0 || count_of(i, cell - 1) == 0) runs.push_back(nlohmann::json::array({cell}));
      runs.back().push_back(count);
    }
    pages.push_back({{"page", i}, {"runs", std::move(runs)}});
  }
  return {{"seen", save_range(count_ == 0 ? kNothing : seen_)}, {"pages", std::move(pages)}};
}

void FloatHistogram::load(const nlohmann::json& saved) {
  *this = FloatHistogram();
  const nlohmann::json& pages = member(saved, "pages");
  if (!pages.is_array()) throw malformed("'pages' is not a list");
  for (const nlohmann::json& entry : pages) {
    const nlohmann::json &index = member(entry, "page"), &runs = member(entry, "runs");
    if (!index.is_number_unsigned() || index.get<std::uint64_t>() >= kPages || !runs.is_array())
      throw malformed("a page");
    const auto at = index.get<std::size_t>();
    for (const nlohmann::json& run : runs) {
      if (!run.is_array() || run.empty()) throw malformed("a run of cells");
      for (const nlohmann::json& number : run) {
        if (!number.is_number_unsigned()) throw malformed("a count of a cell");
      }
      const auto first = run[0].get<std::uint64_t>();
      if (first >= kCells || run.size() - 1 > kCells - first) throw malformed("a run of cells");
      for (std::size_t i = 1; i < run.size(); ++i) {
        const auto count = run[i].get<std::uint64_t>();
        add_count(at, first + i - 1, count);
        count_ += count;
      }
    }
  }
  const Range seen = load_range(saved, "seen");
  if ((seen.min > seen.max) != (count_ == 0)) throw malformed("'seen' and 'pages' contradict each other");
  if (count_ != 0) seen_ = seen;
}

}  // namespace octet::quant
