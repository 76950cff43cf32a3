// ONNX files to and from Graph. Opsets 7 to 22, IR 3 to 10; raw, typed and external data.
//
//   Graph g = formats::load_onnx("model.onnx");
//   formats::save_onnx(g, "copy.onnx");       // same values, same names
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "octet/graph/graph.h"

namespace octet::formats {

/// Reads a model. External data is mapped, not read. Throws io (missing, unreadable, not a regular
/// file), bad_input (not ONNX, truncated, contradictory; with file, node, tensor, byte offset) or
/// unsupported (newer opset or IR, operators that Octet does not have: all of them at once).
/// The graph is verified, in topological order, functions inlined; attributes keep their form.
Graph load_onnx(const std::string& path);
/// The same from memory; `directory` is where external data may lie (empty: none is allowed).
Graph parse_onnx(std::span<const std::uint8_t> bytes, const std::string& file = {}, const std::string& directory = {});

struct SaveOptions {
  bool overwrite = true;                                           ///< false: an existing file throws usage
  std::int64_t external_above = std::int64_t{2000} * 1000 * 1000;  ///< bytes of initializers that go to FILE.data
};
/// Writes atomically (temporary beside the target, fsync, rename). Initializers go to an external
/// file by themselves when they exceed `external_above`.
void save_onnx(const Graph& graph, const std::string& path, const SaveOptions& options = {});
std::string serialize_onnx(const Graph& graph);

/// A TensorProto file (as in ONNX's node tests).
Tensor load_tensor_proto(const std::string& path, std::string* name = nullptr);

/// Rewrites every operator to the form of a newer opset of ONNX's domain (attributes that became inputs,
/// Softmax's axis, ...), meaning kept. Throws unsupported when an operator has no newer form.
void raise_opset(Graph& graph, int opset);

}  // namespace octet::formats
