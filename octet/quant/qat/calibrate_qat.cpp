#include <algorithm>
#include <cmath>

#include "octet/quant/calibrate.h"
#include "octet/quant/qat/plan.h"
#include "octet/quant/qat/qat.h"
#include "octet/quant/qat/sites.h"
#include "octet/quant/qat/switches.h"

namespace octet {

using namespace quant;

void calibrate_qat(Trainable& prepared, const CalibrationSource& source, Observer observer, int threads) {
  const QConfig config = prepared_config(prepared.graph);
  const Stripped stripped = strip(prepared);
  std::vector<std::vector<std::string>> names(stripped.sites.size());
  std::vector<ValueId> values;
  for (const auto& [value, site] : stripped.activations) {
    if (stripped.sites[static_cast<std::size_t>(site)].current) continue;
    values.push_back(value);
    names[static_cast<std::size_t>(site)].push_back(stripped.graph.value(value).name);
  }
  Statistics statistics(observer);
  std::vector<std::string> warnings;
  collect(stripped.graph, Probe(stripped.graph, values, threads), {source, false, {}}, statistics, warnings);
  const FakeQuantConfig& c = config.activation;
  const Scheme scheme{c.qmin < 0 ? DType::i8 : DType::u8, c.qmin, c.qmax, c.symmetric, Numerics::torch};
  const auto put = [&](const std::string& name, float value) {
    Tensor tensor = *prepared.graph.initializer(prepared.graph.find(name));
    tensor.data<float>()[0] = value;  // in place: whoever holds the tensor sees it
  };
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) continue;
    const FakeQuantSite& site = stripped.sites[i];
    const auto name = [&](ValueId id) { return stripped.graph.value(id).name; };
    const Range range = statistics.range(names[i], scheme, {});
    if (site.scale != kNoValue) {
      const auto params = ops::params_of(std::min(range.min, 0.0F), std::max(range.max, 0.0F), site.rule);
      put(name(site.scale_start), params.scale);
      put(name(site.scale), 1);
      put(name(site.zero_point), params.zero_point);
    } else {
      put(name(site.min), range.min);
      put(name(site.max), range.max);
    }
  }
}

Trainable with_schedule(const Trainable& prepared, const RangeSchedule& schedule) {
  QConfig config = prepared_config(prepared.graph);
  config.schedule = schedule;
  Trainable out = prepared;
  out.graph = clone(prepared.graph);
  const Switches switches = add_switches(out.graph, schedule);
  const auto put = [](Node& node, std::size_t slot, ValueId id) {
    if (node.inputs.size() <= slot) node.inputs.resize(slot + 1, kNoValue);
    node.inputs[slot] = id;
  };
  for (Node& node : out.graph.nodes) {
    if (node.domain != "octet") continue;
    if (node.op_type == "MovingRange") put(node, 2, switches.observe);
    if (node.op_type == "FakeQuant") put(node, 3, switches.quantize);
    if (node.op_type != "ObservedFakeQuant") continue;
    const bool current = node.attributes.real("averaging_constant", 0) >= 1;
    put(node, 4, current ? kNoValue : switches.observe);
    put(node, 5, switches.quantize);
  }
  sort_topologically(out.graph);
  out.graph.info.set_metadata(kQatMetadata, to_json(config));
  return out;
}

Trainable freeze_batch_norms(const Trainable& trainable) {
  Trainable out = trainable;
  out.graph = clone(trainable.graph);
  std::vector<std::string> kept;
  for (Node& node : out.graph.nodes) {
    if (node.op_type != "BatchNormTraining" || node.domain != "octet") continue;
    node.op_type = "BatchNormalization";
    node.domain.clear();
    node.attributes.erase("unbiased");
    for (std::size_t i = 1; i < node.outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue) kept.push_back(out.graph.value(node.outputs[i]).name);
    }
    node.outputs.resize(1);
  }
  std::erase_if(out.states, [&](const Trainable::State& state) {
    return std::find(kept.begin(), kept.end(), state.updated) != kept.end();
  });
  return out;
}

}  // namespace octet
