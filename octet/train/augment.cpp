#include "octet/train/augment.h"

#include <algorithm>
#include <vector>

namespace octet::train {
namespace {

std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

struct Picture {
  std::int64_t planes, height, width, depth;  // depth: values of one pixel that lie together
};

// out(y, x) = in(y + dy, x' + dx), x' counted from the right when flipped; zero outside.
void change(const float* in, float* out, const Picture& p, std::int64_t dy, std::int64_t dx, bool flip) {
  for (std::int64_t plane = 0; plane < p.planes; ++plane) {
    for (std::int64_t y = 0; y < p.height; ++y) {
      float* to = out + (plane * p.height + y) * p.width * p.depth;
      const std::int64_t from_y = y + dy;
      for (std::int64_t x = 0; x < p.width; ++x, to += p.depth) {
        const std::int64_t from_x = (flip ? p.width - 1 - x : x) + dx;
        const bool inside = from_y >= 0 && from_y < p.height && from_x >= 0 && from_x < p.width;
        const float* from = in + ((plane * p.height + from_y) * p.width + from_x) * p.depth;
        for (std::int64_t c = 0; c < p.depth; ++c) to[c] = inside ? from[c] : 0.0f;
      }
    }
  }
}

}  // namespace

CountedRandom::CountedRandom(std::uint64_t seed, std::int64_t epoch, std::int64_t sample)
    : state_(mixed(mixed(seed) ^ static_cast<std::uint64_t>(epoch) << 40) ^ static_cast<std::uint64_t>(sample)) {
  state_ = mixed(state_);
}

std::uint64_t CountedRandom::next() {
  state_ += 0x9e3779b97f4a7c15u;
  return mixed(state_);
}

void augment(Tensor& pictures, std::span<const std::int64_t> indices, const Augment& form, std::uint64_t seed,
             std::int64_t epoch) {
  if (pictures.dtype() != DType::f32 || pictures.rank() != 4 ||
      pictures.dim(0) != static_cast<std::int64_t>(indices.size())) {
    throw Error(ErrorKind::usage, "augmentation needs a batch of float32 pictures")
        .value(std::string(to_string(pictures.dtype())) + " " + to_string(pictures.shape()))
        .expected("float32 [N, C, H, W]");
  }
  Picture p{pictures.dim(1), pictures.dim(2), pictures.dim(3), 1};
  if (form.channels_last) p = {1, pictures.dim(1), pictures.dim(2), pictures.dim(3)};
  const std::int64_t size = p.planes * p.height * p.width * p.depth;
  std::vector<float> before(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < indices.size(); ++i) {
    CountedRandom random(seed, epoch, indices[i]);
    const std::int64_t range = 2 * form.crop_padding + 1;
    const std::int64_t dy = random.below(range) - form.crop_padding, dx = random.below(range) - form.crop_padding;
    const bool flip = random.below(2) == 1 && form.flip;
    if (dy == 0 && dx == 0 && !flip) continue;
    float* const picture = pictures.data<float>() + static_cast<std::int64_t>(i) * size;
    std::copy_n(picture, size, before.begin());
    change(before.data(), picture, p, dy, dx, flip);
  }
}

}  // namespace octet::train
