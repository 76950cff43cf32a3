// Resize, Upsample: nearest, linear or cubic interpolation along any axes (separable).
//   y[p, ...] = sum_t w[p, t] * x[i[p, t], ...] along each axis in turn. Half types and small integers are
//   computed in float; integer results lose their fraction. A quantized linear or cubic Resize passes its
//   parameters through (the result lies in, or is clamped to, the input's range), but truncation would
//   darken it by half a level: octet.Resize, which lowering puts in its place, rounds to nearest even.
// Source: ONNX Upsample-7, Upsample-9, Resize-10, Resize-11, Resize-13, Resize-18, Resize-19.
#include <cmath>

#include "octet/ops/gradient_context.h"
#include "octet/ops/movement.h"
#include "octet/ops/movement_gradient.h"
#include "octet/ops/op_list.h"
#include "octet/ops/resize_apply.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

constexpr int kNewest = 19;

bool quantized(const Node& node) { return node.domain == "octet" && node.op_type == "Resize"; }
// Which form of ONNX's operator a node has; ours has the newest.
int form(const Node& node, int opset) { return node.domain.empty() ? opset : kNewest; }

// The inputs and attributes that say how large: whichever are known.
struct Request {
  std::optional<std::vector<float>> scales;
  std::optional<std::vector<std::int64_t>> sizes;
  std::vector<int> axes;
};

std::vector<float> floats(const Tensor& tensor) {
  const Tensor wide = tensor.cast(DType::f32);
  return {wide.data<float>(), wide.data<float>() + wide.elements()};
}

std::vector<int> axes_of(const Attributes& attributes, int rank) {
  if (attributes.has("axes")) return unique_axes(attributes.integers("axes"), rank);
  std::vector<int> all;
  for (int i = 0; i < rank; ++i) all.push_back(i);
  return all;
}

int scales_slot(const std::string& op_type, int opset) { return op_type == "Upsample" || opset < 11 ? 1 : 2; }
constexpr int kSizesSlot = 3, kRoiSlot = 1;

void check_length(std::size_t got, std::size_t expected, const char* what) {
  if (got == expected) return;
  throw Error(ErrorKind::bad_input, std::string("Resize: ") + what + " must have one number for each axis")
      .value(std::to_string(got))
      .expected(std::to_string(expected));
}

void check_request(const Request& request) {
  if (request.scales) check_length(request.scales->size(), request.axes.size(), "scales");
  if (request.sizes) check_length(request.sizes->size(), request.axes.size(), "sizes");
  for (const float scale : request.scales.value_or(std::vector<float>{})) {
    if (!(scale > 0) || !std::isfinite(scale)) {
      throw Error(ErrorKind::bad_input, "Resize: a scale must be a positive number").value(std::to_string(scale));
    }
  }
}

std::int64_t scaled(std::int64_t dim, float scale) {
  const float size = std::floor(static_cast<float>(dim) * scale);
  if (size > 0x1p60f) throw Error(ErrorKind::limit, "Resize: the output is too large").value(std::to_string(size));
  return static_cast<std::int64_t>(size);
}

// Resized axes with sizes and scales; the policy picks one scale for all where the aspect ratio is kept.
std::vector<ResizeAxis> plan_axes(const Shape& x, const Request& request, const ResizeOptions& options) {
  std::vector<ResizeAxis> out;
  for (std::size_t i = 0; i < request.axes.size(); ++i) {
    ResizeAxis axis{.in = x[request.axes[i]]};
    if (request.scales) {
      axis.scale = (*request.scales)[i];
      axis.out = scaled(axis.in, axis.scale);
      axis.length = static_cast<float>(axis.in) * axis.scale;
    } else {
      axis.out = (*request.sizes)[i];
      if (axis.out < 0) throw Error(ErrorKind::bad_input, "Resize: a size is negative").value(std::to_string(axis.out));
      axis.length = static_cast<float>(axis.out);
      axis.scale = axis.in == 0 ? 1 : static_cast<float>(axis.out) / static_cast<float>(axis.in);
    }
    out.push_back(axis);
  }
  if (request.scales || options.aspect == "stretch" || out.empty()) return out;
  float chosen = out[0].scale;
  for (const ResizeAxis& axis : out)
    chosen = options.aspect == "not_larger" ? std::min(chosen, axis.scale) : std::max(chosen, axis.scale);
  for (ResizeAxis& axis : out) {
    axis.scale = chosen;
    axis.out = scaled(1, std::floor(chosen * static_cast<float>(axis.in) + 0.5f));
    axis.length = static_cast<float>(axis.out);
  }
  return out;
}

void infer(InferContext& ctx) {
  if (!ctx.has_shape(0)) return ctx.set_output(0, ctx.dtype(0));
  const std::string& op_type = ctx.node().op_type;
  const ResizeOptions options = resize_options(ctx.attributes(), op_type, form(ctx.node(), ctx.opset()));
  Request request{.scales = {}, .sizes = {}, .axes = axes_of(ctx.attributes(), ctx.rank(0))};
  const int slot = scales_slot(op_type, form(ctx.node(), ctx.opset()));
  if (ctx.attributes().has("scales")) request.scales = ctx.attributes().reals("scales");
  if (const Tensor* scales = ctx.constant(slot); scales != nullptr && scales->elements() != 0)
    request.scales = floats(*scales);
  SymbolicShape shape = ctx.shape(0);
  const auto sizes = ctx.elements(kSizesSlot);
  if (!request.scales && !(sizes && sizes->size() == request.axes.size())) {
    for (const int axis : request.axes) shape[static_cast<std::size_t>(axis)] = Dim();
    return ctx.set_output(0, ctx.dtype(0), shape);
  }
  check_request(request);
  bool all_known = true;
  for (std::size_t i = 0; i < request.axes.size(); ++i) {
    Dim& dim = shape[static_cast<std::size_t>(request.axes[i])];
    all_known = all_known && dim.known() && (request.scales || (*sizes)[i].known());
    if (request.scales) {
      const float scale = (*request.scales)[i];
      dim = dim.known() ? Dim(scaled(dim.value, scale)) : scale == 1 ? dim : Dim();
    } else {
      dim = options.aspect == "stretch" ? (*sizes)[i] : Dim();
    }
  }
  if (all_known && !request.scales && options.aspect != "stretch") {
    request.sizes.emplace();
    Shape x;
    for (const Dim& dim : ctx.shape(0)) x.push_back(dim.known() ? dim.value : 1);
    for (const Dim& dim : *sizes) request.sizes->push_back(dim.value);
    const std::vector<ResizeAxis> axes = plan_axes(x, request, options);
    for (std::size_t i = 0; i < axes.size(); ++i) shape[static_cast<std::size_t>(request.axes[i])] = Dim(axes[i].out);
  }
  ctx.set_output(0, ctx.dtype(0), shape);
}

Request request_of(const EvalContext& ctx, int rank) {
  const std::string& op_type = ctx.node().op_type;
  Request request{.scales = {}, .sizes = {}, .axes = axes_of(ctx.attributes(), rank)};
  const int slot = scales_slot(op_type, form(ctx.node(), ctx.opset()));
  if (ctx.attributes().has("scales")) {
    request.scales = ctx.attributes().reals("scales");
  } else if (ctx.has_input(slot) && ctx.input(slot).elements() != 0) {
    request.scales = floats(ctx.input(slot));
  } else if (ctx.has_input(kSizesSlot)) {
    request.sizes = ctx.input(kSizesSlot).to_int64();
  } else {
    throw ctx.error(ErrorKind::bad_input, "Resize without scales and sizes");
  }
  check_request(request);
  return request;
}

void set_regions(const EvalContext& ctx, std::vector<ResizeAxis>& axes) {
  if (!ctx.has_input(kRoiSlot))
    throw ctx.error(ErrorKind::bad_input, "tf_crop_and_resize without a region of interest");
  const std::vector<float> roi = floats(ctx.input(kRoiSlot));
  check_length(roi.size(), 2 * axes.size(), "the region of interest, a start and an end,");
  for (std::size_t i = 0; i < axes.size(); ++i) {
    axes[i].roi_start = roi[i];
    axes[i].roi_end = roi[i + axes.size()];
  }
}

struct Plan {
  ResizeOptions options;
  std::vector<Taps> taps;  ///< one for each axis of x
  Shape shape;             ///< of the result
};

// How a tensor of shape `x` is resized by the node (whose inputs are those of `ctx`).
Plan plan_of(const EvalContext& ctx, const Shape& x) {
  Plan plan{resize_options(ctx.attributes(), ctx.node().op_type, form(ctx.node(), ctx.opset())), {}, x};
  const Request request = request_of(ctx, x.rank());
  std::vector<ResizeAxis> axes = plan_axes(x, request, plan.options);
  if (plan.options.coordinates == "tf_crop_and_resize") set_regions(ctx, axes);
  for (std::size_t i = 0; i < axes.size(); ++i) plan.shape[request.axes[i]] = axes[i].out;
  if (plan.shape.elements() == 0) return plan;
  if (x.elements() == 0) throw ctx.error(ErrorKind::bad_input, "an empty tensor cannot be resized to a larger one");
  plan.taps.resize(static_cast<std::size_t>(x.rank()));
  for (Taps& t : plan.taps) t.identity = true;
  for (std::size_t i = 0; i < axes.size(); ++i)
    plan.taps[static_cast<std::size_t>(request.axes[i])] = make_taps(plan.options, axes[i]);
  return plan;
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Plan plan = plan_of(ctx, x.shape());
  Tensor& y = ctx.output(0, x.dtype(), plan.shape);
  if (y.elements() == 0) return;
  if (plan.options.mode == ResizeMode::nearest) {
    resize_nearest(ctx.threads(), x, plan.taps, y);
  } else {
    resize_filtered(ctx.threads(), x, plan.taps, quantized(ctx.node()) ? ToInteger::round : ToInteger::truncate, y);
  }
  fill_outside(plan.taps, plan.options.outside_value, y);
}

Sample make(Random& random, int opset, const char* mode, const char* coordinates, DType dtype, const Shape& shape,
            std::vector<float> scales, std::vector<std::int64_t> sizes) {
  Sample sample{.attributes = {}, .inputs = {random_tensor(random, dtype, shape, -9, 9)}, .opset = opset};
  sample.attributes.set("mode", std::string(mode));
  if (coordinates != nullptr) sample.attributes.set("coordinate_transformation_mode", std::string(coordinates));
  const auto scale_count = static_cast<std::int64_t>(scales.size()),
             size_count = static_cast<std::int64_t>(sizes.size());
  if (opset >= 11) sample.inputs.emplace_back();
  sample.inputs.push_back(scales.empty() ? Tensor() : Tensor::from<float>({scale_count}, scales));
  if (!sizes.empty()) sample.inputs.push_back(Tensor::from<std::int64_t>({size_count}, sizes));
  return sample;
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    for (const char* coordinates :
         {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"}) {
      out.push_back(make(random, 19, mode, coordinates, DType::f32, {1, 2, 4, 5}, {1, 1, 1.6f, 0.6f}, {}));
      out.push_back(make(random, 19, mode, coordinates, DType::f32, {1, 2, 4, 5}, {}, {1, 2, 3, 9}));
    }
    out.push_back(make(random, 19, mode, nullptr, DType::u8, {1, 1, 3, 3}, {1, 1, 2, 2}, {}));
    out.push_back(make(random, 19, mode, nullptr, DType::f16, {2, 3}, {}, {4, 3}));
    out.push_back(make(random, 19, mode, nullptr, DType::f64, {5}, {0.5f}, {}));
    Sample crop = make(random, 13, mode, "tf_crop_and_resize", DType::f32, {1, 1, 4, 4}, {}, {1, 1, 3, 3});
    crop.inputs[1] = Tensor::from<float>({8}, {0, 0, 0.4f, 0.6f, 1, 1, 1.2f, 0.9f});
    crop.attributes.set("extrapolation_value", 10.0f);
    out.push_back(crop);
  }
  for (const char* mode : {"linear", "cubic"}) {
    Sample smooth = make(random, 18, mode, nullptr, DType::f32, {1, 1, 8, 6}, {0.6f, 0.4f}, {});
    smooth.attributes.set("antialias", std::int64_t{1});
    smooth.attributes.set("axes", std::vector<std::int64_t>{3, 2});
    out.push_back(smooth);
  }
  for (const char* policy : {"not_larger", "not_smaller"}) {
    Sample kept = make(random, 18, "nearest", nullptr, DType::f32, {1, 1, 2, 4}, {}, {7, 8});
    kept.attributes.set("axes", std::vector<std::int64_t>{2, 3});
    kept.attributes.set("keep_aspect_ratio_policy", std::string(policy));
    out.push_back(kept);
  }
  out.push_back(make(random, 10, "nearest", nullptr, DType::f32, {1, 1, 2, 4}, {1, 1, 2, 0.6f}, {}));
  out.push_back(make(random, 10, "linear", nullptr, DType::f32, {0, 1, 2, 4}, {1, 1, 2, 2}, {}));
  return out;
}

std::vector<Sample> rounding_samples(Random& random) {
  return {make(random, kNewest, "linear", nullptr, DType::u8, {1, 2, 4, 5}, {1, 1, 1.6f, 0.6f}, {}),
          make(random, kNewest, "cubic", "asymmetric", DType::i8, {1, 2, 4, 5}, {}, {1, 2, 8, 9})};
}

std::vector<Sample> upsample_samples(Random& random) {
  std::vector<Sample> out;
  for (const char* mode : {"nearest", "linear"}) {
    out.push_back(make(random, 9, mode, nullptr, DType::f32, {1, 2, 2, 3}, {1, 1, 2, 3}, {}));
    Sample old{.attributes = {}, .inputs = {random_tensor(random, DType::f32, {1, 1, 3, 2})}, .opset = 7};
    old.attributes.set("mode", std::string(mode));
    old.attributes.set("scales", std::vector<float>{1, 1, 1.5f, 2});
    out.push_back(old);
  }
  return out;
}

// ResizeGrad(dy, roi, scales, sizes, shape of x): every element of dy goes, weighted, to those that it was made of.
void eval_gradient(EvalContext& ctx) {
  constexpr int kShapeSlot = 4;
  const Shape shape = shape_from(ctx, ctx.input(kShapeSlot));
  const Plan plan = plan_of(ctx, shape);
  Tensor dy = widened(ctx.input(0));
  if (!(dy.shape() == plan.shape)) {
    throw ctx.error(ErrorKind::bad_input, "the gradient is not that of this resize")
        .value(to_string(dy.shape()))
        .expected(to_string(plan.shape));
  }
  fill_output(ctx, 0, ctx.input(0).dtype(), shape, [&](Tensor& dx) {
    if (plan.taps.empty()) {
      std::memset(dx.raw(), 0, dx.bytes());
    } else {
      resize_back(ctx.threads(), dy, plan.taps, dx);
    }
  });
}

void infer_gradient(InferContext& ctx) {
  if (const auto elements = ctx.elements(4)) return ctx.set_output(0, ctx.dtype(0), *elements);
  ctx.set_output(0, ctx.dtype(0));
}

// The slots are those of Resize-11, whatever the node's opset; Upsample's and Resize-10's scales move to theirs.
void gradient(GradientContext& ctx) {
  if (ctx.attributes().text("mode", "nearest") == "nearest") {
    Node node = ctx.node();
    node.attributes.erase("extrapolation_value");
    return gradient_by_movement_of(ctx, node);
  }
  Attributes form = ctx.attributes();
  const bool early = ctx.node().op_type == "Upsample" || ctx.opset() < 11;
  ValueId scales = early ? ctx.input(1) : ctx.input(2);
  if (form.has("scales")) {
    const std::vector<float> given = form.reals("scales");
    scales = ctx.graph().add_initializer({}, Tensor::from<float>({static_cast<std::int64_t>(given.size())}, given));
    form.erase("scales");
  }
  const ResizeOptions options = resize_options(ctx.attributes(), ctx.node().op_type, ctx.opset());
  form.set("coordinate_transformation_mode", options.coordinates);
  const ValueId roi = early ? kNoValue : ctx.input(kRoiSlot), sizes = early ? kNoValue : ctx.input(kSizesSlot);
  ctx.set(0, ctx.emit_own("ResizeGrad", {ctx.output_gradient(), roi, scales, sizes, ctx.shape_of(ctx.input(0))}, form));
}

std::vector<Sample> gradient_samples(Random& random) {
  std::vector<Sample> out;
  for (const char* mode : {"linear", "cubic"}) {
    Sample sample = make(random, kNewest, mode, "half_pixel", DType::f32, {1, 2, 8, 10}, {1, 1, 2, 2}, {});
    sample.inputs.resize(4);
    sample.inputs.push_back(int64_tensor({1, 2, 4, 5}));
    out.push_back(sample);
  }
  return out;
}

}  // namespace

Rows resize() {
  const OpDef row = {
      .name = "Resize",
      .since = 10,
      .inputs = {1, 4},
      .attributes = {"mode", "coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a", "exclude_outside",
                     "extrapolation_value", "antialias", "axes", "keep_aspect_ratio_policy"},
      .infer = infer,
      .eval = eval,
      .gradient = gradient,
      .quant = {.kind = QuantRule::Kind::pass_through},
      .samples = samples,
  };
  OpDef upsample = row, rounding = row;
  rounding.domain = "octet";
  rounding.since = 1;
  rounding.samples = rounding_samples;
  rounding.gradient = {};
  OpDef back = row;
  back.name = "ResizeGrad";
  back.domain = "octet";
  back.since = 0;
  back.inputs = {5, 5};
  back.infer = infer_gradient;
  back.eval = eval_gradient;
  back.gradient = {};
  back.quant = {};
  back.samples = gradient_samples;
  upsample.name = "Upsample";
  upsample.since = 7;
  upsample.until = 9;
  upsample.inputs = {1, 2};
  upsample.attributes = {"mode", "scales"};
  upsample.samples = upsample_samples;
  return {row, upsample, rounding, back};
}

}  // namespace octet::ops
