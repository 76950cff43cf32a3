#include <fmt/format.h>

#include "bench/page/sections.h"

namespace octet::bench {
namespace {

struct Step {
  double ours, its, our_peak, its_peak;
};

Step step_of(const Json& r) {
  const double nchw = number(r, {"nchw", "min_ms"}), nhwc = number(r, {"nhwc", "min_ms"});
  const char* faster = nhwc < nchw ? "nhwc" : "nchw";
  return {number(r, {"octet", "min_ms"}), std::fmin(nchw, nhwc), number(r, {"octet", "peak_bytes"}),
          number(r, {faster, "peak_bytes"})};
}

// Of the same network with the same threads in float.
double float_ms(const Json& rows, const Json& of) {
  for (const Json& r : rows) {
    if (r["network"] == of["network"] && r["threads"] == of["threads"] && r["kind"] == "fp32") return step_of(r).ours;
  }
  return kNothing;
}

}  // namespace

std::string training_section(const Json& results) {
  std::string out = section_head(results, "Training steps", "training",
                                 "Forward, backward and an update by SGD with momentum, batch 128: "
                                 "`build/bench/training_bench MODEL|small [--qat octet] "
                                 "--threads T` and PyTorch (the faster of its two memory layouts), processes in turns. "
                                 "The small network is that of "
                                 "Fashion-MNIST.");
  out += head({"network", "step", "threads", "PyTorch ms", "Octet ms", "ours over its", "asked", "reached",
               "ours over our float step", "asked", "reached", "peak MB, ours", "PyTorch"});
  const Json rows = results.value("training", Json::array());
  for (const Json& r : rows) {
    const Step s = step_of(r);
    const bool qat = r["kind"] == "qat";
    const double over_float = qat ? s.ours / float_ms(rows, r) : kNothing;
    std::vector<std::string> more = at_most(s.ours / s.its, qat ? 0.5 : 0.8);
    more.push_back(text(over_float, 2));
    for (const std::string& cell : qat ? at_most(over_float, 1.25) : nothing_asked()) more.push_back(cell);
    more.push_back(megabytes(s.our_peak));
    more.push_back(megabytes(s.its_peak));
    out += row({r["network"].get<std::string>(), r["kind"].get<std::string>(), r["threads"].dump(), milliseconds(s.its),
                milliseconds(s.ours), text(s.ours / s.its, 2)},
               more);
  }
  return out + "\n";
}

}  // namespace octet::bench
