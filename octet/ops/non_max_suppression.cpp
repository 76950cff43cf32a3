// NonMaxSuppression: for each image and class, boxes by falling score that overlap none chosen before.
//   boxes: B x N x 4, scores: B x C x N; output: rows (image, class, box).
//   A box is dropped when its intersection over union with a chosen one exceeds iou_threshold.
// Source: ONNX NonMaxSuppression-10, NonMaxSuppression-11.
#include <algorithm>
#include <numeric>

#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

struct Box {
  float y0, x0, y1, x1;
  float area() const { return (y1 - y0) * (x1 - x0); }
};

Box box_of(const float* p, bool center) {
  if (center) return {p[1] - p[3] / 2, p[0] - p[2] / 2, p[1] + p[3] / 2, p[0] + p[2] / 2};
  return {std::min(p[0], p[2]), std::min(p[1], p[3]), std::max(p[0], p[2]), std::max(p[1], p[3])};
}

bool overlaps(const Box& a, const Box& b, float threshold) {
  const float height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0), width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  if (!(height > 0) || !(width > 0)) return false;
  const float common = height * width, together = a.area() + b.area() - common;
  return a.area() > 0 && b.area() > 0 && together > 0 && common / together > threshold;
}

struct Limits {
  std::int64_t most = 0;
  float iou = 0, score = 0;
  bool has_score = false, center = false;
};

std::vector<std::int64_t> choose(const Limits& limits, const float* boxes, const float* scores, std::int64_t count) {
  std::vector<std::int64_t> order, chosen;
  for (std::int64_t i = 0; i < count; ++i) {
    if (!limits.has_score || scores[i] > limits.score) order.push_back(i);
  }
  // NaN scores would break the order: they count as the lowest.
  const auto key = [&](std::int64_t i) {
    return scores[i] != scores[i] ? -std::numeric_limits<float>::infinity() : scores[i];
  };
  std::sort(order.begin(), order.end(),
            [&](std::int64_t a, std::int64_t b) { return key(a) != key(b) ? key(a) > key(b) : a < b; });
  std::vector<Box> kept;
  for (const std::int64_t i : order) {
    if (static_cast<std::int64_t>(chosen.size()) >= limits.most) break;
    const Box box = box_of(boxes + i * 4, limits.center);
    if (std::any_of(kept.begin(), kept.end(), [&](const Box& other) { return overlaps(box, other, limits.iou); }))
      continue;
    kept.push_back(box);
    chosen.push_back(i);
  }
  return chosen;
}

void infer(InferContext& ctx) { ctx.set_output(0, DType::i64, {Dim(), Dim(3)}); }

Limits limits_of(const EvalContext& ctx) {
  Limits out;
  const auto single = [&](int slot) -> const Tensor& {
    if (ctx.input(slot).elements() == 1) return ctx.input(slot);
    throw ctx.error(ErrorKind::bad_input, "a limit must be one number").value(to_string(ctx.input(slot).shape()));
  };
  if (ctx.has_input(2)) out.most = single(2).to_int64()[0];
  if (ctx.has_input(3)) out.iou = static_cast<float>(single(3).to_double()[0]);
  out.has_score = ctx.has_input(4);
  if (out.has_score) out.score = static_cast<float>(single(4).to_double()[0]);
  out.center = ctx.attributes().integer("center_point_box", 0) != 0;
  return out;
}

void eval(EvalContext& ctx) {
  const Tensor &boxes = ctx.input(0), &scores = ctx.input(1);
  const bool fits = boxes.rank() == 3 && scores.rank() == 3 && boxes.dim(2) == 4 && boxes.dim(0) == scores.dim(0) &&
                    boxes.dim(1) == scores.dim(2);
  if (!fits || boxes.dtype() != DType::f32 || scores.dtype() != DType::f32) {
    throw ctx.error(ErrorKind::bad_input, "boxes and scores do not fit together")
        .value(to_string(boxes.shape()) + " and " + to_string(scores.shape()))
        .expected("B x N x 4 and B x C x N floats");
  }
  const Limits limits = limits_of(ctx);
  const std::int64_t images = scores.dim(0), classes = scores.dim(1), count = scores.dim(2);
  std::vector<std::vector<std::int64_t>> chosen(static_cast<std::size_t>(images * classes));
  ctx.threads().parallel_for(images * classes, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      chosen[static_cast<std::size_t>(i)] =
          choose(limits, boxes.data<float>() + i / classes * count * 4, scores.data<float>() + i * count, count);
    }
  });
  std::int64_t total = 0;
  for (const auto& list : chosen) total += static_cast<std::int64_t>(list.size());
  std::int64_t* y = ctx.output(0, DType::i64, {total, 3}).data<std::int64_t>();
  for (std::int64_t i = 0; i < images * classes; ++i) {
    for (const std::int64_t box : chosen[static_cast<std::size_t>(i)]) {
      *y++ = i / classes;
      *y++ = i % classes;
      *y++ = box;
    }
  }
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const std::int64_t center : {0, 1}) {
    Sample sample{.attributes = {},
                  .inputs = {random_tensor(random, DType::f32, {2, 12, 4}, 0, 1),
                             random_tensor(random, DType::f32, {2, 3, 12}, 0, 1), Tensor::scalar<std::int64_t>(4),
                             Tensor::from<float>({1}, {0.3f}), Tensor::scalar(0.2f)}};
    sample.attributes.set("center_point_box", center);
    out.push_back(sample);
    sample.inputs.resize(3);
    out.push_back(sample);
    sample.inputs.resize(2);
    out.push_back(sample);
  }
  return out;
}

}  // namespace

Rows non_max_suppression() {
  return {{
      .name = "NonMaxSuppression",
      .since = 10,
      .inputs = {2, 5},
      .attributes = {"center_point_box"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
