// quantize: a float graph goes in, a graph in standard ONNX quantization comes out, with a record of
// what became of every node and why.
//
//   auto result = octet::quantize(graph, octet::Static{.calibration = source});
//   octet::formats::save_onnx(result.model, "model.int8.onnx");
//
// How it is written (standard, any runtime runs it; runtime/ fuses it):
//   static       QuantizeLinear -> DequantizeLinear on activation edges, DequantizeLinear on int8 weights
//                (axis = output channel), DequantizeLinear on int32 bias of scale sx * sw.
//   dynamic      per tensor: DynamicQuantizeLinear + MatMulInteger / ConvInteger + Cast + Mul (+ Add).
//                with reduce_range min, max, scale and zero point are spelled out before a QuantizeLinear;
//                per row: DequantizeLinear on int8 weights, then the float operator; the names of such
//                nodes, one a line, in the metadata "octet.dynamic_per_row".
//   weight-only  DequantizeLinear on int8 weights, or on int4 weights in blocks (opset 21), then the float operator.
// Metadata: "octet.numerics" (torch | onnx), "octet.method", "octet.quantization" (the JSON record).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "octet/graph/graph.h"

namespace octet {

/// histogram is torch's of today, histogram_torch1 that of its releases 1.x.
enum class Observer { min_max, moving_average, percentile, histogram, histogram_torch1, entropy, mse };
enum class Numerics { onnx, torch };
/// Of static weights: each to the nearest integer, or so that the errors of an output channel cancel on the
/// calibration data (Frantar et al. 2022, arXiv 2210.17323).
enum class Rounding { nearest, compensated };

/// Gives calibration batches one after another; nothing at the end. Called again from the start
/// (first = true) for each pass.
using CalibrationSource = std::function<std::optional<std::vector<std::pair<std::string, Tensor>>>(bool first)>;
/// Progress: done and all steps of the long work named by `what`. May throw to cancel.
using Progress = std::function<void(const std::string& what, std::int64_t done, std::int64_t total)>;

struct Exclusions {
  bool first = false, last = false;    ///< leave the first / last weighted layer float
  std::vector<std::string> nodes;      ///< names; * and ? match as in a shell
  std::vector<std::string> operators;  ///< operator types
};

struct Static {
  CalibrationSource calibration = {};
  std::string statistics = {};        ///< read calibration from this file instead of running it
  std::string save_statistics = {};   ///< write it there
  Observer observer = Observer::mse;  ///< of activations
  DType activation = DType::u8;       ///< u8 or i8
  bool symmetric_activation = false;
  bool per_channel = true;  ///< weights
  bool reduce_range = false;
  Numerics numerics = Numerics::onnx;
  /// Nothing: compensated; nearest in the numerics of torch, and where there is no data beside the statistics.
  std::optional<Rounding> rounding = {};
  double percentile = 99.999;
  bool keep_sensitive_float = true;  ///< the measured rule; false: quantize whatever can be
  /// As torch's eager mode without fused modules: a layer's output is quantized before its activation, which keeps
  /// those parameters, and the network's outputs are quantized too.
  bool every_output = false;
  bool float_bias = false;  ///< biases stay float32, as in torch's x86 and onednn engines
  Exclusions exclude = {};
};
struct Dynamic {
  bool per_row = true;  ///< false: per tensor, as torch and ONNX Runtime do
  bool per_channel = true;
  bool keep_depthwise_float = true;  ///< false: depthwise convolutions are quantized like any other
  bool reduce_range = false;         ///< per tensor: seven bits of the activations, as torch's x86 engines have them
  Numerics numerics = Numerics::onnx;
  Exclusions exclude = {};
};
struct WeightOnly {
  int bits = 8;              ///< or 4: matrix products by constant matrices; what else has weights takes 8
  std::int64_t group = 128;  ///< of 4 bits: numbers along K that share a scale, a multiple of 8 below 128, or of 128
  bool per_channel = true;
  Exclusions exclude = {};
};

/// What became of one node.
struct NodeRecord {
  std::string name, op;
  bool quantized = false;
  std::string reason;  ///< why not, or how
  std::int64_t macs = 0;
  std::optional<double> sqnr_db;      ///< of the layer's own output, when measured
  std::optional<double> end_sqnr_db;  ///< at the network's output with this layer alone quantized
  double weight_bits = 8;             ///< of a stored weight: 8, or 4 and its part of its group's scale
};

struct QuantizeResult {
  Graph model;
  std::string method;
  std::vector<NodeRecord> nodes;
  std::vector<std::string> warnings;
  double coverage = 0;  ///< share of multiply-accumulates done in int8
};

/// Throws gate when nothing would be quantized (saying why, node by node), usage for an already
/// quantized graph, bad_input for NaN or infinite weights or calibration values.
/// `dry_run` decides and records without running calibration.
struct QuantizeOptions {
  bool dry_run = false;
  bool skip_nonfinite = false;
  int threads = 0;
  /// Sizes of inputs for which work is counted (coverage); nothing: those of the first calibration sample, or
  /// 1 where the network leaves a size open.
  std::vector<std::pair<std::string, Shape>> shapes = {};
  Progress progress = {};
  std::string calibration_file = {};  ///< what errors about calibration data call the file
  std::string scratch = {};           ///< folder for large integer weights, so that they take no memory; empty: memory
};
QuantizeResult quantize(const Graph& graph, const Static& method, const QuantizeOptions& options = {});
QuantizeResult quantize(const Graph& graph, const Dynamic& method, const QuantizeOptions& options = {});
QuantizeResult quantize(const Graph& graph, const WeightOnly& method, const QuantizeOptions& options = {});

}  // namespace octet
