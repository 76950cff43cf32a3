#include "octet/nn/layers.h"

#include "octet/nn/init.h"

namespace octet::nn {
namespace {

Tensor bias_of(std::int64_t count, bool wanted) { return wanted ? Tensor(DType::f32, {count}) : Tensor(); }

Value optional(Builder& builder, const Tensor& tensor) {
  return tensor.defined() ? builder.parameter(tensor) : Value{&builder, kNoValue};
}

void require(bool fits, const char* what, std::int64_t channels, std::int64_t groups) {
  if (fits) return;
  throw Error(ErrorKind::usage, std::string(what) + ": the channels do not divide into the groups")
      .value(std::to_string(channels) + " channels, " + std::to_string(groups) + " groups");
}

Attributes conv_attributes(const ConvOptions& o, Pair window) {
  using Integers = std::vector<std::int64_t>;
  return attributes({{"kernel_shape", Integers{window.h, window.w}},
                     {"strides", Integers{o.stride.h, o.stride.w}},
                     {"pads", Integers{o.padding.h, o.padding.w, o.padding.h, o.padding.w}},
                     {"dilations", Integers{o.dilation.h, o.dilation.w}},
                     {"group", o.groups}});
}

}  // namespace

Linear::Linear(std::int64_t in, std::int64_t out, Random& random, bool with_bias, int input_rank)
    : weight(DType::f32, {out, in}), bias(bias_of(out, with_bias)), input_rank_(input_rank) {
  reset_weight_and_bias(weight, bias, random);
  add_parameter("weight", weight);
  add_parameter("bias", bias);
}

Value Linear::forward(const Value& x) {
  Builder& b = *x.builder;
  if (input_rank_ == 2)
    return b.node("Gemm", {x, b.parameter(weight), optional(b, bias)}, attributes({{"transB", std::int64_t{1}}}));
  const Value y = matmul(x, transpose(b.parameter(weight), {1, 0}));
  return bias.defined() ? y + b.parameter(bias) : y;
}

Conv2d::Conv2d(std::int64_t in, std::int64_t out, Pair window, Random& random, ConvOptions options)
    : bias(bias_of(out, options.bias)), options_(options) {
  require(options.groups > 0 && in % options.groups == 0 && out % options.groups == 0, "Conv2d", in, options.groups);
  weight = Tensor(DType::f32, {out, in / options.groups, window.h, window.w});
  reset_weight_and_bias(weight, bias, random);
  add_parameter("weight", weight);
  add_parameter("bias", bias);
}

Value Conv2d::forward(const Value& x) {
  Builder& b = *x.builder;
  return b.node("Conv", {x, b.parameter(weight), optional(b, bias)},
                conv_attributes(options_, {weight.dim(2), weight.dim(3)}));
}

Conv1d::Conv1d(std::int64_t in, std::int64_t out, std::int64_t window, Random& random, ConvOptions options)
    : bias(bias_of(out, options.bias)), options_(options) {
  require(options.groups > 0 && in % options.groups == 0 && out % options.groups == 0, "Conv1d", in, options.groups);
  weight = Tensor(DType::f32, {out, in / options.groups, window});
  reset_weight_and_bias(weight, bias, random);
  add_parameter("weight", weight);
  add_parameter("bias", bias);
}

Value Conv1d::forward(const Value& x) {
  Builder& b = *x.builder;
  using Integers = std::vector<std::int64_t>;
  return b.node("Conv", {x, b.parameter(weight), optional(b, bias)},
                attributes({{"kernel_shape", Integers{weight.dim(2)}},
                            {"strides", Integers{options_.stride.h}},
                            {"pads", Integers{options_.padding.h, options_.padding.h}},
                            {"dilations", Integers{options_.dilation.h}},
                            {"group", options_.groups}}));
}

ConvTranspose2d::ConvTranspose2d(std::int64_t in, std::int64_t out, Pair window, Random& random, ConvOptions options)
    : bias(bias_of(out, options.bias)), options_(options) {
  require(options.groups > 0 && in % options.groups == 0 && out % options.groups == 0, "ConvTranspose2d", in,
          options.groups);
  weight = Tensor(DType::f32, {in, out / options.groups, window.h, window.w});
  reset_weight_and_bias(weight, bias, random);
  add_parameter("weight", weight);
  add_parameter("bias", bias);
}

Value ConvTranspose2d::forward(const Value& x) {
  Builder& b = *x.builder;
  Attributes form = conv_attributes(options_, {weight.dim(2), weight.dim(3)});
  form.set("output_padding", std::vector<std::int64_t>{options_.output_padding.h, options_.output_padding.w});
  return b.node("ConvTranspose", {x, b.parameter(weight), optional(b, bias)}, std::move(form));
}

Embedding::Embedding(std::int64_t count, std::int64_t width, Random& random) : weight(DType::f32, {count, width}) {
  fill_normal(weight, 0, 1, random);
  add_parameter("weight", weight);
}

Value Embedding::forward(const Value& x) {
  return x.builder->node("Gather", {x.builder->parameter(weight), x}, attributes({{"axis", std::int64_t{0}}}));
}

Value Sequential::forward(const Value& x) {
  Value y = x;
  for (const auto& part : parts_) y = (*part)(y);
  return y;
}

}  // namespace octet::nn
