#include "octet/quant/target.h"

#include "octet/quant/dequantize.h"

namespace octet {

void apply_target(Graph& graph, Target target) {
  if (target == Target::tensorrt) fold_dequantized_constants(graph, [](DType dtype) { return dtype == DType::i32; });
}

}  // namespace octet
