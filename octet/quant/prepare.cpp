#include "octet/quant/prepare.h"

#include <fstream>
#include <sstream>

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
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorKind::io, "cannot read the calibration statistics").file(path);
  std::ostringstream text;
  text << file.rdbuf();
  try {
    return Statistics::read(text.str());
  } catch (Error& e) {
    e.file(path);
    throw;
  }
}

void save_statistics(const std::string& path, const Statistics& statistics) {
  std::ofstream file(path, std::ios::binary);
  file << statistics.write();
  if (!file.flush()) throw Error(ErrorKind::io, "cannot write the calibration statistics").file(path);
}

}  // namespace octet::quant
