#include "octet/quant/observers/observers.h"

namespace octet::quant {
namespace {

constexpr ObserverRow kRows[] = {
    {Observer::min_max, "min-max", make_min_max},
    {Observer::moving_average, "moving-average", make_moving_average},
    {Observer::percentile, "percentile", make_percentile},
    {Observer::histogram, "histogram", make_histogram},
    {Observer::histogram_torch1, "histogram-torch1", make_histogram_torch1},
    {Observer::entropy, "entropy", make_entropy},
    {Observer::mse, "mse", make_mse},
};

const ObserverRow& row(Observer kind) {
  for (const ObserverRow& candidate : kRows) {
    if (candidate.kind == kind) return candidate;
  }
  throw Error(ErrorKind::internal, "an observer without a row in the table");
}

}  // namespace

std::span<const ObserverRow> observers() { return kRows; }

std::unique_ptr<ObserverState> make_observer(Observer kind) { return row(kind).make(); }

const char* to_string(Observer kind) { return row(kind).name; }

Observer observer_from_name(const std::string& name) {
  std::string names;
  for (const ObserverRow& candidate : kRows) {
    if (name == candidate.name) return candidate.kind;
    names += (names.empty() ? "" : ", ") + std::string(candidate.name);
  }
  throw Error(ErrorKind::usage, "unknown observer").value(name).expected("one of " + names);
}

}  // namespace octet::quant
