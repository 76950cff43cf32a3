// Percentile: leaves out (100 - percentile) % of the values, half of them on each side.
// Source: the Percentile method of ONNX Runtime's tool; the histogram is finer (see FloatHistogram).
#include "octet/quant/observers/histogram_observer.h"
#include "octet/quant/observers/observers.h"

namespace octet::quant {
namespace {

class Percentile : public HistogramObserver {
 public:
  Range range(const Scheme&, const RangeOptions& options) const override {
    if (histogram_.count() == 0) return kNothing;
    const double cut = (100 - options.percentile) / 200;
    return {static_cast<float>(histogram_.quantile(cut)), static_cast<float>(histogram_.quantile(1 - cut))};
  }
};

}  // namespace

std::unique_ptr<ObserverState> make_percentile() { return std::make_unique<Percentile>(); }

}  // namespace octet::quant
