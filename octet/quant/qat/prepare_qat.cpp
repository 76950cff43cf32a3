#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/ops/fake_quant_params.h"
#include "octet/quant/qat/plan.h"
#include "octet/quant/qat/qat.h"
#include "octet/quant/qat/switches.h"
#include "octet/quant/record.h"
#include "octet/quant/weights.h"

namespace octet {
namespace {

using namespace quant;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

constexpr float kInfinity = std::numeric_limits<float>::infinity();

class Preparer {
 public:
  Preparer(const Trainable& trainable, const QConfig& config, QatReport& report) : config_(config), report_(report) {
    out_ = trainable;
    out_.graph = clone(trainable.graph);
  }

  Trainable run() {
    Graph& g = graph();
    if (g.info.find_metadata(kQatMetadata) != nullptr) {
      throw Error(ErrorKind::usage, "the network is prepared for quantization-aware training already");
    }
    require_float(g);
    for (Node& node : g.nodes) node.name = g.label(node);  // names must not change with the nodes around
    plan_ = plan_qat(g, config_, report_.warnings);
    report_.nodes = plan_.nodes;
    g.opsets["octet"] = std::max(1, g.opset("octet"));
    const Switches switches = add_switches(g, config_.schedule);
    observe_ = switches.observe;
    quantize_ = switches.quantize;
    const Uses uses(g);
    for (const Layer& layer : plan_.candidates.layers) quantize_weight_of(layer);
    for (std::size_t i = 0; i < plan_.placement.sources.size(); ++i) quantize_group(plan_.placement.sources[i], uses);
    sort_topologically(g);
    g.info.set_metadata(kQatMetadata, to_json(config_));
    ops::infer_shapes(g);
    verify(g);
    return std::move(out_);
  }

 private:
  Graph& graph() { return out_.graph; }
  Node& node(int index) { return graph().nodes[at(index)]; }
  std::string name_of(ValueId id) { return graph().value(id).name; }

  ValueId constant(const std::string& name, Tensor tensor) {
    return graph().add_initializer(graph().fresh_name(name), std::move(tensor));
  }
  ValueId state(const std::string& name, Tensor tensor, ValueId updated) {
    const ValueId id = constant(name, std::move(tensor));
    out_.states.push_back({name_of(id), name_of(updated)});
    return id;
  }

  ops::RangeRule rule(const FakeQuantConfig& c) const {
    return {c.qmin, c.qmax, c.symmetric, c.fused, c.epsilon, c.power_of_two};
  }
  Attributes attributes(const FakeQuantConfig& c, int axis, bool observer) const {
    Attributes out;
    if (observer) {
      ops::set_range_rule(out, rule(c));
      out.set("averaging_constant", c.source == RangeSource::current ? 1.0F : c.averaging_constant);
      out.set("expand", std::int64_t{c.expand && c.source != RangeSource::current});
    } else {
      out.set("quant_min", std::int64_t{c.qmin});
      out.set("quant_max", std::int64_t{c.qmax});
      out.set("power_of_two", std::int64_t{c.power_of_two});
    }
    if (axis >= 0) out.set("axis", std::int64_t{axis});
    return out;
  }
  static Tensor filled(const Shape& shape, float value) {
    Tensor out(DType::f32, shape);
    std::fill_n(out.data<float>(), out.elements(), value);
    return out;
  }

  // One fake quantization of x, its states and parameters named after `name`; gives its output.
  ValueId fake_quantize(ValueId x, const std::string& name, const FakeQuantConfig& c, int axis, const Shape& channels) {
    if (c.source == RangeSource::learned) return learned(x, name, c, axis, channels);
    const bool current = c.source == RangeSource::current;
    Graph& g = graph();
    Node fq;
    fq.op_type = "ObservedFakeQuant";
    fq.domain = "octet";
    fq.name = g.fresh_name(name + "/fake_quant");
    fq.attributes = attributes(c, axis, true);
    static constexpr const char* kOutputs[] = {"/fake_quantized", "/new_range_min", "/new_range_max",
                                               "/new_clipped",    "/used_scale",    "/used_zero_point"};
    for (const char* output : kOutputs) fq.outputs.push_back(g.add_value(g.fresh_name(name + output)));
    if (current) {
      fq.inputs = {x,
                   constant(name + "/no_min", filled(channels, kInfinity)),
                   constant(name + "/no_max", filled(channels, -kInfinity)),
                   kNoValue,
                   kNoValue,
                   quantize_,
                   kNoValue};
    } else {
      fq.inputs = {x,
                   state(name + "/range_min", filled(channels, kInfinity), fq.outputs[1]),
                   state(name + "/range_max", filled(channels, -kInfinity), fq.outputs[2]),
                   state(name + "/clipped", Tensor::scalar(0.0F), fq.outputs[3]),
                   observe_,
                   quantize_,
                   kNoValue};
    }
    const ValueId y = fq.outputs[0];
    g.value(y).type = g.value(x).type;
    g.nodes.push_back(std::move(fq));
    return y;
  }

  // LSQ and LSQ+: a scale of 0 waits for calibration.
  struct Learned {
    ValueId start = kNoValue, scale = kNoValue, zero_point = kNoValue;
  };
  Learned learned_parameters(const std::string& name, const FakeQuantConfig& c, const Shape& channels) {
    Learned out;
    out.start = constant(name + "/scale_start", filled(channels, 0));
    const ValueId relative = constant(name + "/scale", filled(channels, 1));
    out.zero_point = constant(name + "/zero_point", filled(channels, 0));
    out_.parameters.push_back(name_of(relative));
    if (!c.symmetric) out_.parameters.push_back(name_of(out.zero_point));
    Graph& g = graph();
    out.scale = g.add_node("LearnedScale", {out.start, relative}, {}, g.fresh_name(name + "/learned_scale"), "octet");
    g.value(out.scale).type = {DType::f32, symbolic(channels)};
    return out;
  }
  ValueId learned(ValueId x, const std::string& name, const FakeQuantConfig& c, int axis, const Shape& channels) {
    const Learned parameters = learned_parameters(name, c, channels);
    last_scale_ = parameters.start;
    return fixed(x, name, c, axis, parameters.scale, parameters.zero_point, true);
  }
  ValueId fixed(ValueId x, const std::string& name, const FakeQuantConfig& c, int axis, ValueId scale, ValueId zero,
                bool is_learned) {
    Graph& g = graph();
    Node fq;
    fq.op_type = "FakeQuant";
    fq.domain = "octet";
    fq.name = g.fresh_name(name + "/fake_quant");
    fq.attributes = attributes(c, axis, false);
    if (is_learned) fq.attributes.set("learned", std::int64_t{1});
    fq.outputs = {g.add_value(g.fresh_name(name + "/fake_quantized"), g.value(x).type),
                  g.add_value(g.fresh_name(name + "/new_clipped"))};
    fq.inputs = {x, scale, zero, quantize_, state(name + "/clipped", Tensor::scalar(0.0F), fq.outputs[1])};
    const ValueId y = fq.outputs[0];
    g.nodes.push_back(std::move(fq));
    return y;
  }

  // ---- weights ----

  void quantize_weight_of(const Layer& layer) {
    const int index = plan_.view.original[at(layer.node)];
    const FakeQuantConfig& c = config_.weight;
    const int axis = c.per_channel ? layer.channel_axis : -1;
    const Shape channels = c.per_channel ? Shape{layer.channels} : Shape{};
    const auto norm = plan_.view.folded.find(index);
    const std::string name = name_of(layer.weight);
    ValueId factor = kNoValue, x = layer.weight;
    if (norm != plan_.view.folded.end()) {
      factor = batch_norm_factor(norm->second, layer, name);
      x = add("Mul", {layer.weight, factor}, name + "/scaled");
    }
    ValueId y = fake_quantize(x, name, c, axis, channels);
    if (c.source == RangeSource::learned) start_weight_scale(layer, norm, axis);
    if (factor != kNoValue) y = add("Div", {y, factor}, name + "/unscaled");
    for (ValueId& id : node(index).inputs) {
      if (id == layer.weight) id = y;
    }
  }

  ValueId add(const char* op, std::vector<ValueId> inputs, const std::string& name) {
    Graph& g = graph();
    const TypeInfo type = g.value(inputs[0]).type;
    const ValueId out = g.add_node(op, std::move(inputs), {}, g.fresh_name(name));
    g.value(out).type = type;
    return out;
  }
  // gamma / sqrt(variance + epsilon), shaped to scale the weight's output channels.
  ValueId batch_norm_factor(const FoldedBatchNorm& norm, const Layer& layer, const std::string& name) {
    const ValueId epsilon = constant(name + "/epsilon", Tensor::scalar(norm.epsilon));
    const ValueId deviation =
        add("Sqrt", {add("Add", {norm.variance, epsilon}, name + "/variance")}, name + "/deviation");
    const ValueId factor = add("Div", {norm.gamma, deviation}, name + "/factor");
    const int rank = graph().initializer(layer.weight)->rank();
    std::vector<std::int64_t> shape(at(rank), 1);
    shape[at(layer.channel_axis)] = layer.channels;
    const ValueId shape_id = constant(name + "/factor_shape", Tensor::from<std::int64_t>({rank}, shape));
    const ValueId out =
        graph().add_node("Reshape", {factor, shape_id}, {}, graph().fresh_name(name + "/shaped_factor"));
    graph().value(out).type = {DType::f32, symbolic(Shape(shape))};
    return out;
  }
  // Of the weight as it is quantized: the scale between 0.1 and 1 times largest / qmax with the least squared error.
  void start_weight_scale(const Layer& layer, std::map<int, FoldedBatchNorm>::const_iterator norm, int axis) {
    const Tensor& weight = *graph().initializer(layer.weight);
    require_finite(weight, name_of(layer.weight));
    const Channels by_output = channels_of(weight.shape(), layer.channel_axis);
    const bool folded = norm != plan_.view.folded.end();
    Tensor scale = *graph().initializer(last_scale_);
    std::vector<std::vector<float>> groups(at(scale.elements()));
    for (std::int64_t i = 0; i < weight.elements(); ++i) {
      const std::int64_t c = i / by_output.inner % by_output.count;
      float w = weight.data<float>()[i];
      if (folded) {
        const float variance = graph().initializer(norm->second.variance)->data<float>()[c];
        w *= graph().initializer(norm->second.gamma)->data<float>()[c] / std::sqrt(variance + norm->second.epsilon);
      }
      groups[axis < 0 ? 0 : at(c)].push_back(w);
    }
    for (std::size_t g = 0; g < groups.size(); ++g) scale.data<float>()[g] = best_scale(groups[g]);
  }
  float best_scale(const std::vector<float>& values) const {
    float largest = 0;
    for (const float v : values) largest = std::max(largest, std::abs(v));
    const auto low = static_cast<float>(config_.weight.qmin), high = static_cast<float>(config_.weight.qmax);
    float best = largest > 0 ? largest / high : 1.0F;  // a channel of zeros stays zeros
    double least = std::numeric_limits<double>::infinity();
    for (int k = 0; largest > 0 && k <= 30; ++k) {
      const float s = largest / high * (1 - 0.03F * static_cast<float>(k));
      double error = 0;
      for (const float v : values) {
        const double e = double{v} - double{s * std::clamp(std::nearbyint(v / s), low, high)};
        error += e * e;
      }
      if (error < least) {
        least = error;
        best = s;
      }
    }
    return best;
  }

  // ---- activations ----

  void quantize_group(const std::vector<ValueId>& sources, const Uses& uses) {
    FakeQuantConfig c = config_.activation;
    if (sources.size() == 1) {
      if (graph().initializer(sources[0]) != nullptr) c.source = RangeSource::current;  // a constant needs no average
      replace_readers(sources[0], fake_quantize(sources[0], name_of(sources[0]), c, -1, {}), uses);
      return;
    }
    // Values that meet in one tensor share one range.
    const std::string name = name_of(sources[0]);
    Graph& g = graph();
    ValueId scale = kNoValue, zero = kNoValue;
    if (c.source == RangeSource::learned) {
      const Learned parameters = learned_parameters(name, c, {});
      scale = parameters.scale;
      zero = parameters.zero_point;
    } else {
      Node range;
      range.op_type = "MovingRange";
      range.domain = "octet";
      range.name = g.fresh_name(name + "/range");
      range.attributes.set("averaging_constant", c.averaging_constant);
      range.attributes.set("expand", std::int64_t{c.expand});
      range.outputs = {g.add_value(g.fresh_name(name + "/new_range_min")),
                       g.add_value(g.fresh_name(name + "/new_range_max"))};
      range.inputs = {state(name + "/range_min", Tensor::scalar(kInfinity), range.outputs[0]),
                      state(name + "/range_max", Tensor::scalar(-kInfinity), range.outputs[1]), observe_, kNoValue};
      range.inputs.insert(range.inputs.end(), sources.begin(), sources.end());
      Node params;
      params.op_type = "RangeParams";
      params.domain = "octet";
      params.name = g.fresh_name(name + "/params");
      params.inputs = range.outputs;
      ops::set_range_rule(params.attributes, rule(c));
      params.outputs = {g.add_value(g.fresh_name(name + "/used_scale")),
                        g.add_value(g.fresh_name(name + "/used_zero_point"))};
      scale = params.outputs[0];
      zero = params.outputs[1];
      g.nodes.push_back(std::move(range));
      g.nodes.push_back(std::move(params));
    }
    for (const ValueId id : sources) {
      replace_readers(id, fixed(id, name_of(id), c, -1, scale, zero, c.source == RangeSource::learned), uses);
    }
  }

  // As insert_pairs does: all readers where the value is computed in int8, else those that read int8.
  void replace_readers(ValueId from, ValueId to, const Uses& uses) {
    const auto view_index = [&](int original) {
      const auto& list = plan_.view.original;
      const auto it = std::lower_bound(list.begin(), list.end(), original);
      return it != list.end() && *it == original ? static_cast<int>(it - list.begin()) : -1;
    };
    const Uses in_view(plan_.view.graph);
    const int producer = in_view.producer(from);
    const bool all = producer >= 0 && plan_.placement.int8[at(producer)];
    for (const int reader : uses.readers(from)) {
      const int index = view_index(reader);
      if (!all && (index < 0 || !plan_.placement.reads_int8(plan_.view.graph, index, from))) continue;
      const bool first_only = !all && moves(node(reader));
      for (ValueId& id : node(reader).inputs) {
        if (id == from) id = to;
        if (first_only) break;
      }
    }
    if (!all) return;
    Graph& g = graph();
    for (ValueId& id : g.outputs) {
      if (id != from) continue;
      // The output keeps its name.
      const std::string name = name_of(from);
      g.rename(from, g.fresh_name(name + "/unquantized"));
      g.rename(to, name);
      id = to;
    }
  }
  bool moves(const Node& n) {
    const OpDef* op = find_op(graph(), n);
    return op != nullptr &&
           (op->quant.kind == QuantRule::Kind::pass_through || op->quant.kind == QuantRule::Kind::lookup);
  }

  const QConfig& config_;
  QatReport& report_;
  Trainable out_;
  QatPlan plan_;
  ValueId observe_ = kNoValue, quantize_ = kNoValue, last_scale_ = kNoValue;
};

}  // namespace

Trainable prepare_qat(const Trainable& trainable, const QConfig& config, QatReport* report) {
  QatReport own;
  return Preparer(trainable, config, report != nullptr ? *report : own).run();
}

}  // namespace octet
