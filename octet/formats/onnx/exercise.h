// For the fuzz target and the test that replays its corpus: everything that must hold whatever the bytes are.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include "octet/formats/onnx/onnx.h"
#include "octet/ops/op.h"

namespace octet::formats::testing {

/// Reads the bytes; a graph that was read is written and read again, printed and parsed, and folded. Returns
/// whether the bytes were a model. Throws std::logic_error where a promise is broken.
inline bool exercise(std::span<const std::uint8_t> bytes) {
  Graph graph;
  try {
    graph = parse_onnx(bytes, "corpus.onnx");
  } catch (const Error& e) {
    if (e.info().kind == ErrorKind::internal) throw std::logic_error(e.what());
    return false;
  }
  try {
    const std::string written = serialize_onnx(graph);
    const Graph again = parse_onnx({reinterpret_cast<const std::uint8_t*>(written.data()), written.size()});
    if (serialize_onnx(again) != written) throw std::logic_error("written twice, the model is another");
    const std::string text = print_graph(graph);
    if (print_graph(parse_graph(text)) != text) throw std::logic_error("printed twice, the graph is another");
  } catch (const Error& e) {
    throw std::logic_error(std::string("what was read cannot be read again: ") + e.what());
  }
  try {
    ops::infer_shapes(graph, {.fold = true, .max_folded_bytes = 1 << 16});
  } catch (const Error& e) {
    if (e.info().kind == ErrorKind::internal) throw std::logic_error(e.what());
  }
  return true;
}

}  // namespace octet::formats::testing
