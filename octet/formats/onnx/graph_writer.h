// Graph to the bytes of a GraphProto, as pieces: tensors are written from where they lie, never gathered.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "octet/formats/onnx/onnx.pb.h"
#include "octet/graph/graph.h"

namespace octet::formats {

/// A stretch of a file: some bytes, then a tensor's data (possibly none).
struct Piece {
  std::string head;
  Tensor data = {};

  std::uint64_t size() const { return head.size() + (data.defined() ? data.bytes() : 0); }
};

/// Where tensors go when they are not written into the model: one after the other into one data file.
class ExternalLayout {
 public:
  /// `location` is the data file's name beside the model; empty: every tensor stays in the model.
  explicit ExternalLayout(std::string location) : location_(std::move(location)) {}

  /// Gives the tensor a place and says so in `proto`; false when it is to stay in the model.
  bool place(const Tensor& tensor, ::onnx::TensorProto& proto);
  /// Tensors in the order of their offsets.
  const std::vector<std::pair<std::uint64_t, Tensor>>& placed() const { return placed_; }

 private:
  std::string location_;
  std::uint64_t end_ = 0;
  std::vector<std::pair<std::uint64_t, Tensor>> placed_;
  std::map<std::pair<const void*, std::size_t>, std::uint64_t> known_;  // tied tensors share their place
};

/// The fields of the graph, without tag and length.
std::vector<Piece> write_graph(const Graph& graph, ExternalLayout& external);

/// Tag and length of a field that holds `size` bytes.
void append_field_head(std::string& out, unsigned field, std::uint64_t size);

}  // namespace octet::formats
