// What must hold of scales and zero points, wherever they come from. Other runtimes let these pass in silence.
//
//   check_scale(scale, "conv1.scale");
//   check_quantization(graph);  // every constant scale and zero point of a graph, with its own name
#pragma once

#include <string>

#include "octet/graph/graph.h"

namespace octet::ops {

/// Throws bad_input naming `name` and the first bad value unless every element is finite, normal and > 0.
///   scale  f32, f16, bf16 or f64
void check_scale(const Tensor& scale, const std::string& name);

/// Throws bad_input unless the zero point has the scale's number of elements and the quantized type `dtype`
/// (undefined: any of u8, i8, u16, i16, i32), and is 0 where that type is int32.
void check_zero_point(const Tensor& zero_point, const Tensor& scale, DType dtype, const std::string& name);

/// Throws bad_input unless `count` is 1 or the data's dimension at `axis`.
void check_channels(const SymbolicShape& data, std::int64_t count, int axis, const std::string& name);

/// u8, i8, u16, i16 or i32: what QuantizeLinear and DequantizeLinear know and Octet stores.
bool is_quantized_type(DType dtype);

/// All of the above for every QuantizeLinear, DequantizeLinear, QLinear*, MatMulInteger and ConvInteger of the graph
/// and its subgraphs whose scale or zero point is a constant; the error names node, tensor and value.
void check_quantization(const Graph& graph);

}  // namespace octet::ops
