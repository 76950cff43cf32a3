// A prepared network becomes one in integers.
#include <fmt/format.h>

#include <algorithm>

#include "octet/formats/onnx/onnx.h"
#include "octet/quant/insert.h"
#include "octet/quant/prepare.h"
#include "octet/quant/qat/clip_levels.h"
#include "octet/quant/qat/plan.h"
#include "octet/quant/qat/qat.h"
#include "octet/quant/qat/sites.h"
#include "octet/quant/record.h"

namespace octet {
namespace {

using namespace quant;
using kernels::FakeQuantParams;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

Scheme scheme_of(const FakeQuantConfig& c) {
  return {c.qmin < 0 ? DType::i8 : DType::u8, c.qmin, c.qmax, c.symmetric, Numerics::torch};
}

Affine affine_of(const FakeQuantParams& p) { return {p.scale, static_cast<std::int32_t>(p.zero_point)}; }

// Names every fake quantization without parameters.
void require_parameters(const Stripped& stripped) {
  std::string missing;
  bool learned = false;
  for (std::size_t i = 0; i < stripped.sites.size(); ++i) {
    if (stripped.params[i]) continue;
    missing += (missing.empty() ? "'" : ", '") + printable(stripped.sites[i].name) + "'";
    learned = learned || stripped.sites[i].learned;
  }
  if (missing.empty()) return;
  throw Error(ErrorKind::bad_input,
              learned ? "learned scales were never set: " + missing : "observers that never saw data: " + missing)
      .hint(learned ? "calibrate_qat sets them from data, before training"
                    : "train for a step at least, or calibrate; a value that no step computes cannot be quantized");
}

class Converter {
 public:
  explicit Converter(const Trainable& prepared) : config_(prepared_config(prepared.graph)), stripped_(strip(prepared)) {
    result_.method = "qat";
    result_.warnings = clipping_warnings(prepared);
  }

  QuantizeResult run() {
    require_parameters(stripped_);
    Graph& float_graph = stripped_.graph;
    constexpr int kPerChannel = 13;  // DequantizeLinear takes an axis
    if (float_graph.opset() < kPerChannel) formats::raise_opset(float_graph, kPerChannel);
    QatPlan plan = plan_qat(float_graph, config_, result_.warnings);
    result_.nodes = plan.nodes;
    result_.coverage = coverage_of(result_.nodes);
    const bool narrow = config_.activation.qmax - config_.activation.qmin < 255;
    const bool few = config_.activation.qmax - config_.activation.qmin < 127 || config_.weight.qmax < 127;
    const InsertOptions options{.activation = scheme_of(config_.activation),
                                .weight = scheme_of(config_.weight),
                                .per_channel = config_.weight.per_channel,
                                .given = weights(plan),
                                .float_bias = few};
    Graph model = std::move(plan.view.graph);
    const std::vector<Affine> parameters = activations(model, plan.placement);
    std::vector<ValueId> sources;
    for (const auto& group : plan.placement.sources) sources.insert(sources.end(), group.begin(), group.end());
    insert_pairs(model, plan.candidates.layers, plan.placement, parameters, options, result_.warnings);
    if (narrow) clip_levels(model, sources, config_.activation.qmin, config_.activation.qmax);
    if (few) split_float_biases(model);
    remove_dead(model);
    std::erase_if(model.info.metadata, [](const auto& entry) { return entry.first == kQatMetadata; });
    finish(model);
    result_.model = std::move(model);
    write_metadata(result_, "torch", {{"qconfig", config_.name}});
    return std::move(result_);
  }

 private:
  std::map<int, std::vector<Affine>> weights(const QatPlan& plan) {
    std::map<int, std::vector<Affine>> out;
    for (const Layer& layer : plan.candidates.layers) {
      const std::string name = plan.view.graph.nodes[at(layer.node)].name;
      const auto it = stripped_.weights.find(name);
      if (it == stripped_.weights.end()) throw unprepared(name);
      int shifted = 0;
      for (const FakeQuantParams& p : *stripped_.params[at(it->second)]) {
        out[layer.node].push_back(affine_of(p));
        shifted += p.zero_point != 0;
      }
      if (shifted > 0) {
        result_.warnings.push_back(
            fmt::format("'{}': channels of its weight that have one sign only: {}; as in torch's fused modules their "
                        "zero point is not "
                        "0, so the layer computes in float",
                        printable(name), shifted));
      }
    }
    return out;
  }
  std::vector<Affine> activations(const Graph& graph, const Placement& placement) const {
    std::vector<Affine> out;
    for (const auto& sources : placement.sources) {
      const auto known =
          std::find_if(sources.begin(), sources.end(), [&](ValueId id) { return stripped_.activations.contains(id); });
      if (known == sources.end()) throw unprepared(sources.empty() ? "" : graph.value(sources[0]).name);
      out.push_back(affine_of(stripped_.params[at(stripped_.activations.at(*known))]->at(0)));
    }
    return out;
  }
  static Error unprepared(const std::string& name) {
    return Error(ErrorKind::bad_input, "the prepared network was changed: a part of it has no fake quantization")
        .tensor(name)
        .hint("prepare the network again");
  }

  QConfig config_;
  Stripped stripped_;
  QuantizeResult result_;
};

}  // namespace

QuantizeResult convert(const Trainable& prepared) { return Converter(prepared).run(); }

std::vector<std::string> clipping_warnings(const Trainable& prepared) {
  std::vector<std::string> out;
  for (const FakeQuantSite& site : find_sites(prepared.graph)) {
    const float limit = site.learned ? kLearnedClips : kKeepsClipping;
    for (std::size_t i = 0; i < site.clipped.size(); ++i) {
      const float share = prepared.graph.initializer(site.clipped[i])->data<float>()[0];
      if (!(share > limit)) continue;
      const Node& node = prepared.graph.nodes[at(site.nodes[i])];
      out.push_back(fmt::format(
          "'{}': its fake quantization keeps clipping {:.1f} % of the values{}",
          printable(site.nodes.size() == 1 ? site.name : prepared.graph.value(node.inputs[0]).name), 100 * share,
          site.learned ? ""
                       : ": its range follows slower than the values move; train on, let ranges follow faster "
                         "(averaging_constant, expand), or quantize later (schedule)"));
    }
  }
  return out;
}

Graph fake_quantized_form(const Trainable& prepared) {
  Graph graph = inference_form(prepared);
  for (const FakeQuantSite& site : find_sites(graph)) {
    const auto params = site_params(graph, site);
    if (!params && !site.current) {
      throw Error(ErrorKind::bad_input, "a fake quantization has no parameters yet")
          .tensor(site.name)
          .hint("train or calibrate first");
    }
    for (const int n : site.nodes) {
      Node& node = graph.nodes[at(n)];
      if (site.current) {
        node.inputs.resize(3);  // always observing, always quantizing
        continue;
      }
      const Shape shape = site.axis < 0 ? Shape{} : Shape{static_cast<std::int64_t>(params->size())};
      Tensor scale(DType::f32, shape), zero(DType::f32, shape);
      for (std::size_t c = 0; c < params->size(); ++c) {
        scale.data<float>()[c] = (*params)[c].scale;
        zero.data<float>()[c] = (*params)[c].zero_point;
      }
      Attributes attributes;
      attributes.set("quant_min", std::int64_t{site.rule.qmin});
      attributes.set("quant_max", std::int64_t{site.rule.qmax});
      if (site.axis >= 0) attributes.set("axis", std::int64_t{site.axis});
      node.op_type = "FakeQuant";
      node.attributes = attributes;
      node.inputs = {node.inputs[0], graph.add_initializer(graph.fresh_name(site.name + "/fixed_scale"), scale),
                     graph.add_initializer(graph.fresh_name(site.name + "/fixed_zero_point"), zero)};
      node.outputs.resize(1);
    }
  }
  remove_dead(graph);
  const Uses uses(graph);
  std::erase_if(graph.inputs,
                [&](ValueId id) { return graph.value(id).name == "octet.step" && uses.readers(id).empty(); });
  return graph;
}

}  // namespace octet
