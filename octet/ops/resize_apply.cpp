#include "octet/ops/resize_apply.h"

#include <algorithm>

#include "octet/ops/fill.h"
#include "octet/ops/from_real.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

constexpr std::int64_t kGrain = 16384;  // elements

template <class T>
void nearest_as(ThreadPool& threads, const Tensor& x, const std::vector<Taps>& taps, Tensor& y) {
  const auto* from = static_cast<const T*>(x.raw());
  auto* to = static_cast<T*>(y.raw());
  const int last = x.rank() - 1;
  const Taps& inner = taps.back();
  const std::int64_t width = y.shape().back(), in_width = x.shape().back();
  const auto source = [&](int axis, std::int64_t p) {
    const Taps& t = taps[static_cast<std::size_t>(axis)];
    return t.identity ? p : t.index[static_cast<std::size_t>(p)];
  };
  threads.parallel_for(y.elements() / width, std::max<std::int64_t>(1, kGrain / width),
                       [&](std::int64_t begin, std::int64_t end) {
                         for (std::int64_t row = begin; row < end; ++row) {
                           std::int64_t rest = row, in_row = 0, stride = 1;
                           for (int axis = last - 1; axis >= 0; --axis) {
                             in_row += source(axis, rest % y.dim(axis)) * stride;
                             rest /= y.dim(axis);
                             stride *= x.dim(axis);
                           }
                           const T* line = from + in_row * in_width;
                           T* out = to + row * width;
                           if (inner.identity) {
                             std::copy_n(line, width, out);
                           } else {
                             for (std::int64_t i = 0; i < width; ++i)
                               out[i] = line[inner.index[static_cast<std::size_t>(i)]];
                           }
                         }
                       });
}

// y[o, p, i] = sum_t w[p, t] * x[o, index[p, t], i].
template <class A>
void filter_axis(ThreadPool& threads, const A* x, std::int64_t outer, std::int64_t in, std::int64_t inner,
                 const Taps& taps, std::int64_t out, A* y) {
  threads.parallel_for(outer * out, std::max<std::int64_t>(1, kGrain / inner),
                       [&](std::int64_t begin, std::int64_t end) {
                         for (std::int64_t row = begin; row < end; ++row) {
                           const std::int64_t p = row % out;
                           const A* from = x + row / out * in * inner;
                           A* to = y + row * inner;
                           std::fill_n(to, inner, A{0});
                           for (std::int64_t t = p * taps.count; t < (p + 1) * taps.count; ++t) {
                             const A weight = static_cast<A>(taps.weight[static_cast<std::size_t>(t)]);
                             const A* line = from + taps.index[static_cast<std::size_t>(t)] * inner;
                             if (weight == 0) continue;
                             for (std::int64_t i = 0; i < inner; ++i) to[i] += weight * line[i];
                           }
                         }
                       });
}

// dx[o, index[p, t], i] += w[p, t] * dy[o, p, i]; a slice of dx belongs to one thread.
template <class T>
void spread_axis(ThreadPool& threads, const T* dy, std::int64_t outer, std::int64_t out, std::int64_t inner,
                 const Taps& taps, std::int64_t in, T* dx) {
  threads.parallel_for(outer, std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, out * inner)),
                       [&](std::int64_t begin, std::int64_t end) {
                         for (std::int64_t o = begin; o < end; ++o) {
                           T* to = dx + o * in * inner;
                           std::fill_n(to, in * inner, T{0});
                           for (std::int64_t k = 0; k < out * taps.count; ++k) {
                             const auto u = static_cast<std::size_t>(k);
                             const T weight = taps.weight.empty() ? T{1} : static_cast<T>(taps.weight[u]);
                             const T* from = dy + (o * out + k / taps.count) * inner;
                             T* line = to + taps.index[u] * inner;
                             for (std::int64_t i = 0; i < inner; ++i) line[i] += weight * from[i];
                           }
                         }
                       });
}

template <class T>
void filtered_as(ThreadPool& threads, const Tensor& x, const std::vector<Taps>& taps, ToInteger rounding, Tensor& y) {
  using A = RealOf<T>;
  Tensor current = x.cast(DTypeOf<A>::value);
  Shape shape = x.shape();
  for (int axis = x.rank() - 1; axis >= 0; --axis) {
    const Taps& t = taps[static_cast<std::size_t>(axis)];
    if (t.identity) continue;
    const std::int64_t in = shape[axis], outer = shape.elements(0, axis),
                       inner = shape.elements(axis + 1, shape.rank());
    shape[axis] = y.dim(axis);
    Tensor next(current.dtype(), shape);
    filter_axis<A>(threads, current.data<A>(), outer, in, inner, t, y.dim(axis), next.data<A>());
    current = std::move(next);
  }
  const A* from = current.data<A>();
  T* to = y.data<T>();
  threads.parallel_for(y.elements(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    if (rounding == ToInteger::round) {
      for (std::int64_t i = begin; i < end; ++i) to[i] = from_real<T>(from[i]);
    } else {
      for (std::int64_t i = begin; i < end; ++i) to[i] = from_real<T, ToInteger::truncate>(from[i]);
    }
  });
}

}  // namespace

void resize_nearest(ThreadPool& threads, const Tensor& x, const std::vector<Taps>& taps, Tensor& y) {
  if (x.rank() == 0) {
    std::memcpy(y.raw(), x.raw(), x.bytes());
    return;
  }
  switch (size_of(x.dtype())) {
    case 1:
      return nearest_as<std::uint8_t>(threads, x, taps, y);
    case 2:
      return nearest_as<std::uint16_t>(threads, x, taps, y);
    case 4:
      return nearest_as<std::uint32_t>(threads, x, taps, y);
    default:
      return nearest_as<std::uint64_t>(threads, x, taps, y);
  }
}

void resize_filtered(ThreadPool& threads, const Tensor& x, const std::vector<Taps>& taps, ToInteger rounding,
                     Tensor& y) {
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (std::is_same_v<T, bool>) {
      throw Error(ErrorKind::bad_input, "booleans cannot be interpolated");
    } else {
      filtered_as<T>(threads, x, taps, rounding, y);
    }
  });
}

void fill_outside(const std::vector<Taps>& taps, float value, Tensor& y) {
  const Tensor item = Tensor::scalar(value).cast(y.dtype());
  const std::size_t size = size_of(y.dtype());
  for (int axis = 0; axis < y.rank(); ++axis) {
    const Taps& t = taps[static_cast<std::size_t>(axis)];
    if (!t.any_outside) continue;
    const std::int64_t inner = y.shape().elements(axis + 1, y.rank());
    for (std::int64_t row = 0; row < y.shape().elements(0, axis + 1); ++row) {
      if (!t.outside[static_cast<std::size_t>(row % y.dim(axis))]) continue;
      fill(size, item.raw(), static_cast<std::byte*>(y.raw()) + static_cast<std::size_t>(row * inner) * size, inner);
    }
  }
}

void resize_back(ThreadPool& threads, const Tensor& dy, const std::vector<Taps>& taps, Tensor& dx) {
  Tensor current = dy.clone();
  fill_outside(taps, 0, current);
  Shape shape = dy.shape();
  for (int axis = 0; axis < dx.rank(); ++axis) {
    const Taps& t = taps[static_cast<std::size_t>(axis)];
    if (t.identity) continue;
    const std::int64_t out = shape[axis], outer = shape.elements(0, axis),
                       inner = shape.elements(axis + 1, shape.rank());
    shape[axis] = dx.dim(axis);
    Tensor next(current.dtype(), shape);
    dispatch_float(current.dtype(), [&]<class T>() {
      spread_axis(threads, current.data<T>(), outer, out, inner, t, dx.dim(axis), next.data<T>());
    });
    current = std::move(next);
  }
  std::memcpy(dx.raw(), current.raw(), dx.bytes());
}

}  // namespace octet::ops
