// Windows may overlap: an image belongs to one thread, its windows in order.
#include "octet/kernels/pool/gradient.h"

#include <algorithm>
#include <vector>

#include "octet/kernels/pool/window.h"

namespace octet::kernels {
namespace {

template <class Body>
void each_image(const PoolShape& s, float* dx, ThreadPool& pool, const Body& body) {
  const std::int64_t image = s.in_height * s.in_width * s.channels;
  pool.parallel_for(s.batch, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      std::fill_n(dx + b * image, image, 0.0f);
      for (std::int64_t row = b * s.out_height; row < (b + 1) * s.out_height; ++row) body(row);
    }
  });
}

}  // namespace

void max_pool_grad_f32(const PoolShape& s, const float* x, const float* dy, float* dx, ThreadPool& pool) {
  each_image(s, dx, pool, [&, &kernel = select_pool()](std::int64_t row) { kernel.max_grad_f32(s, x, dy, dx, row); });
}

void average_pool_grad_f32(const PoolShape& s, const float* dy, float* dx, ThreadPool& pool) {
  each_image(s, dx, pool, [&](std::int64_t row) {
    const WindowRow line(s, row);
    for (std::int64_t ox = 0; ox < s.out_width; ++ox) {
      const Window window(s, line, ox);
      const std::int64_t places = window.y.places * window.x.places;
      if (places == 0) continue;
      const float* slope = dy + (row * s.out_width + ox) * s.channels;
      const float share = static_cast<float>(places);
      window.each_pixel(s, [&](std::int64_t pixel) {
        float* to = dx + pixel * s.channels;
        for (std::int64_t c = 0; c < s.channels; ++c) to[c] += slope[c] / share;
      });
    }
  });
}

}  // namespace octet::kernels
