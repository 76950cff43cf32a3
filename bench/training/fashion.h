// Fashion-MNIST (Debian's dataset-fashion-mnist) and a small convolutional network for it.
#pragma once

#include <zlib.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "octet/octet.h"

namespace octet::bench {

/// The bytes behind the header of a gzipped IDX file (http://yann.lecun.com/exdb/mnist): magic, one size a dimension,
/// data. Throws io or bad_input.
inline std::vector<std::uint8_t> read_idx(const std::string& path, int rank, std::vector<std::int64_t>& dims) {
  const auto closed = [](gzFile f) { gzclose(f); };
  const std::unique_ptr<gzFile_s, decltype(closed)> file(gzopen(path.c_str(), "rb"), closed);
  if (!file)
    throw Error(ErrorKind::io, "the file cannot be read").file(path).hint("apt-get install dataset-fashion-mnist");
  const auto word = [&] {
    std::uint8_t b[4] = {};
    if (gzread(file.get(), b, 4) != 4) throw Error(ErrorKind::bad_input, "an IDX file is too short").file(path);
    return std::int64_t{b[0]} << 24 | std::int64_t{b[1]} << 16 | std::int64_t{b[2]} << 8 | std::int64_t{b[3]};
  };
  if (word() != 0x0800 + rank) throw Error(ErrorKind::bad_input, "no IDX file of bytes of that rank").file(path);
  std::int64_t count = 1;
  for (int i = 0; i < rank; ++i) {
    dims.push_back(word());
    count *= dims.back();
  }
  std::vector<std::uint8_t> out(static_cast<std::size_t>(count));
  if (gzread(file.get(), out.data(), static_cast<unsigned>(count)) != count)
    throw Error(ErrorKind::bad_input, "an IDX file is too short").file(path);
  return out;
}

/// "train" or "t10k": pictures as (x / 255 - 0.286) / 0.353 under the name "image", and labels.
inline train::Samples fashion(const std::string& which) {
  const char* given = std::getenv("FASHION_MNIST");
  const std::string folder = given != nullptr ? given : "/usr/share/datasets/fashion-mnist";
  std::vector<std::int64_t> dims, label_dims;
  const auto pixels = read_idx(folder + "/" + which + "-images-idx3-ubyte.gz", 3, dims);
  const auto labels = read_idx(folder + "/" + which + "-labels-idx1-ubyte.gz", 1, label_dims);
  Tensor x(DType::f32, {dims[0], 1, dims[1], dims[2]}), y(DType::i64, {label_dims[0]});
  for (std::size_t i = 0; i < pixels.size(); ++i)
    x.data<float>()[i] = (static_cast<float>(pixels[i]) / 255 - 0.286f) / 0.353f;
  for (std::size_t i = 0; i < labels.size(); ++i) y.data<std::int64_t>()[i] = labels[i];
  return train::Samples({{"image", x}}, y);
}

/// Three 3x3 convolutions (32, 64, 64) with batch norms, two pools, a mean and a Linear: 56,714 parameters.
inline std::unique_ptr<nn::Module> fashion_network(Random& random) {
  auto net = std::make_unique<nn::Sequential>();
  std::int64_t in = 1;
  for (const std::int64_t out : {32, 64, 64}) {
    net->append<nn::Conv2d>(in, out, 3, random, nn::ConvOptions{.padding = 1})
        .append<nn::BatchNorm2d>(out)
        .append<nn::ReLU>();
    if (in != 64) net->append<nn::MaxPool2d>(2);
    in = out;
  }
  net->append<nn::GlobalAvgPool>().append<nn::Flatten>().append<nn::Linear>(64, 10, random);
  return net;
}

}  // namespace octet::bench
