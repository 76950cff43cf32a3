#include "octet/report/eval_report.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "octet/report/json_forms.h"
#include "octet/report/metrics.h"
#include "octet/report/table.h"
#include "octet/report/text.h"

namespace octet::report {

using Json = nlohmann::ordered_json;

namespace {

Json number(const std::optional<double>& value) { return value ? finite_or_null(*value) : Json(); }

std::string shown(const std::string& metric, const std::optional<double>& value) {
  if (!value) return "no expected answers";
  return is_share(metric) ? percent(*value) : fmt::format("{:.6g}", *value);
}

}  // namespace

Json to_json(const EvalReport& report) {
  Json out;
  out["metric"] = report.metric;
  out["value"] = number(report.value);
  out["samples"] = report.samples;
  if (report.compared) {
    out["reference_value"] = number(report.reference_value);
    out["agreement"] = report.agreement;
    out["sqnr_db"] = Json::object();
    for (const auto& [name, db] : report.sqnr_db) out["sqnr_db"][safe(name)] = finite_or_null(db);
  }
  out["warnings"] = Json::array();
  for (const std::string& warning : report.warnings) out["warnings"].push_back(safe(warning));
  return out;
}

std::string to_text(const EvalReport& report, int width) {
  Table table({{""}, {"value", Table::right}});
  table.add({report.metric, shown(report.metric, report.value)});
  if (report.compared) {
    table.add({"reference", shown(report.metric, report.reference_value)});
    table.add({"agreement", percent(report.agreement)});
    for (const auto& [name, db] : report.sqnr_db) {
      table.add({"SQNR " + name, std::isfinite(db) ? fmt::format("{:.1f} dB", db) : "equal"});
    }
  }
  table.add({"samples", std::to_string(report.samples)});
  std::string text = table.text(width);
  return text.substr(text.find('\n') + 1);  // two columns of this kind need no titles
}

}  // namespace octet::report
