#include "octet/formats/onnx/raise_rules.h"

namespace octet::formats {
namespace {

Tensor list(const std::vector<std::int64_t>& values) {
  return Tensor::from<std::int64_t>({static_cast<std::int64_t>(values.size())}, std::span<const std::int64_t>(values));
}

Node make_node(const RaiseStep& step, const std::string& op, std::vector<ValueId> inputs, ValueId output) {
  Node node;
  node.op_type = op;
  node.name = step.node.name.empty() ? "" : step.node.name + "_" + op;
  node.inputs = std::move(inputs);
  node.outputs = {output};
  return node;
}

// ---- attributes that became inputs

void axes_to_input(RaiseStep& step) { step.integers_to_input("axes", 1); }

void slice(RaiseStep& step) {
  step.integers_to_input("starts", 1);
  step.integers_to_input("ends", 2);
  step.integers_to_input("axes", 3);
}

void top_k(RaiseStep& step) {
  step.set_input(1, step.constant("k", list({step.node.attributes.integer("k")})));
  step.node.attributes.erase("k");
}

void float_to_input(RaiseStep& step, const std::string& attribute, std::size_t slot) {
  if (!step.node.attributes.has(attribute)) return;
  const Tensor scalar = Tensor::scalar(step.node.attributes.real(attribute, 0));
  step.set_input(slot, step.constant(attribute, scalar.cast(step.input_type(0))));
  step.node.attributes.erase(attribute);
}

void clip(RaiseStep& step) {
  float_to_input(step, "min", 1);
  float_to_input(step, "max", 2);
}

void pad(RaiseStep& step) {
  step.integers_to_input("pads", 1);
  float_to_input(step, "value", 2);
}

void split_sizes(RaiseStep& step) { step.integers_to_input("split", 1); }

void split_count(RaiseStep& step) {
  if (step.node.inputs.size() > 1 && step.node.inputs[1] != kNoValue) return;
  step.node.attributes.set("num_outputs", static_cast<std::int64_t>(step.node.outputs.size()));
}

void dft(RaiseStep& step) {
  step.set_input(2, step.constant("axis", Tensor::scalar(step.node.attributes.integer("axis", 1))));
  step.node.attributes.erase("axis");
}

// ---- operators that only run the network: what they had for training goes

void dropout_mask(RaiseStep& step) {
  if (step.is_used(1)) step.fail("the type of its mask changed");
  step.node.outputs.resize(1);
}

void dropout_ratio(RaiseStep& step) {
  const Tensor ratio = Tensor::scalar(step.node.attributes.real("ratio", 0.5f));
  step.set_input(1, step.constant("ratio", ratio));
  step.node.attributes.erase("ratio");
}

void batch_norm_spatial(RaiseStep& step) {
  if (step.node.attributes.integer("spatial", 1) != 1)
    step.fail("statistics for every position (spatial = 0) are gone");
  step.node.attributes.erase("spatial");
}

void batch_norm_outputs(RaiseStep& step) {
  for (std::size_t i = 1; i < step.node.outputs.size(); ++i) {
    if (step.is_used(static_cast<int>(i))) step.fail("its outputs for training are gone");
  }
  step.node.outputs.resize(1);
}

// ---- resampling

void upsample_scales(RaiseStep& step) {
  const std::vector<float> scales = step.node.attributes.reals("scales");
  const Tensor tensor = Tensor::from<float>({static_cast<std::int64_t>(scales.size())}, std::span<const float>(scales));
  step.set_input(1, step.constant("scales", tensor));
  step.node.attributes.erase("scales");
}

void upsample_to_resize(RaiseStep& step) { step.node.op_type = "Resize"; }

// The first Resize samples at x / scale and takes the pixel below; now both have to be said.
void resize_modes(RaiseStep& step) {
  const ValueId scales = step.node.inputs.size() > 1 ? step.node.inputs[1] : kNoValue;
  step.node.inputs.resize(1);
  // Until opset 13 the region has to be there, if only as an empty list.
  if (step.to < 13) step.set_input(1, step.constant("roi", Tensor(DType::f32, {0})));
  step.set_input(2, scales);
  step.node.attributes.set("coordinate_transformation_mode", std::string("asymmetric"));
  step.node.attributes.set("nearest_mode", std::string("floor"));
}

void grid_sample_modes(RaiseStep& step) {
  const std::string mode = step.node.attributes.text("mode", "bilinear");
  if (mode == "bilinear") step.node.attributes.set("mode", std::string("linear"));
  if (mode == "bicubic") step.node.attributes.set("mode", std::string("cubic"));
}

void roi_align_mode(RaiseStep& step) {
  step.node.attributes.set("coordinate_transformation_mode", std::string("output_half_pixel"));
}

// ---- meanings that changed

// Before opset 13: softmax over all axes from `axis` on together. From then on: over one axis.
//   y = Reshape(Softmax(Flatten(x, axis), -1), Shape(x)), or simply axis -1 where that is the same.
void softmax_axis(RaiseStep& step) {
  Node& node = step.node;
  const std::int64_t axis = node.attributes.integer("axis", 1);
  const auto& shape = step.graph.value(node.inputs[0]).type.shape;
  node.attributes.set("axis", std::int64_t{-1});
  if (axis == -1 || (shape && axis == static_cast<std::int64_t>(shape->size()) - 1)) return;
  const ValueId x = node.inputs[0], y = node.outputs[0];
  const ValueId flat = step.value("flat"), computed = step.value("computed"), dims = step.value("dims");
  Node flatten = make_node(step, "Flatten", {x}, flat);
  flatten.attributes.set("axis", axis);
  step.before = {std::move(flatten), make_node(step, "Shape", {x}, dims)};
  node.inputs[0] = flat;
  node.outputs[0] = computed;
  step.after = {make_node(step, "Reshape", {computed, dims}, y)};
}

// Scale and bias were one number a group; now they are one a channel.
void group_norm_channels(RaiseStep& step) {
  const auto& shape = step.graph.value(step.node.inputs[0]).type.shape;
  const std::int64_t groups = step.node.attributes.integer("num_groups");
  if (!shape || shape->size() < 2 || !(*shape)[1].known()) step.fail("the number of channels is not known");
  const std::int64_t channels = (*shape)[1].value;
  for (const std::size_t slot : {std::size_t{1}, std::size_t{2}}) {
    const Tensor* old = step.node.inputs.size() > slot ? step.graph.initializer(step.node.inputs[slot]) : nullptr;
    if (old == nullptr || groups <= 0 || old->elements() != groups || channels % groups != 0) {
      step.fail("its scale and bias must be constants of one number a group");
    }
    Tensor wide(old->dtype(), {channels});
    const std::size_t item = size_of(old->dtype());
    for (std::int64_t c = 0; c < channels; ++c) {
      const auto from = static_cast<std::size_t>(c / (channels / groups)) * item;
      std::memcpy(static_cast<char*>(wide.raw()) + static_cast<std::size_t>(c) * item,
                  static_cast<const char*>(old->raw()) + from, item);
    }
    step.set_input(slot, step.constant(slot == 1 ? "scale" : "bias", wide));
  }
}

void scatter_name(RaiseStep& step) { step.node.op_type = "ScatterElements"; }

void no_newer_form(RaiseStep& step) { step.fail("its form changed in a way that cannot be followed"); }

}  // namespace

const std::vector<RaiseRule>& raise_rules() {
  static const std::vector<RaiseRule> rules = {
      {"BatchNormalization", 9, batch_norm_spatial},
      {"Upsample", 9, upsample_scales},
      {"Scan", 9, no_newer_form},
      {"Upsample", 10, upsample_to_resize},
      {"Slice", 10, slice},
      {"TopK", 10, top_k},
      {"Dropout", 10, dropout_mask},
      {"Clip", 11, clip},
      {"Pad", 11, pad},
      {"Resize", 11, resize_modes},
      {"Scatter", 11, scatter_name},
      {"Dropout", 12, dropout_ratio},
      {"Squeeze", 13, axes_to_input},
      {"Unsqueeze", 13, axes_to_input},
      {"ReduceSum", 13, axes_to_input},
      {"Split", 13, split_sizes},
      {"Softmax", 13, softmax_axis},
      {"LogSoftmax", 13, softmax_axis},
      {"Hardmax", 13, softmax_axis},
      {"BatchNormalization", 14, batch_norm_outputs},
      {"RoiAlign", 16, roi_align_mode},
      {"ReduceL1", 18, axes_to_input},
      {"ReduceL2", 18, axes_to_input},
      {"ReduceLogSum", 18, axes_to_input},
      {"ReduceLogSumExp", 18, axes_to_input},
      {"ReduceMax", 18, axes_to_input},
      {"ReduceMean", 18, axes_to_input},
      {"ReduceMin", 18, axes_to_input},
      {"ReduceProd", 18, axes_to_input},
      {"ReduceSumSquare", 18, axes_to_input},
      {"Split", 18, split_count},
      {"GridSample", 20, grid_sample_modes},
      {"DFT", 20, dft},
      {"GroupNormalization", 21, group_norm_channels},
  };
  return rules;
}

}  // namespace octet::formats
