#include <fmt/format.h>

#include "bench/page/sections.h"

namespace octet::bench {
namespace {

// What is asked of a kernel, as a percentage of the peak.
double asked_of_peak(const std::string& name) {
  if (name == "int8 Linear 128x768x768") return 93;
  if (name == "int8 3x3 28x28x64 -> 64") return 92;
  if (name == "int8 1x1 56x56x64 -> 256") return 85;
  if (name == "int8 stem 7x7 224x224x3 -> 64") return 60;
  if (name == "int8 stem 3x3 224x224x3 -> 32") return 35;
  return kNothing;
}

std::string line_of(const Json& k) {
  const std::string name = k["name"].get<std::string>();
  const double of_peak = number(k, {"gops"}) / number(k, {"peak_gops"});
  const double ratio = number(k, {"onednn_us"}) / number(k, {"us"});
  std::vector<std::string> asked = nothing_asked();
  if (const double peak = asked_of_peak(name); !std::isnan(peak)) asked = at_least(100 * of_peak, peak, " % of peak");
  if (name.starts_with("int8 depthwise")) asked = at_least(ratio, 2, " x oneDNN");
  return row({name, text(number(k, {"us"}), 1), text(number(k, {"gops"}), 0), percent(of_peak),
              text(number(k, {"onednn_gops"}), 0), text(ratio, 2), k["limit"].get<std::string>()},
             asked);
}

bool is_weight_only(const Json& k) { return k.contains("weight_gbytes"); }

std::string weight_only(const Json& kernels, const Json& lines) {
  std::string out =
      "### Weight-only products\n\nOne float row by integer weights, which are read once: with one set of weights "
      "again "
      "and again, and with copies of them in turn that the caches do not hold together. The bandwidth is that of "
      "reading the same weights, in the same turns. In a session: the section `linear`, `build/bench/linear_bench "
      "--method weights --m 1 --k 2048 --n 5632`.\n\n" +
      head({"product", "us", "weights lie in", "GB/s of weights", "measured bandwidth", "share", "of the int8 peak",
            "limited by", "asked", "reached"});
  const auto line = [](const std::string& name, double us, const std::string& level, double ours, double read,
                       const std::string& of_peak, const std::string& limit) {
    return row({name, text(us, 1), level, text(ours, 1), text(read, 1), percent(ours / read), of_peak, limit},
               at_least(100 * ours / read, 85, " % of bandwidth"));
  };
  for (const Json& k : kernels) {
    if (is_weight_only(k))
      out += line(k["name"], number(k, {"us"}), k["level"], number(k, {"weight_gbytes"}), number(k, {"read_gbytes"}),
                  percent(number(k, {"of_peak"})), k["limit"]);
  }
  return out +
         line("int8 1x5632x2048 in a session", 1e3 * least(lines, "weights", "min_ms"), "caches, where they hold them",
              largest(lines, "weights", "weight_gbytes"), largest(lines, "weights", "read_gbytes"), "", "") +
         "\n";
}

}  // namespace

std::string kernels_section(const Json& results) {
  std::string out = section_head(
      results, "Kernels, one thread", "kernels",
      "Or `build/bench/kernels_bench [NAME...]`: processor time, ours and oneDNN's taking turns. The peak is a loop of "
      "the "
      "machine's int8 or float multiply-add on registers, measured in the same turns. Limits: see the last section.");
  out += head({"kernel", "us", "Gop/s", "of peak", "oneDNN Gop/s", "oneDNN's time over ours", "limited by", "asked",
               "reached"});
  const Json kernels = results.value("kernels", Json::array());
  for (const Json& k : kernels) {
    if (!is_weight_only(k)) out += line_of(k);
  }
  return out + "\n" + weight_only(kernels, results.value("weights", Json::array()));
}

}  // namespace octet::bench
