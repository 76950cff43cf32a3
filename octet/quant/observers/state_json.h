// What the observers share when they are saved, loaded and merged.
#pragma once

#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "octet/quant/observer.h"

namespace octet::quant {

inline constexpr Range kNothing{std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()};

/// [min, max], or [] for nothing.
nlohmann::json save_range(Range range);
/// Throws bad_input unless `saved` has `key` in the form of save_range, finite and in order.
Range load_range(const nlohmann::json& saved, const std::string& key);
/// saved.at(key), or bad_input.
const nlohmann::json& member(const nlohmann::json& saved, const std::string& key);
Error malformed(const std::string& what);

template <class State>
const State& same_kind(const ObserverState& other) {
  const auto* that = dynamic_cast<const State*>(&other);
  if (that == nullptr) throw Error(ErrorKind::internal, "observers of different kinds cannot be merged");
  return *that;
}

}  // namespace octet::quant
