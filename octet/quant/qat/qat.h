// Quantization-aware training: fake quantization goes into a network that trains, and a network in integers comes out
// that computes what the fake-quantized one did.
//
//   Trainable prepared = prepare_qat(trainable, qconfig("octet"));    // shares the parameters of `trainable`
//   ...train `prepared` (or calibrate_qat it)...
//   QuantizeResult result = convert(prepared);
//   save_onnx(result.model, "model.int8.onnx");
//
// Every range, learned scale and followed share of clipped values is a state or a parameter of the Trainable, under
// the name of the value it belongs to: "h/range_min", "h/scale", "h/clipped", ...
#pragma once

#include <string>
#include <vector>

#include "octet/autograd/trainable.h"
#include "octet/quant/qat/qconfig.h"

namespace octet {

/// What prepare_qat did: every node with the reason why it is or is not quantized, and warnings.
struct QatReport {
  std::vector<NodeRecord> nodes;
  std::vector<std::string> warnings;
};

/// Inserts fake quantization on the weights and activations of every layer that can be quantized. A batch norm that
/// alone reads a layer is folded as torch's fused modules fold it: the weight that is quantized is
/// w * gamma / sqrt(running_variance + epsilon), divided by the same factor afterwards, and the batch norm goes on with
/// the batch's statistics. Parameters, their names and their memory stay those of `trainable`.
/// Throws gate, with every node's reason, when nothing would be quantized; usage for a graph prepared already.
/// Source: torch.ao.quantization.prepare_qat; torch.ao.nn.intrinsic.qat.ConvBn2d.
Trainable prepare_qat(const Trainable& trainable, const QConfig& config, QatReport* report = nullptr);

/// The same with another schedule; parameters and states are shared.
Trainable with_schedule(const Trainable& prepared, const RangeSchedule& schedule);
/// From here on batch norms use, and keep, their running statistics (torch's freeze_bn_stats); all is shared.
Trainable freeze_batch_norms(const Trainable& trainable);

/// Ranges and learned scales from data, in place: what the network without fake quantization computes on `source` is
/// observed by `observer`, and every activation's range (or learned scale and zero point) is set from it.
/// Throws usage for a graph that is not prepared, bad_input when there is no sample or a value is not finite.
void calibrate_qat(Trainable& prepared, const CalibrationSource& source, Observer observer = Observer::mse,
                   int threads = 0);

/// The share of values that a fake quantization clips above which it is warned of (learned scales: kLearnedClips).
inline constexpr float kKeepsClipping = 0.01F, kLearnedClips = 0.25F;
/// A warning for each fake quantization that keeps clipping: value, share.
std::vector<std::string> clipping_warnings(const Trainable& prepared);

/// The network for evaluation in float: every fake quantization with the parameters it has now, nothing follows any
/// more, batch norms with running statistics.
Graph fake_quantized_form(const Trainable& prepared);

/// The network in integers, as QuantizeLinear / DequantizeLinear pairs: the same parameters, the same levels. Levels
/// fewer than the type's (4 bits in uint8, torch's reduced range) are kept by a Clip before the pair.
/// Throws gate when the graph was not prepared (naming its layers), bad_input, naming every value, for a range that
/// never saw data or a learned scale that was never calibrated. Warnings as clipping_warnings.
QuantizeResult convert(const Trainable& prepared);

}  // namespace octet
