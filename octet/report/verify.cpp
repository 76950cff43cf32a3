#include "octet/report/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "octet/report/json_forms.h"
#include "octet/report/metrics.h"
#include "octet/report/per_row.h"
#include "octet/report/segments.h"
#include "octet/report/table.h"
#include "octet/report/text.h"

namespace octet::report {
namespace {

using Json = nlohmann::ordered_json;
using Values = std::map<std::string, Tensor>;

// Steps of the reference's real value from the nearest border between two integers.
class TieDistance {
 public:
  TieDistance(const Graph& graph, const Segment& segment, const Values& values) {
    const Node& node = graph.nodes[static_cast<std::size_t>(segment.quantize)];
    const auto real = values.find(graph.value(node.inputs[0]).name);
    const Tensor* scale = scale_of(graph, node, values);
    if (real == values.end() || scale == nullptr || scale->elements() != 1) return;
    real_ = real->second.to_double();
    scale_ = scale->to_double()[0];
  }
  double operator()(std::size_t i) const {
    if (real_.empty()) return 0;  // not known: a difference of one step is taken to be a tie
    const double steps = real_[i] / scale_;
    return std::abs(steps - std::floor(steps) - 0.5);
  }

 private:
  static const Tensor* scale_of(const Graph& graph, const Node& node, const Values& values) {
    if (node.op_type == "QuantizeLinear") return graph.initializer(node.inputs[1]);
    const auto computed = values.find(graph.value(node.outputs[1]).name);  // DynamicQuantizeLinear
    return computed == values.end() ? nullptr : &computed->second;
  }

  std::vector<double> real_;
  double scale_ = 1;
};

LayerCheck& entry(VerifyReport& report, const Segment& segment) {
  const auto known = std::find_if(report.layers.begin(), report.layers.end(),
                                  [&](const LayerCheck& c) { return c.name == segment.target; });
  if (known != report.layers.end()) return *known;
  report.layers.push_back({segment.target, segment.op});
  return report.layers.back();
}

void check_segment(const Graph& graph, const Segment& segment, const Values& values, int threads,
                   VerifyReport& report) {
  NamedTensors feed;
  for (const ValueId id : segment.boundary) feed.emplace_back(graph.value(id).name, values.at(graph.value(id).name));
  const Session session(piece_of(graph, segment, values), {.threads = threads, .float_attention = true});
  const Tensor ours = session.run(feed).at(0);
  const Tensor& theirs = values.at(segment.target);
  LayerCheck& check = entry(report, segment);
  check.elements += theirs.elements();
  if (ours.dtype() != theirs.dtype() || !(ours.shape() == theirs.shape())) {
    check.mismatches += theirs.elements();
  } else if (is_float(theirs.dtype())) {
    compare_floats(ours, theirs, check);
  } else {
    compare_integers(ours, theirs, TieDistance(graph, segment, values), check);
  }
}

void check_per_row(const Graph& graph, const PerRowLayer& layer, const Values& values, int threads,
                   VerifyReport& report) {
  const std::string& activation = graph.value(layer.activation).name;
  const NamedTensors feed = {{activation, values.at(activation)}};
  const Graph piece = piece_of(graph, layer.segment, values);
  const Session engine(clone(piece), {.threads = threads, .float_attention = true});
  const Session referee(fake_quantized(piece, activation, layer.image), {.threads = threads, .optimize = false});
  const Tensor ours = engine.run(feed).at(0), theirs = referee.run(feed).at(0);
  LayerCheck& check = entry(report, layer.segment);
  check.elements += theirs.elements();
  compare_floats(ours, theirs, check);
}

// The pieces whose integers the file itself spells out, which are given what layers compute whose rows are quantized as
// they come; beside such layers none that only ends in floats.
std::vector<Segment> static_segments(const Graph& graph, const std::vector<PerRowLayer>& rows, bool others) {
  std::set<ValueId> given;
  for (const PerRowLayer& layer : rows) given.insert(graph.find(layer.segment.target));
  std::vector<Segment> segments = cut_at_quantized(graph, given);
  if (others || !rows.empty()) std::erase_if(segments, [](const Segment& s) { return s.quantize < 0; });
  return segments;
}

void compare_whole(const Graph& graph, const NamedTensors& feed, const std::vector<Tensor>& reference, int threads,
                   VerifyReport& report) {
  const Session session(clone(graph), {.threads = threads});
  const std::vector<Tensor> ours = session.run(feed);
  const std::vector<StepInfo> steps = session.steps();
  report.attentions = static_cast<int>(std::count_if(
      steps.begin(), steps.end(), [](const auto& step) { return step.kernel.starts_with("attention_s8"); }));
  for (std::size_t i = 0; i < ours.size(); ++i) {
    Sqnr sqnr;
    sqnr.add(reference[i], ours[i]);
    const std::string& name = session.output_names()[i];
    const auto known = std::find_if(report.sqnr_db.begin(), report.sqnr_db.end(),
                                    [&](const auto& pair) { return pair.first == name; });
    if (known == report.sqnr_db.end()) {
      report.sqnr_db.emplace_back(name, sqnr.db());
    } else {
      known->second = std::min(known->second, sqnr.db());
    }
  }
}

}  // namespace

void compare_integers(const Tensor& ours, const Tensor& theirs, const std::function<double(std::size_t)>& tie_distance,
                      LayerCheck& check) {
  const std::vector<std::int64_t> a = ours.to_int64(), b = theirs.to_int64();
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::int64_t steps = std::abs(a[i] - b[i]);
    check.largest = std::max(check.largest, static_cast<double>(steps));
    if (steps == 0) {
      ++check.equal;
    } else if (steps == 1 && tie_distance(i) <= kTie) {
      ++check.ties;
    } else {
      ++check.mismatches;
    }
  }
}

void compare_floats(const Tensor& ours, const Tensor& theirs, LayerCheck& check) {
  const std::vector<double> a = ours.to_double(), b = theirs.to_double();
  double largest = 0;
  for (const double value : b) largest = std::isfinite(value) ? std::max(largest, std::abs(value)) : largest;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool same = a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]));
    const double difference = same ? 0 : std::abs(a[i] - b[i]) / std::max(largest, 1e-30);
    if (std::isfinite(difference)) check.largest = std::max(check.largest, difference);
    ++(difference <= kFloatTolerance ? check.equal : check.mismatches);
  }
}

std::int64_t VerifyReport::total(std::int64_t LayerCheck::* count) const {
  return std::accumulate(layers.begin(), layers.end(), std::int64_t{0},
                         [&](std::int64_t sum, const LayerCheck& c) { return sum + c.*count; });
}

void verify(const Graph& graph, const NamedTensors& feed, int threads, VerifyReport& report,
            const std::function<void(std::int64_t done, std::int64_t total)>& progress) {
  const std::vector<PerRowLayer> rows = per_row_layers(graph, report.unchecked);
  const std::vector<Segment> segments = static_segments(graph, rows, report.unchecked != 0);
  const bool quantized =
      std::any_of(segments.begin(), segments.end(), [](const Segment& s) { return s.quantize >= 0; });
  if (!quantized && rows.empty() && report.unchecked == 0) {
    throw Error(ErrorKind::usage, "the network has no layer that quantizes activations: there is nothing to verify")
        .hint("verify what octet quantize wrote with --calibrate or --dynamic");
  }
  Values values(feed.begin(), feed.end());
  const Session reference(clone(graph), {.threads = threads, .optimize = false});
  const std::vector<Tensor> outputs =
      reference.run(feed, [&](const std::string& name, const Tensor& tensor) { values[name] = tensor.clone(); });
  for (std::size_t i = 0; i < outputs.size(); ++i) values[reference.output_names()[i]] = outputs[i];
  const auto total = static_cast<std::int64_t>(segments.size() + rows.size());
  std::int64_t done = 0;
  for (const Segment& segment : segments) {
    check_segment(graph, segment, values, threads, report);
    progress(++done, total);
  }
  for (const PerRowLayer& layer : rows) {
    check_per_row(graph, layer, values, threads, report);
    progress(++done, total);
  }
  compare_whole(graph, feed, outputs, threads, report);
}

Json to_json(const VerifyReport& report) {
  Json out;
  out["passed"] = report.passed();
  out["samples"] = report.samples;
  for (const auto& [name, count] :
       {std::pair("elements", &LayerCheck::elements), std::pair("equal", &LayerCheck::equal),
        std::pair("ties", &LayerCheck::ties), std::pair("mismatches", &LayerCheck::mismatches)}) {
    out[name] = report.total(count);
  }
  out["unchecked"] = report.unchecked;
  out["attentions_in_8_bits"] = report.attentions;
  out["sqnr_db"] = Json::object();
  for (const auto& [name, db] : report.sqnr_db) out["sqnr_db"][safe(name)] = finite_or_null(db);
  out["layers"] = Json::array();
  for (const LayerCheck& layer : report.layers) {
    out["layers"].push_back({{"name", safe(layer.name)},
                             {"op", safe(layer.op)},
                             {"elements", layer.elements},
                             {"equal", layer.equal},
                             {"ties", layer.ties},
                             {"mismatches", layer.mismatches},
                             {"largest_difference", layer.largest}});
  }
  return out;
}

std::string to_text(const VerifyReport& report, int width) {
  Table table({{"layer"},
               {"operator"},
               {"elements", Table::right},
               {"equal", Table::right},
               {"ties", Table::right},
               {"wrong", Table::right},
               {"largest", Table::right}});
  for (const LayerCheck& layer : report.layers) {
    if (layer.equal == layer.elements) continue;
    table.add({layer.name, layer.op, std::to_string(layer.elements), std::to_string(layer.equal),
               std::to_string(layer.ties), std::to_string(layer.mismatches), fmt::format("{:.3g}", layer.largest)});
  }
  std::string out = table.empty() ? "" : table.text(width) + '\n';
  out += fmt::format("{} layers, {} numbers: {} equal, {} at a rounding tie, {} wrong\n", report.layers.size(),
                     report.total(&LayerCheck::elements), report.total(&LayerCheck::equal),
                     report.total(&LayerCheck::ties), report.total(&LayerCheck::mismatches));
  if (report.total(&LayerCheck::ties) > 0) {
    out += fmt::format(
        "a tie: the real value lies within {} of a step of the border between two integers; exact sums and float "
        "sums may fall to either side\n",
        kTie);
  }
  if (report.unchecked > 0) {
    out += fmt::format("{} recurrent layers quantize their state as they go and are not checked one by one\n",
                       report.unchecked);
  }
  if (report.attentions > 0) {
    out += fmt::format(
        "attention, float in the file, runs in 8 bits ({} times): layers are checked with it in float, the whole "
        "network "
        "as it runs\n",
        report.attentions);
  }
  for (const auto& [name, db] : report.sqnr_db) {
    out += fmt::format("{}: integers against the float form of the file, over the whole network: {}\n", safe(name),
                       std::isfinite(db) ? fmt::format("{:.1f} dB", db) : "equal");
  }
  return out + (report.passed() ? "passed\n" : "failed\n");
}

}  // namespace octet::report
