#include "octet/report/train_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "octet/report/curve.h"
#include "octet/report/json_forms.h"
#include "octet/report/metrics.h"
#include "octet/report/table.h"
#include "octet/report/text.h"

namespace octet::report {

using Json = nlohmann::ordered_json;

namespace {

Json number(const std::optional<double>& value) { return value ? finite_or_null(*value) : Json(); }

std::string shown(const std::string& metric, const std::optional<double>& value) {
  if (!value) return "-";
  return is_share(metric) ? percent(*value) : fmt::format("{:.6g}", *value);
}

constexpr const char* kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:720px;margin:2em auto;padding:0 1em;color:#222;background:#fff}"
    "figure{margin:1.5em 0}figcaption{font-weight:600}svg{width:100%;height:auto}svg text{font-size:11px;fill:#555}"
    "path{fill:none;stroke:#0b62a4;stroke-width:1.5}circle{fill:#0b62a4}.grid{stroke:#ddd}"
    "table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}"
    "td:first-child,th:first-child{text-align:left}";

}  // namespace

Json epoch_line(const train::EpochReport& epoch, const std::string& metric) {
  return {{"epoch", epoch.epoch},     {"step", epoch.steps},
          {"samples", epoch.samples}, {"train_loss", finite_or_null(epoch.train_loss)},
          {"metric", metric},         {"eval", number(epoch.eval)},
          {"rate", epoch.rate}};
}

Json step_line(const train::StepReport& step) {
  return {{"step", step.step},       {"epoch", step.epoch},
          {"samples", step.samples}, {"loss", finite_or_null(step.loss)},
          {"rate", step.rate},       {"gradient_norm", finite_or_null(step.gradient_norm)},
          {"seconds", step.seconds}};
}

Json to_json(const TrainReport& report) {
  const train::TrainResult& result = report.result;
  Json out;
  out["output"] = safe(report.output);
  out["method"] = report.method;
  out["epochs"] = result.epochs.size();
  out["steps"] = result.steps;
  out["train_loss"] = result.epochs.empty() ? Json() : finite_or_null(result.epochs.back().train_loss);
  out["metric"] = report.metric;
  out["eval"] = result.epochs.empty() ? Json() : number(result.epochs.back().eval);
  out["seconds"] = report.seconds;
  out["peak_memory_bytes"] = report.peak_memory_bytes;
  out["parameters"] = result.parameter_count;
  out["optimizer_bytes"] = result.optimizer_bytes;
  if (result.eight_bit) {
    out["bytes_per_parameter"] = result.eight_bit->per_parameter();
    out["skipped_steps"] = result.skipped_steps;
  }
  out["history"] = Json::array();
  for (const train::EpochReport& epoch : result.epochs) out["history"].push_back(epoch_line(epoch, report.metric));
  out["warnings"] = Json::array();
  for (const std::string& warning : result.warnings) out["warnings"].push_back(safe(warning));
  return out;
}

std::string to_text(const TrainReport& report, int width) {
  Table table(
      {{"epoch", Table::right}, {"train loss", Table::right}, {report.metric, Table::right}, {"rate", Table::right}});
  for (const train::EpochReport& epoch : report.result.epochs) {
    table.add({std::to_string(epoch.epoch), fmt::format("{:.6g}", epoch.train_loss), shown(report.metric, epoch.eval),
               fmt::format("{:.4g}", epoch.rate)});
  }
  return table.text(width) + fmt::format("{} parameters, {} of optimizer state, {} steps in {:.1f} s, peak memory {}\n",
                                         count_text(report.result.parameter_count),
                                         bytes_text(report.result.optimizer_bytes), report.result.steps, report.seconds,
                                         bytes_text(report.peak_memory_bytes));
}

std::string to_html(const TrainReport& report) {
  Curve loss{"Training loss by step", "step", {}, false}, rate{"Learning rate", "step", {}, false};
  Curve epoch_loss{"Training loss by epoch", "epoch", {}, false},
      eval{report.metric + " by epoch", "epoch", {}, is_share(report.metric)};
  for (const train::StepReport& step : report.steps) {
    loss.points.emplace_back(static_cast<double>(step.step), step.loss);
    rate.points.emplace_back(static_cast<double>(step.step), step.rate);
  }
  std::string rows;
  for (const train::EpochReport& epoch : report.result.epochs) {
    epoch_loss.points.emplace_back(static_cast<double>(epoch.epoch), epoch.train_loss);
    if (epoch.eval) eval.points.emplace_back(static_cast<double>(epoch.epoch), *epoch.eval);
    rows += fmt::format("<tr><td>{}</td><td>{:.6g}</td><td>{}</td><td>{:.4g}</td></tr>\n", epoch.epoch,
                        epoch.train_loss, shown(report.metric, epoch.eval), epoch.rate);
  }
  std::string settings;
  for (const auto& [name, value] : report.settings)
    settings += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", html(name), html(value));
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>octet train: "
      "{0}</title><style>{1}</style></head>"
      "<body>\n<h1>{0}</h1>\n<p>{2}, written to {3}: {4} steps in {5:.1f} s, peak memory {6}.</p>\n{7}{8}{9}{10}"
      "<table><tr><th>epoch</th><th>training loss</th><th>{11}</th><th>rate</th></tr>\n{12}</table>\n"
      "<h2>Settings</h2>\n<table>{13}</table>\n</body></html>\n",
      html(report.model), kStyle, html(report.method), html(report.output), report.result.steps, report.seconds,
      bytes_text(report.peak_memory_bytes), to_svg(loss), to_svg(epoch_loss), to_svg(eval), to_svg(rate),
      html(report.metric), rows, settings);
}

}  // namespace octet::report
