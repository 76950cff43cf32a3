#include "octet/ops/attribute_types.h"

#include <unordered_map>

namespace octet::ops {
namespace {

// One name means one type in nearly every operator; the exceptions are asked for first.
struct Exception {
  std::string_view op, name;
  AttributeType type;
};

constexpr Exception kExceptions[] = {
    {"QuantizeLinear", "precision", AttributeType::integer},
    {"Constant", "sparse_value", AttributeType::tensor},
    {"Dropout", "seed", AttributeType::integer},
    {"Pad", "value", AttributeType::real},
    {"GlobalLpPool", "p", AttributeType::integer},
};

constexpr std::string_view kIntegers[] = {
    "align_corners",
    "allowzero",
    "antialias",
    "axis",
    "batch_axis",
    "batch_dims",
    "block_size",
    "blocksize",
    "ceil_mode",
    "center_point_box",
    "count_include_pad",
    "detect_negative",
    "detect_positive",
    "dtype",
    "end",
    "exclude_outside",
    "exclusive",
    "fmod",
    "group",
    "hidden_size",
    "ignore_index",
    "input_forget",
    "inverse",
    "is_test",
    "k",
    "keepdims",
    "largest",
    "layout",
    "linear_before_reset",
    "new_axis",
    "noop_with_empty_axes",
    "num_groups",
    "num_outputs",
    "num_scan_inputs",
    "onesided",
    "output_datatype",
    "output_dtype",
    "output_height",
    "output_width",
    "p",
    "periodic",
    "reverse",
    "sample_size",
    "sampling_ratio",
    "saturate",
    "select_last_index",
    "size",
    "sorted",
    "spatial",
    "start",
    "stash_type",
    "storage_order",
    "time_axis",
    "to",
    "training_mode",
    "transA",
    "transB",
    "upper",
    "value_int",
};
constexpr std::string_view kReals[] = {
    "alpha",    "beta",  "bias",  "clip", "cubic_coeff_a", "epsilon",     "extrapolation_value",
    "gamma",    "high",  "lambd", "low",  "max",           "mean",        "min",
    "momentum", "ratio", "scale", "seed", "spatial_scale", "value_float",
};
constexpr std::string_view kTexts[] = {
    "approximate", "auto_pad",     "coordinate_transformation_mode",
    "direction",   "equation",     "keep_aspect_ratio_policy",
    "mode",        "nearest_mode", "padding_mode",
    "reduction",   "round_mode",   "value_string",
};
constexpr std::string_view kIntegerLists[] = {
    "axes",
    "dilations",
    "ends",
    "kernel_shape",
    "output_padding",
    "output_shape",
    "pads",
    "perm",
    "pooled_shape",
    "scan_input_axes",
    "scan_input_directions",
    "scan_output_axes",
    "scan_output_directions",
    "shape",
    "split",
    "starts",
    "strides",
    "value_ints",
};
constexpr std::string_view kRealLists[] = {"activation_alpha", "activation_beta", "scales", "value_floats"};
constexpr std::string_view kTextLists[] = {"activations", "value_strings"};
constexpr std::string_view kGraphs[] = {"body", "else_branch", "then_branch"};

using Table = std::unordered_map<std::string_view, AttributeType>;

Table make_table() {
  Table table{{"value", AttributeType::tensor}};
  for (const auto name : kIntegers) table.emplace(name, AttributeType::integer);
  for (const auto name : kReals) table.emplace(name, AttributeType::real);
  for (const auto name : kTexts) table.emplace(name, AttributeType::text);
  for (const auto name : kIntegerLists) table.emplace(name, AttributeType::integers);
  for (const auto name : kRealLists) table.emplace(name, AttributeType::reals);
  for (const auto name : kTextLists) table.emplace(name, AttributeType::texts);
  for (const auto name : kGraphs) table.emplace(name, AttributeType::graph);
  return table;
}

}  // namespace

const char* to_string(AttributeType type) {
  constexpr const char* kNames[] = {"int", "float", "string", "tensor", "graph", "ints", "floats", "strings"};
  return kNames[static_cast<std::size_t>(type)];
}

std::optional<AttributeType> attribute_type(std::string_view op, std::string_view name) {
  for (const Exception& e : kExceptions) {
    if (e.op == op && e.name == name) return e.type;
  }
  static const Table table = make_table();
  const auto it = table.find(name);
  return it == table.end() ? std::nullopt : std::optional(it->second);
}

}  // namespace octet::ops
