#include "octet/quant/qat/switches.h"

namespace octet::quant {
namespace {

class Builder {
 public:
  explicit Builder(Graph& graph) : graph_(graph) {}

  ValueId from(std::int64_t first) {
    return first <= 0 ? kNoValue : node("Not", {node("Less", {step(), number(first)})});
  }
  ValueId until(std::int64_t last) { return last < 0 ? kNoValue : node("Less", {step(), number(last)}); }
  ValueId both(ValueId a, ValueId b) {
    if (a == kNoValue || b == kNoValue) return a == kNoValue ? b : a;
    return node("And", {a, b});
  }
  ValueId as_float(ValueId condition, const std::string& name) {
    if (condition == kNoValue) return kNoValue;
    Attributes to;
    to.set("to", static_cast<std::int64_t>(DType::f32));
    const ValueId out = graph_.add_node("Cast", {condition}, to, graph_.fresh_name(name));
    graph_.value(out).type = {DType::f32, SymbolicShape{}};
    return out;
  }

 private:
  ValueId step() {
    const ValueId found = graph_.find("octet.step");
    return found != kNoValue ? found : graph_.add_input("octet.step", DType::i64, {});
  }
  ValueId number(std::int64_t n) {
    return graph_.add_initializer(graph_.fresh_name("octet.qat/step"), Tensor::scalar(n));
  }
  ValueId node(const char* op, std::vector<ValueId> inputs) {
    const ValueId out = graph_.add_node(op, std::move(inputs));
    graph_.value(out).type = {DType::boolean, SymbolicShape{}};
    return out;
  }

  Graph& graph_;
};

}  // namespace

Switches add_switches(Graph& graph, const RangeSchedule& schedule) {
  Builder build(graph);
  const ValueId observe = build.both(build.from(schedule.observe_from), build.until(schedule.observe_until));
  const ValueId quantize = build.from(schedule.quantize_from);
  return {build.as_float(observe, "octet.qat/observe"), build.as_float(quantize, "octet.qat/quantize")};
}

}  // namespace octet::quant
