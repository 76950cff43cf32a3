// The nodes whose activations are quantized row by row: named in the metadata "octet.dynamic_per_row".
#pragma once

#include <set>
#include <sstream>
#include <string>

#include "octet/runtime/passes/qdq.h"

namespace octet::runtime {

class PerRowNames {
 public:
  explicit PerRowNames(const Graph& graph) {
    const std::string* text = graph.info.find_metadata("octet.dynamic_per_row");
    std::istringstream lines(text == nullptr ? std::string() : *text);
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty()) names_.insert(line);
    }
  }
  bool contains(const Node& node) const { return names_.contains(node.name); }
  bool empty() const { return names_.empty(); }

 private:
  std::set<std::string> names_;
};

}  // namespace octet::runtime
