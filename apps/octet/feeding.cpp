#include "apps/octet/feeding.h"

#include "apps/octet/terminal.h"

namespace octet::app {

std::unique_ptr<formats::Dataset> open_data(const DataOptions& data, const Graph& graph,
                                            const std::string& model_path) {
  return formats::open_dataset(data.path, graph, model_path, data.options);
}

std::int64_t for_each_feed(formats::Dataset& data, std::int64_t batch, const std::string& what,
                           const std::function<void(const formats::Feed&)>& use) {
  Progress progress;
  std::int64_t samples = 0;
  for (std::int64_t at = 0; at < data.size();) {
    const formats::Feed feed = data.read(at, batch);
    if (feed.samples > 0) use(feed);
    samples += feed.samples;
    at = feed.next;
    progress.update(what, at, data.size());
  }
  if (samples == 0) throw Error(ErrorKind::bad_input, "the data holds no sample that can be used");
  return samples;
}

CalibrationSource calibration_from(std::shared_ptr<formats::Dataset> data, std::int64_t batch) {
  return [data = std::move(data), batch, at = std::int64_t{0}](bool first) mutable -> std::optional<NamedTensors> {
    if (first) at = 0;
    while (at < data->size()) {
      formats::Feed feed = data->read(at, batch);
      at = feed.next;
      if (feed.samples > 0) return std::move(feed.inputs);
    }
    return std::nullopt;
  };
}

}  // namespace octet::app
