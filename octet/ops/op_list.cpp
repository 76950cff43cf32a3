// Every operator: one line each, in alphabetical order. Each file defines its function.
#include "octet/ops/op_list.h"

#include <map>

namespace octet::ops {

Rows arithmetic();  // Add, Sub, Mul, Div, ...
Rows relu();

namespace {

constexpr MakeRows kFiles[] = {
    arithmetic,
    relu,
};

}  // namespace

const std::vector<OpDef>& all() {
  static const std::vector<OpDef> rows = [] {
    std::vector<OpDef> out;
    for (const MakeRows make : kFiles) {
      for (OpDef& row : make()) out.push_back(std::move(row));
    }
    return out;
  }();
  return rows;
}

const OpDef* find(const std::string& name, const std::string& domain, int opset) {
  static const std::multimap<std::string, const OpDef*> by_name = [] {
    std::multimap<std::string, const OpDef*> out;
    for (const OpDef& row : all()) out.emplace(row.name, &row);
    return out;
  }();
  const std::string wanted = domain == "ai.onnx" ? "" : domain;
  for (auto [it, end] = by_name.equal_range(name); it != end; ++it) {
    const OpDef& row = *it->second;
    if (row.domain == wanted && opset >= row.since && (row.until == 0 || opset <= row.until)) return &row;
  }
  return nullptr;
}

}  // namespace octet::ops
