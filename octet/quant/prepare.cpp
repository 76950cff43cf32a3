#include "octet/quant/prepare.h"

#include "octet/base/atomic_file.h"
#include "octet/base/read_file.h"
#include "octet/formats/onnx/onnx.h"
#include "octet/quant/record.h"
#include "octet/rewrite/rewrite.h"

namespace octet::quant {

Graph prepare(const Graph& graph, std::vector<std::string>&) {
  require_float(graph);
  Graph out = clone(graph);
  constexpr int kPerChannel = 13;  // DequantizeLinear takes an axis
  if (out.opset() < kPerChannel) formats::raise_opset(out, kPerChannel);
  rewrite::simplify(out);
  return out;
}

void finish(Graph& graph) {
  rewrite::expand(graph);
  sort_topologically(graph);
  verify(graph);
}

Statistics load_statistics(const std::string& path) {
  const std::string text = read_file(path);
  try {
    return Statistics::read(text);
  } catch (Error& e) {
    e.file(path);
    throw;
  }
}

void save_statistics(const std::string& path, const Statistics& statistics) {
  write_file_atomically(path, statistics.write());
}

}  // namespace octet::quant
