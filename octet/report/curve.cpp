#include "octet/report/curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/report/text.h"

namespace octet::report {
namespace {

constexpr int kWidth = 640, kHeight = 240, kLeft = 64, kRight = 16, kTop = 16, kBottom = 36;

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  void add(double x) {
    low = std::min(low, x);
    high = std::max(high, x);
  }
  double part(double x) const { return high > low ? (x - low) / (high - low) : 0.5; }
};

std::string number(double x, bool percent) {
  return percent ? fmt::format("{:.2f} %", 100 * x) : fmt::format("{:.4g}", x);
}

}  // namespace

std::string html(const std::string& text) {
  std::string out;
  for (const char c : safe(text)) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string to_svg(const Curve& curve) {
  Range xs, ys;
  for (const auto& [x, y] : curve.points) {
    if (!std::isfinite(x) || !std::isfinite(y)) continue;
    xs.add(x);
    ys.add(y);
  }
  std::string out = fmt::format("<figure><figcaption>{}</figcaption><svg viewBox=\"0 0 {} {}\" role=\"img\">",
                                html(curve.title), kWidth, kHeight);
  if (!(xs.low <= xs.high)) return out + "<text x=\"64\" y=\"120\">no values</text></svg></figure>\n";
  const auto px = [&](double x) { return kLeft + xs.part(x) * (kWidth - kLeft - kRight); };
  const auto py = [&](double y) { return kHeight - kBottom - ys.part(y) * (kHeight - kTop - kBottom); };
  for (int i = 0; i <= 4; ++i) {
    const double y = ys.low + (ys.high - ys.low) * i / 4, at = py(y);
    out += fmt::format("<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>", kLeft, kWidth - kRight,
                       at, at);
    out += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>", kLeft - 6, at + 4,
                       number(y, curve.percent));
    if (ys.high <= ys.low) break;
  }
  for (const double x : {xs.low, xs.high}) {
    out += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>", px(x), kHeight - kBottom + 16,
                       number(x, false));
    if (xs.high <= xs.low) break;
  }
  out += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>", (kLeft + kWidth - kRight) / 2,
                     kHeight - 4, html(curve.x_label));
  std::string path;
  bool pen_down = false;
  for (std::size_t i = 0; i < curve.points.size(); ++i) {
    const auto& [x, y] = curve.points[i];
    if (!std::isfinite(x) || !std::isfinite(y)) {
      pen_down = false;
      continue;
    }
    path += fmt::format("{}{:.1f} {:.1f}", pen_down ? "L" : "M", px(x), py(y));
    pen_down = true;
    if (curve.points.size() <= 2 * kWidth) continue;
    // Of the points in one pixel column only the lowest and the highest can be seen.
    std::size_t end = i;
    Range column;
    while (end + 1 < curve.points.size() && std::floor(px(curve.points[end + 1].first)) == std::floor(px(x))) {
      ++end;
      if (std::isfinite(curve.points[end].second)) column.add(curve.points[end].second);
    }
    if (end > i && column.low <= column.high)
      path += fmt::format("L{:.1f} {:.1f}L{:.1f} {:.1f}", px(x), py(column.low), px(x), py(column.high));
    i = end;
  }
  out += "<path d=\"" + path + "\"/>";
  if (curve.points.size() <= 50) {
    for (const auto& [x, y] : curve.points) {
      if (std::isfinite(x) && std::isfinite(y))
        out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"/>", px(x), py(y));
    }
  }
  return out + "</svg></figure>\n";
}

}  // namespace octet::report
