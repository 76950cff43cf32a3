#include "octet/report/quantize_report.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "octet/report/json_forms.h"
#include "octet/report/table.h"
#include "octet/report/text.h"

namespace octet::report {
namespace {

using Json = nlohmann::ordered_json;

Json optional_number(const std::optional<double>& value) { return value ? finite_or_null(*value) : Json(); }

std::string decibels(const std::optional<double>& value) { return value ? fmt::format("{:.1f}", *value) : ""; }

// Float weights that a node reads.
std::int64_t weight_elements(const Graph& graph, const Node& node) {
  std::int64_t elements = 0;
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    const Tensor* tensor = node.inputs[i] == kNoValue ? nullptr : graph.initializer(node.inputs[i]);
    if (tensor != nullptr && is_float(tensor->dtype()) && tensor->rank() > 1) elements += tensor->elements();
  }
  return elements;
}

}  // namespace

Forecast forecast(const Graph& graph, const QuantizeResult& result, std::int64_t size_before, double float_gflops,
                  double int8_gops) {
  std::map<std::string, const NodeRecord*> records;
  double float_macs = 0, int8_macs = 0;
  for (const NodeRecord& record : result.nodes) {
    records[record.name] = &record;
    (record.quantized ? int8_macs : float_macs) += static_cast<double>(record.macs);
  }
  Forecast out;
  out.size_after = size_before;
  for (const Node& node : graph.nodes) {
    const auto record = records.find(graph.label(node));
    if (record == records.end() || !record->second->quantized) continue;
    const double saved = 4 - record->second->weight_bits / 8;
    out.size_after -= static_cast<std::int64_t>(saved * static_cast<double>(weight_elements(graph, node)));
  }
  out.ms_before = 2e-6 * (float_macs + int8_macs) / float_gflops;
  out.ms_after = 2e-6 * (float_macs / float_gflops + int8_macs / int8_gops);
  return out;
}

Json to_json(const QuantizeReport& report) {
  const QuantizeResult& result = *report.result;
  Json out;
  out["output"] = report.output.empty() ? Json() : Json(safe(report.output));
  out["method"] = result.method;
  out["size_before"] = report.size_before;
  out["size_after"] = report.size_after;
  out["coverage"] = result.coverage;
  out["nodes"] = Json::array();
  for (const NodeRecord& node : result.nodes) {
    out["nodes"].push_back({{"name", safe(node.name)},
                            {"op", safe(node.op)},
                            {"quantized", node.quantized},
                            {"reason", safe(node.reason)},
                            {"macs", node.macs},
                            {"sqnr_db", optional_number(node.sqnr_db)},
                            {"end_sqnr_db", optional_number(node.end_sqnr_db)}});
  }
  out["warnings"] = Json::array();
  for (const std::string& warning : result.warnings) out["warnings"].push_back(safe(warning));
  if (report.forecast)
    out["forecast"] = {{"ms_before", report.forecast->ms_before}, {"ms_after", report.forecast->ms_after}};
  return out;
}

std::string to_text(const QuantizeReport& report, int width) {
  const QuantizeResult& result = *report.result;
  Table table({{"node"}, {"operator"}, {""}, {"MACs", Table::right}, {"SQNR dB", Table::right}, {"why"}});
  int quantized = 0;
  for (const NodeRecord& node : result.nodes) {
    quantized += node.quantized ? 1 : 0;
    table.add({node.name, node.op,
               !node.quantized        ? "float"
               : node.weight_bits < 8 ? "int4"
                                      : "int8",
               node.macs > 0 ? count_text(node.macs) : "", decibels(node.sqnr_db), node.reason});
  }
  std::string out = table.text(width);
  out += fmt::format("\n{}: {} of {} nodes quantized, {} of the multiply-accumulates in int8", result.method, quantized,
                     result.nodes.size(), percent(result.coverage));
  if (report.size_after > 0) {
    out +=
        fmt::format("\n{} -> {} ({:.2f} times smaller)", bytes_text(report.size_before), bytes_text(report.size_after),
                    static_cast<double>(report.size_before) / static_cast<double>(report.size_after));
  }
  if (report.forecast) {
    out += fmt::format("\nexpected: products of one run take {} instead of {}", milliseconds(report.forecast->ms_after),
                       milliseconds(report.forecast->ms_before));
  }
  return out + '\n';
}

}  // namespace octet::report
