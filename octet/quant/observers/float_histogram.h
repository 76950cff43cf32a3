// A histogram of floats whose cells are fixed beforehand: sign, exponent and the first ten bits of the
// mantissa name the cell. So it needs no range in advance, an outlier costs no resolution elsewhere (1,024
// cells an octave: the upper half of any range has as many as a linear histogram of 2,048 bins), the order
// of the data does not matter, and two histograms merge exactly.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>

#include "octet/quant/params.h"

namespace octet::quant {

class FloatHistogram {
 public:
  /// Values between low and high (low <= high, of one sign), `count` of them. Zeros (and denormals, which
  /// count as zeros) have a cell of their own, low = high = 0.
  struct Cell {
    double low = 0, high = 0;
    double count = 0;
    double centre() const { return (low + high) / 2; }
  };

  void add(std::span<const float> values);  ///< finite
  void merge(const FloatHistogram& other);

  std::uint64_t count() const { return count_; }
  Range seen() const { return seen_; }
  /// The occupied cells from the smallest value to the largest, neighbours of one sign joined while
  /// together they are no wider than `finest`. The outermost cells are cut to what was seen.
  std::vector<Cell> cells(double finest = 0) const;
  /// The value below which the share `q` of all values lies (linear within a cell).
  double quantile(double q) const;
  /// A width for cells() that keeps at least `bins` cells over the central 99.9 % of the values.
  double resolution(int bins) const;

  nlohmann::json save() const;
  void load(const nlohmann::json& saved);

 private:
  static constexpr int kCellBits = 10, kPages = 512;  // a page is one sign and exponent
  static constexpr std::size_t kCells = std::size_t{1} << kCellBits;
  using Page = std::array<std::uint32_t, kCells>;  // each count modulo 2^32: more samples meet more exponents

  Page& page(std::size_t index);
  std::uint64_t count_of(std::size_t page, std::size_t cell) const;
  void add_count(std::size_t page, std::size_t cell, std::uint64_t count);

  std::array<std::unique_ptr<Page>, kPages> pages_;
  std::map<std::size_t, std::uint32_t> carries_;  // how often the count of a cell passed 2^32
  std::uint64_t count_ = 0;
  Range seen_{0, -1};
};

}  // namespace octet::quant
