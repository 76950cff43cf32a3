// What other runtimes ask of a quantized file beyond the standard.
#pragma once

#include "octet/graph/graph.h"

namespace octet {

/// ort: activations of dynamic layers per tensor, so that its integer operators serve.
/// openvino: the standard form serves. tensorrt: symmetric s8 activations and float biases.
/// What concerns the method is chosen before quantizing; apply_target does the rest.
enum class Target { any, ort, openvino, tensorrt };

/// tensorrt: every bias that is dequantized from int32 becomes the float constant it stands for, because
/// TensorRT takes no int32 there. Values do not change. Others: nothing to do.
void apply_target(Graph& graph, Target target);

}  // namespace octet
