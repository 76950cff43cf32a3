// Curves as SVG, for pages that stand for themselves.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace octet::report {

struct Curve {
  std::string title, x_label;
  std::vector<std::pair<double, double>> points;  ///< by x; those that are not finite leave a gap
  bool percent = false;                           ///< y is a share
};

/// One <svg> with axes, grid and the line; of many points the smallest and largest in each pixel column are drawn.
std::string to_svg(const Curve& curve);
/// `text` as HTML shows it: made safe, then < > & and quotes as entities.
std::string html(const std::string& text);

}  // namespace octet::report
