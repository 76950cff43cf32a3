#include "octet/quant/statistics.h"

#include <fmt/format.h>

#include <bit>
#include <nlohmann/json.hpp>

#include "octet/quant/observers/state_json.h"

namespace octet::quant {
namespace {

constexpr const char* kFormat = "octet calibration statistics";

// The largest magnitude of the bulk, if what lies beyond it is both rare and far: {bulk, rare values}.
std::pair<double, std::uint64_t> bulk_and_outliers(const std::array<std::uint64_t, 256>& octaves) {
  constexpr int kFar = 8;
  std::uint64_t total = 0, beyond = 0;
  for (const std::uint64_t count : octaves) total += count;
  int top = 255;
  while (top > 0 && octaves[static_cast<std::size_t>(top)] == 0) --top;
  for (int exponent = top, gap = 0; exponent > 0; --exponent) {
    const std::uint64_t count = octaves[static_cast<std::size_t>(exponent)];
    if (count == 0) {
      if (++gap < kFar || beyond == 0) continue;
      double below = 0;
      int next = exponent;
      while (next > 0 && octaves[static_cast<std::size_t>(next)] == 0) --next;
      below = next > 0 ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(next + 1) << 23)) : 0;
      return {below, beyond};
    }
    beyond += count;
    gap = 0;
    if (beyond * 10000 > total) return {0, 0};
  }
  return {0, 0};
}

}  // namespace

Statistics::Entry& Statistics::entry(const std::string& name) {
  Entry& found = entries_[name];
  if (!found.state) found.state = make_observer(observer_);
  return found;
}

void Statistics::observe(const std::string& name, std::span<const float> batch) {
  Entry& found = entry(name);
  found.state->observe(batch);
  for (const float x : batch) ++found.octaves[(std::bit_cast<std::uint32_t>(x) >> 23) & 0xffU];
}

void Statistics::merge(const Statistics& other) {
  for (const auto& [name, theirs] : other.entries_) {
    Entry& mine = entry(name);
    mine.state->merge(*theirs.state);
    for (std::size_t i = 0; i < mine.octaves.size(); ++i) mine.octaves[i] += theirs.octaves[i];
  }
  samples += other.samples;
  batches += other.batches;
}

Range Statistics::range(const std::vector<std::string>& names, const Scheme& scheme,
                        const RangeOptions& options) const {
  const auto find = [&](const std::string& name) -> const ObserverState& {
    const auto it = entries_.find(name);
    if (it == entries_.end()) {
      throw Error(ErrorKind::bad_input, "the calibration statistics do not know a value of this network")
          .tensor(name)
          .hint("make the statistics with the same network and options");
    }
    return *it->second.state;
  };
  if (names.size() == 1) return find(names[0]).range(scheme, options);
  const auto merged = make_observer(observer_);
  for (const std::string& name : names) merged->merge(find(name));
  return merged->range(scheme, options);
}

std::vector<std::string> Statistics::outliers() const {
  std::vector<std::string> out;
  for (const auto& [name, entry] : entries_) {
    const auto [bulk, rare] = bulk_and_outliers(entry.octaves);
    if (rare == 0) continue;
    const Range seen = entry.state->seen();
    out.push_back(
        fmt::format("'{}': {} value{} reach [{:g}, {:g}] while all others stay within {:g}; the percentile "
                    "observer would leave such outliers out",
                    printable(name), rare, rare == 1 ? "" : "s", seen.min, seen.max, bulk));
  }
  return out;
}

std::string Statistics::write() const {
  nlohmann::json values = nlohmann::json::object();
  for (const auto& [name, entry] : entries_) {
    values[name] = {{"state", entry.state->save()}, {"octaves", entry.octaves}};
  }
  const nlohmann::json all = {{"format", kFormat},  {"version", 1},       {"observer", to_string(observer_)},
                              {"samples", samples}, {"batches", batches}, {"values", std::move(values)}};
  return all.dump() + "\n";
}

Statistics Statistics::read(const std::string& text) {
  const nlohmann::json all = nlohmann::json::parse(text, nullptr, false);
  if (!all.is_object() || all.value("format", "") != kFormat) throw malformed("not a statistics file");
  if (all.value("version", 0) != 1) throw malformed("another version");
  if (!member(all, "observer").is_string() || !member(all, "values").is_object()) throw malformed("a wrong type");
  if (!member(all, "samples").is_number_integer() || !member(all, "batches").is_number_integer())
    throw malformed("a count");
  Statistics out(observer_from_name(all.at("observer").get<std::string>()));
  out.samples = all.at("samples").get<std::int64_t>();
  out.batches = all.at("batches").get<std::int64_t>();
  for (const auto& [name, saved] : all.at("values").items()) {
    Entry& entry = out.entry(name);
    entry.state->load(member(saved, "state"));
    const nlohmann::json& octaves = member(saved, "octaves");
    if (!octaves.is_array() || octaves.size() != entry.octaves.size()) throw malformed("'octaves'");
    for (std::size_t i = 0; i < entry.octaves.size(); ++i) {
      if (!octaves[i].is_number_unsigned()) throw malformed("'octaves'");
      entry.octaves[i] = octaves[i].get<std::uint64_t>();
    }
  }
  return out;
}

}  // namespace octet::quant
