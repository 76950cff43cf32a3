// The way back: a quantized network as the float network that it stands for.
#pragma once

#include <functional>

#include "octet/graph/graph.h"

namespace octet {

/// Constants behind a DequantizeLinear become float constants where `which` says yes to their type.
/// Returns how many did.
int fold_dequantized_constants(Graph& graph, const std::function<bool(DType)>& which);

/// Removes QuantizeLinear -> DequantizeLinear pairs on activations and makes quantized constants float;
/// drops the metadata of quantizing. The weights keep their rounded values. Throws unsupported where
/// integer operators (MatMulInteger, ConvInteger, QLinear...) compute on the integers themselves.
void dequantize(Graph& graph);

}  // namespace octet
