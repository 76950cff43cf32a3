#include "octet/ops/window.h"

#include <algorithm>

#include "octet/base/checked.h"

namespace octet::ops {
namespace {

constexpr std::int64_t kLargest = (std::int64_t{1} << 31) - 1;  // so that products of two sizes fit 63 bits

Error attribute_error(const char* name, const std::string& message) {
  return Error(ErrorKind::bad_input, std::string(name) + " " + message);
}

// Reads `count` sizes of at least `lowest`.
std::vector<std::int64_t> sizes(const Attributes& attributes, const char* name, std::size_t count, std::int64_t lowest,
                                std::int64_t fallback) {
  if (!attributes.has(name)) return std::vector<std::int64_t>(count, fallback);
  std::vector<std::int64_t> out = attributes.integers(name);
  if (out.size() != count) {
    throw attribute_error(name, "has the wrong number of entries")
        .value(std::to_string(out.size()))
        .expected(std::to_string(count));
  }
  for (const std::int64_t v : out) {
    if (v >= lowest && v <= kLargest) continue;
    throw attribute_error(name, v < lowest ? "has an entry that is too small" : "has an entry that is too large")
        .value(std::to_string(v))
        .expected("between " + std::to_string(lowest) + " and " + std::to_string(kLargest));
  }
  return out;
}

WindowForm::AutoPad read_auto_pad(const Attributes& attributes) {
  const std::string text = attributes.text("auto_pad", "NOTSET");
  if (text == "NOTSET" || text.empty()) return WindowForm::AutoPad::none;
  if (text == "SAME_UPPER") return WindowForm::AutoPad::same_upper;
  if (text == "SAME_LOWER") return WindowForm::AutoPad::same_lower;
  if (text == "VALID") return WindowForm::AutoPad::valid;
  throw attribute_error("auto_pad", "is unknown").value(text).expected("NOTSET, SAME_UPPER, SAME_LOWER or VALID");
}

void read_kernel(const Attributes& attributes, const SymbolicShape* weights, WindowForm& form) {
  const auto rank = static_cast<std::size_t>(form.rank);
  if (weights == nullptr) {
    if (!attributes.has("kernel_shape")) throw attribute_error("kernel_shape", "is missing");
  } else if (weights->size() != rank + 2) {
    throw Error(ErrorKind::bad_input, "the weights have another rank than the input")
        .value(to_string(*weights))
        .expected(std::to_string(rank + 2) + " dimensions");
  }
  const std::vector<std::int64_t> given = sizes(attributes, "kernel_shape", rank, 1, -1);
  for (std::size_t i = 0; i < rank; ++i) {
    form.kernel[i] = given[i];
    if (weights == nullptr || !(*weights)[i + 2].known()) continue;
    const std::int64_t actual = (*weights)[i + 2].value;
    if (attributes.has("kernel_shape") && actual != given[i]) {
      throw attribute_error("kernel_shape", "contradicts the shape of the weights")
          .value(std::to_string(given[i]))
          .expected(std::to_string(actual) + " (weights " + to_string(*weights) + ")");
    }
    if (actual < 1) {
      throw Error(ErrorKind::bad_input, "the weights have an empty kernel").value(to_string(*weights));
    }
    form.kernel[i] = actual;
  }
}

struct Slid {
  std::int64_t output = -1, pad_begin = 0, pad_end = 0;
};

Slid slide_same(const WindowForm& form, std::size_t i, std::int64_t input, std::int64_t reach) {
  Slid out;
  out.output = (input - 1) / form.stride[i] + 1;
  const std::int64_t total = std::max<std::int64_t>(0, (out.output - 1) * form.stride[i] - input + reach);
  const std::int64_t less = total / 2, more = total - less;
  const bool upper = form.auto_pad == WindowForm::AutoPad::same_upper;
  out.pad_begin = upper ? less : more;
  out.pad_end = upper ? more : less;
  return out;
}

Slid slide_one(const WindowForm& form, std::size_t i, std::int64_t input) {
  using AutoPad = WindowForm::AutoPad;
  if (input == 0) return {0, form.pad_begin[i], form.pad_end[i]};
  const std::int64_t reach = form.dilation[i] * (form.kernel[i] - 1) + 1;
  if (form.auto_pad == AutoPad::same_upper || form.auto_pad == AutoPad::same_lower) {
    return slide_same(form, i, input, reach);
  }
  Slid out{-1, form.pad_begin[i], form.pad_end[i]};
  const std::int64_t room = checked_add(input, out.pad_begin + out.pad_end) - reach;
  if (room < 0) {
    throw Error(ErrorKind::bad_input, "the kernel is larger than the padded input")
        .value("kernel reaches over " + std::to_string(reach))
        .expected("at most " + std::to_string(room + reach));
  }
  const std::int64_t stride = form.stride[i];
  out.output = room / stride + 1;
  if (form.ceil_mode && room % stride != 0 && out.output * stride < input + out.pad_begin) ++out.output;
  return out;
}

// Per dimension, the taps [first, last) that fall on input elements at one output index.
struct Taps {
  std::int64_t start = 0, first = 0, last = 0;
};

Taps taps_inside(const Window& w, std::size_t i, std::int64_t at) {
  Taps out;
  out.start = at * w.stride[i] - w.pad_begin[i];
  const std::int64_t d = w.dilation[i];
  out.first = out.start >= 0 ? 0 : (-out.start + d - 1) / d;
  out.last = out.start >= w.input[i] ? 0 : std::min(w.kernel[i], (w.input[i] - out.start + d - 1) / d);
  return out;
}

Extents output_index(const Window& w, std::int64_t position) {
  Extents at{};
  for (int i = w.rank - 1; i >= 0; --i) {
    const auto u = static_cast<std::size_t>(i);
    at[u] = position % w.output[u];
    position /= w.output[u];
  }
  return at;
}

}  // namespace

std::int64_t Window::product(const Extents& extents) const {
  std::int64_t out = 1;
  for (int i = 0; i < rank; ++i) out = checked_mul(out, extents[static_cast<std::size_t>(i)]);
  return out;
}

void check_spatial_rank(const SymbolicShape& x, const char* what) {
  if (x.size() >= 3 && x.size() <= static_cast<std::size_t>(Shape::kMaxRank)) return;
  throw Error(ErrorKind::bad_input, std::string("the ") + what + " has no spatial dimensions, or too many")
      .value(to_string(x))
      .expected("3 to " + std::to_string(Shape::kMaxRank) + " dimensions: N, C, and one or more");
}

WindowForm read_window(const Attributes& attributes, int rank, const SymbolicShape* weights) {
  WindowForm form;
  form.rank = rank;
  const auto count = static_cast<std::size_t>(rank);
  read_kernel(attributes, weights, form);
  form.auto_pad = read_auto_pad(attributes);
  form.ceil_mode = attributes.integer("ceil_mode", 0) != 0;
  const auto strides = sizes(attributes, "strides", count, 1, 1);
  const auto dilations = sizes(attributes, "dilations", count, 1, 1);
  const auto pads = sizes(attributes, "pads", 2 * count, 0, 0);
  const bool padded = std::any_of(pads.begin(), pads.end(), [](std::int64_t p) { return p != 0; });
  if (padded && form.auto_pad != WindowForm::AutoPad::none) {
    throw attribute_error("pads", "are given beside auto_pad").expected("one of the two");
  }
  for (std::size_t i = 0; i < count; ++i) {
    form.stride[i] = strides[i];
    form.dilation[i] = dilations[i];
    form.pad_begin[i] = pads[i];
    form.pad_end[i] = pads[i + count];
  }
  return form;
}

Window slide(const WindowForm& form, const SymbolicShape& x) {
  Window w;
  w.rank = form.rank;
  w.kernel = form.kernel;
  w.stride = form.stride;
  w.dilation = form.dilation;
  w.pad_begin = form.pad_begin;
  w.pad_end = form.pad_end;
  for (std::size_t i = 0; i < static_cast<std::size_t>(form.rank); ++i) {
    w.input[i] = x[i + 2].value;
    w.output[i] = -1;
    if (!x[i + 2].known() || form.kernel[i] < 0) continue;
    const Slid slid = slide_one(form, i, x[i + 2].value);
    w.output[i] = slid.output;
    w.pad_begin[i] = slid.pad_begin;
    w.pad_end[i] = slid.pad_end;
  }
  const bool same =
      form.auto_pad == WindowForm::AutoPad::same_upper || form.auto_pad == WindowForm::AutoPad::same_lower;
  for (std::size_t i = 0; same && i < static_cast<std::size_t>(form.rank); ++i) {
    if (w.input[i] >= 0 || form.kernel[i] < 0 || form.stride[i] != 1) continue;
    w.pad_begin[i] = w.reach(static_cast<int>(i)) - 1;  // only the sum counts until the size is known
  }
  return w;
}

void append_output(const Window& w, const SymbolicShape& x, SymbolicShape& shape) {
  for (int i = 0; i < w.rank; ++i) {
    const auto u = static_cast<std::size_t>(i);
    const bool keeps = w.kernel[u] > 0 && w.stride[u] == 1 && w.pad_begin[u] + w.pad_end[u] == w.reach(i) - 1;
    if (w.output[u] >= 0) {
      shape.emplace_back(w.output[u]);
    } else {
      shape.push_back(keeps ? x[u + 2] : Dim());
    }
  }
}

void tap_offsets(const Window& w, std::int64_t position, std::int64_t* offsets, std::int64_t step) {
  const Extents at = output_index(w, position);
  Extents start{}, tap{};
  for (std::size_t i = 0; i < static_cast<std::size_t>(w.rank); ++i) start[i] = at[i] * w.stride[i] - w.pad_begin[i];
  const std::int64_t taps = w.taps();
  for (std::int64_t t = 0; t < taps; ++t) {
    std::int64_t offset = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(w.rank); ++i) {
      const std::int64_t index = start[i] + tap[i] * w.dilation[i];
      if (index < 0 || index >= w.input[i]) {
        offset = -1;
        break;
      }
      offset = offset * w.input[i] + index;
    }
    offsets[t * step] = offset;
    for (int i = w.rank - 1; i >= 0; --i) {
      const auto u = static_cast<std::size_t>(i);
      if (++tap[u] < w.kernel[u]) break;
      tap[u] = 0;
    }
  }
}

void covered(const Window& w, std::int64_t position, std::vector<std::int64_t>& offsets) {
  const Extents at = output_index(w, position);
  offsets.assign(1, 0);
  std::vector<std::int64_t> next;
  for (std::size_t i = 0; i < static_cast<std::size_t>(w.rank); ++i) {
    const Taps taps = taps_inside(w, i, at[i]);
    next.clear();
    for (const std::int64_t base : offsets) {
      for (std::int64_t t = taps.first; t < taps.last; ++t) {
        next.push_back(base * w.input[i] + taps.start + t * w.dilation[i]);
      }
    }
    offsets.swap(next);
  }
}

std::int64_t taps_within_padding(const Window& w, std::int64_t position) {
  const Extents at = output_index(w, position);
  std::int64_t count = 1;
  for (std::size_t i = 0; i < static_cast<std::size_t>(w.rank); ++i) {
    const std::int64_t start = at[i] * w.stride[i] - w.pad_begin[i];
    const std::int64_t room = w.input[i] + w.pad_end[i] - start;
    count *= std::clamp<std::int64_t>((room + w.dilation[i] - 1) / w.dilation[i], 0, w.kernel[i]);
  }
  return count;
}

}  // namespace octet::ops
