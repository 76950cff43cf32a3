// Weight-only quantization: weights of 8 or 4 bits that DequantizeLinear gives back; the arithmetic stays float.
#include <fmt/format.h>

#include <map>
#include <tuple>

#include "octet/base/mapped_file.h"
#include "octet/formats/onnx/onnx.h"
#include "octet/quant/block_weights.h"
#include "octet/quant/prepare.h"
#include "octet/quant/record.h"
#include "octet/quant/stored_weights.h"
#include "octet/quant/weights.h"

namespace octet {
namespace {

using namespace quant;

class WeightOnlyQuantizer {
 public:
  WeightOnlyQuantizer(const WeightOnly& method, const QuantizeOptions& options, QuantizeResult& result)
      : method_(method), options_(options), result_(result), matcher_(method.exclude) {}

  // `prefix` names the node whose subgraph this is.
  void quantize(Graph& graph, const std::string& prefix) {
    WeightWriter writer(graph, weight_scheme(false, Numerics::onnx), result_.warnings, options_.scratch);
    const std::vector<std::int64_t> macs =
        prefix.empty() ? count_macs(graph, options_.shapes, result_.warnings) : std::vector<std::int64_t>{};
    const std::size_t count = graph.nodes.size();
    std::vector<ValueId> freed;
    for (std::size_t i = 0; i < count; ++i) {
      NodeRecord entry{prefix + graph.label(graph.nodes[i]),
                       graph.nodes[i].op_type,
                       false,
                       {},
                       i < macs.size() ? macs[i] : 0,
                       {},
                       {}};
      entry.reason = matcher_.reason(graph, graph.nodes[i]);
      if (entry.reason.empty()) quantize_node(graph, i, writer, entry);
      result_.nodes.push_back(entry);
      for (const GraphPtr& body : subgraphs(graph.nodes[i])) quantize(*body, entry.name + "/");
      if (options_.progress)
        options_.progress("quantizing", static_cast<std::int64_t>(i) + 1, static_cast<std::int64_t>(count));
    }
    remove_dead(graph);
    sort_topologically(graph);
  }
  void warn_unused() { matcher_.warn_unused(result_.warnings); }

 private:
  void quantize_node(Graph& graph, std::size_t index, WeightWriter& writer, NodeRecord& entry) {
    const std::vector<StoredWeight> weights = stored_weights(graph, graph.nodes[index], entry.reason);
    if (weights.empty()) return;
    entry.quantized = true;
    const int k_axis = method_.bits == 4 ? matrix_k_axis(graph, graph.nodes[index], weights[0]) : -1;
    entry.reason = k_axis >= 0         ? fmt::format("int4 weight in groups of {}, float arithmetic", method_.group)
                   : method_.bits == 4 ? "int8 weight (four bits serve products by matrices), float arithmetic"
                                       : "int8 weight, float arithmetic";
    if (k_axis >= 0) entry.weight_bits = 4 + 32.0 / static_cast<double>(method_.group);
    if (options_.dry_run) return;
    if (k_axis >= 0) {
      ValueId& weight = graph.nodes[index].inputs[static_cast<std::size_t>(weights[0].slot)];
      const ValueId dequantized = write_blocks(graph, weight, k_axis);
      graph.nodes[index].inputs[static_cast<std::size_t>(weights[0].slot)] = dequantized;
      return;
    }
    for (const StoredWeight& weight : weights) {
      const auto slot = static_cast<std::size_t>(weight.slot);
      const ValueId id = graph.nodes[index].inputs[slot];
      const ValueId dequantized = writer.write(id, method_.per_channel ? weight.axis : -1).dequantized;
      graph.nodes[index].inputs[slot] = dequantized;
    }
  }

  // The axis along which a product by a matrix sums; -1 for anything else.
  static int matrix_k_axis(const Graph& graph, const Node& node, const StoredWeight& weight) {
    const bool product = node.op_type == "MatMul" || node.op_type == "Gemm";
    const Tensor* tensor = graph.initializer(node.inputs[static_cast<std::size_t>(weight.slot)]);
    return product && weight.slot == 1 && tensor != nullptr && tensor->rank() == 2 ? 1 - weight.axis : -1;
  }

  // Tied weights stay tied where their users agree on the axis.
  ValueId write_blocks(Graph& graph, ValueId weight, int k_axis) {
    const Tensor tensor = *graph.initializer(weight);
    const std::string name = graph.value(weight).name;
    auto& [values, scale] = blocks_[{&graph, tensor.identity(), k_axis}];
    if (values == kNoValue) {
      require_finite(tensor, name);
      BlockWeights blocks = quantize_blocks(tensor, k_axis, method_.group, options_.scratch);
      if (blocks.zero_blocks > 0) {
        result_.warnings.push_back(fmt::format("'{}': {} of {} groups are all zero; they stay exact zeros at scale 1",
                                               printable(name), blocks.zero_blocks, blocks.scale.elements()));
      }
      release_pages(tensor.raw(), tensor.bytes());
      release_pages(blocks.values.raw(), blocks.values.bytes());
      values = graph.add_initializer(graph.fresh_name(name + "_int4"), std::move(blocks.values));
      scale = graph.add_initializer(graph.fresh_name(name + "_scale"), std::move(blocks.scale));
    }
    Attributes attributes;
    attributes.set("axis", std::int64_t{k_axis});
    attributes.set("block_size", method_.group);
    const ValueId out =
        graph.add_node("DequantizeLinear", {values, scale}, attributes, graph.fresh_name(name + "_dequantized"));
    graph.value(out).type = {DType::f32, symbolic(tensor.shape())};
    return out;
  }

  struct Stored {
    ValueId values = kNoValue, scale = kNoValue;
  };

  const WeightOnly& method_;
  const QuantizeOptions& options_;
  QuantizeResult& result_;
  ExclusionMatcher matcher_;
  std::map<std::tuple<const Graph*, const void*, int>, Stored> blocks_;
};

void check_method(const WeightOnly& method) {
  if (method.bits != 8 && method.bits != 4) {
    throw Error(ErrorKind::unsupported, "weight-only quantization stores 8 or 4 bits")
        .value(std::to_string(method.bits));
  }
  // What WeightOnlyLinear multiplies by without making it float.
  const std::int64_t g = method.group;
  if (method.bits == 4 && (g <= 0 || g % (g < 128 ? 8 : 128) != 0)) {
    throw Error(ErrorKind::usage, "a group of weights has another size than is supported")
        .value(std::to_string(g))
        .expected("a multiple of 8 below 128, or of 128");
  }
}

}  // namespace

QuantizeResult quantize(const Graph& graph, const WeightOnly& method, const QuantizeOptions& options) {
  check_method(method);
  QuantizeResult result;
  result.method = "weight-only";
  result.model = prepare(graph, result.warnings);
  constexpr int kFourBits = 21;  // the first opset with int4, and with blocks
  if (method.bits == 4 && result.model.opset() < kFourBits) {
    result.warnings.push_back(fmt::format("int4 needs opset {}: raised from {}", kFourBits, result.model.opset()));
    formats::raise_opset(result.model, kFourBits);
  }
  WeightOnlyQuantizer quantizer(method, options, result);
  quantizer.quantize(result.model, "");
  quantizer.warn_unused();
  result.coverage = 0;  // of int8 arithmetic there is none
  require_coverage(result);
  finish(result.model);
  write_metadata(result, "onnx", {});
  return result;
}

}  // namespace octet
