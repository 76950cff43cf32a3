// Linear, convolutions, embedding, dropout, and a chain of modules.
#pragma once

#include <memory>
#include <vector>

#include "octet/base/random.h"
#include "octet/nn/functional.h"
#include "octet/nn/module.h"

namespace octet::nn {

/// y = x W^T + b over the last axis.  weight [out, in], bias [out]
class Linear : public Module {
 public:
  Linear(std::int64_t in, std::int64_t out, Random& random, bool with_bias = true, int input_rank = 2);
  Tensor weight, bias;

 protected:
  Value forward(const Value& x) override;

 private:
  int input_rank_;  ///< 2 makes a Gemm, more a MatMul
};

struct ConvOptions {
  Pair stride = 1, padding = 0, dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
  Pair output_padding = 0;  ///< of a transposed convolution
};

/// Cross-correlation over [N, C, H, W].  weight [out, in / groups, kh, kw], bias [out]
class Conv2d : public Module {
 public:
  Conv2d(std::int64_t in, std::int64_t out, Pair window, Random& random, ConvOptions options = {});
  Tensor weight, bias;

 protected:
  Value forward(const Value& x) override;

 private:
  ConvOptions options_;
};

/// The same over [N, C, L]: the h of each pair counts.  weight [out, in / groups, k]
class Conv1d : public Module {
 public:
  Conv1d(std::int64_t in, std::int64_t out, std::int64_t window, Random& random, ConvOptions options = {});
  Tensor weight, bias;

 protected:
  Value forward(const Value& x) override;

 private:
  ConvOptions options_;
};

/// The transpose of Conv2d.  weight [in, out / groups, kh, kw], bias [out]
class ConvTranspose2d : public Module {
 public:
  ConvTranspose2d(std::int64_t in, std::int64_t out, Pair window, Random& random, ConvOptions options = {});
  Tensor weight, bias;

 protected:
  Value forward(const Value& x) override;

 private:
  ConvOptions options_;
};

/// Rows of a table by int64 index.  weight [count, width], drawn standard normal
class Embedding : public Module {
 public:
  Embedding(std::int64_t count, std::int64_t width, Random& random);
  Tensor weight;

 protected:
  Value forward(const Value& x) override;
};

class Dropout : public Module {
 public:
  explicit Dropout(float ratio = 0.5f) : ratio_(ratio) {}

 protected:
  Value forward(const Value& x) override { return dropout(x, ratio_); }

 private:
  float ratio_;
};

/// Modules one after another, named "0", "1", ...
///   nn::Sequential net;
///   net.append<nn::Linear>(3, 3, random).append<nn::ReLU>();
class Sequential : public Module {
 public:
  template <class M, class... Arguments>
  Sequential& append(Arguments&&... arguments) {
    parts_.push_back(std::make_unique<M>(std::forward<Arguments>(arguments)...));
    add(std::to_string(parts_.size() - 1), *parts_.back());
    return *this;
  }

 protected:
  Value forward(const Value& x) override;

 private:
  std::vector<std::unique_ptr<Module>> parts_;
};

}  // namespace octet::nn
