// Every operator: one line each, in alphabetical order. Each file defines its function.
#include "octet/ops/op_list.h"

#include <algorithm>
#include <iterator>
#include <map>

namespace octet::ops {

Rows activation_gradients();  // ReluGrad, SigmoidGrad, ...
Rows activations();           // Sigmoid, HardSwish, Elu, ...
Rows affine_grid();
Rows arg_reduce();  // ArgMax, ArgMin
Rows arithmetic();  // Add, Sub, Mul, Div
Rows average_pool();
Rows barrier();
Rows batch_norm_training();  // BatchNormTraining, BatchNormGrad
Rows batch_normalization();
Rows bitwise();  // BitShift, BitwiseAnd, BitwiseNot, BitwiseOr, BitwiseXor
Rows cast();     // Cast, CastLike
Rows center_crop_pad();
Rows classify();  // IsInf, IsNaN
Rows clip();
Rows col2im();
Rows comparison();  // Equal, Less, LessOrEqual, Greater, GreaterOrEqual
Rows concat();
Rows constant();
Rows constant_of_shape();
Rows conv();
Rows conv_gradient();  // ConvGradInput, ConvGradWeight
Rows conv_integer();   // ConvInteger, QLinearConv
Rows conv_transpose();
Rows cum_sum();
Rows decompress();  // Decompress, Widen
Rows depth_to_space();
Rows det();
Rows dft();  // DFT, STFT
Rows dropout();
Rows dropout_training();
Rows dynamic_quantize_linear();
Rows einsum();
Rows expand();
Rows exponential();  // Exp, Log, Sqrt, Reciprocal, Erf
Rows eye_like();
Rows fake_quant();
Rows fake_quant_observed();
Rows fused();
Rows gather();
Rows gather_elements();
Rows gemm();
Rows global_pool();  // GlobalAveragePool, GlobalMaxPool, GlobalLpPool
Rows grid_sample();
Rows group_normalization();  // InstanceNormalization, GroupNormalization
Rows gru();
Rows identity();
Rows if_else();
Rows layer_norm_gradient();
Rows layer_normalization();
Rows logic();  // And, Or, Xor, Not
Rows loop();
Rows loss();  // NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss
Rows lp_normalization();
Rows lp_pool();
Rows lrn();
Rows lstm();
Rows matmul();
Rows matmul_integer();  // MatMulInteger, QLinearMatMul
Rows max_pool();
Rows max_roi_pool();
Rows max_unpool();
Rows mean_variance_normalization();
Rows mel_weight_matrix();
Rows mod();
Rows movement_gradient();  // SplitLike, SliceGrad, GatherGrad, ScatterAdd
Rows non_max_suppression();
Rows non_zero();
Rows one_hot();
Rows pad();
Rows pool_gradient();  // MaxPoolGrad, AveragePoolGrad, MeanGrad
Rows pow();
Rows prelu();
Rows product_gradient();
Rows quantize_linear();  // QuantizeLinear, DequantizeLinear
Rows random_values();    // RandomNormal, RandomUniform, Bernoulli, ...
Rows range();
Rows recurrent_gradient();  // LSTMGrad, GRUGrad, RNNGrad
Rows reduce();              // ReduceSum, ReduceMean, ReduceMax, ...
Rows relu();
Rows reshape();
Rows resize();
Rows reverse_sequence();
Rows rnn();
Rows roi_align();
Rows rounding();  // Ceil, Floor, Round
Rows scan();
Rows scatter();
Rows shape_size();
Rows sign();  // Abs, Neg, Sign
Rows slice();
Rows softmax();           // Softmax, LogSoftmax, Hardmax
Rows softmax_gradient();  // SoftmaxGrad, LogSoftmaxGrad
Rows split();
Rows squeeze();
Rows sum_to();
Rows top_k();
Rows transpose();
Rows trigonometry();  // Sin, Cos, ..., Atanh
Rows trigonometry_gradients();
Rows trilu();
Rows unique();
Rows variadic();  // Max, Min, Sum, Mean
Rows where();
Rows window_functions();  // HannWindow, HammingWindow, BlackmanWindow

namespace {

// clang-format off: one line each, so that branches seldom touch the same line
constexpr MakeRows kFiles[] = {
    activation_gradients,
    activations,
    affine_grid,
    arg_reduce,
    arithmetic,
    average_pool,
    barrier,
    batch_norm_training,
    batch_normalization,
    bitwise,
    cast,
    center_crop_pad,
    classify,
    clip,
    col2im,
    comparison,
    concat,
    constant,
    constant_of_shape,
    conv,
    conv_gradient,
    conv_integer,
    conv_transpose,
    cum_sum,
    decompress,
    depth_to_space,
    det,
    dft,
    dropout,
    dropout_training,
    dynamic_quantize_linear,
    einsum,
    expand,
    exponential,
    eye_like,
    fake_quant,
    fake_quant_observed,
    fused,
    gather,
    gather_elements,
    gemm,
    global_pool,
    grid_sample,
    group_normalization,
    gru,
    identity,
    if_else,
    layer_norm_gradient,
    layer_normalization,
    logic,
    loop,
    loss,
    lp_normalization,
    lp_pool,
    lrn,
    lstm,
    matmul,
    matmul_integer,
    max_pool,
    max_roi_pool,
    max_unpool,
    mean_variance_normalization,
    mel_weight_matrix,
    mod,
    movement_gradient,
    non_max_suppression,
    non_zero,
    one_hot,
    pad,
    pool_gradient,
    pow,
    prelu,
    product_gradient,
    quantize_linear,
    random_values,
    range,
    recurrent_gradient,
    reduce,
    relu,
    reshape,
    resize,
    reverse_sequence,
    rnn,
    roi_align,
    rounding,
    scan,
    scatter,
    shape_size,
    sign,
    slice,
    softmax,
    softmax_gradient,
    split,
    squeeze,
    sum_to,
    top_k,
    transpose,
    trigonometry,
    trigonometry_gradients,
    trilu,
    unique,
    variadic,
    where,
    window_functions,
};
// clang-format on

// ONNX operators that the domain "octet" offers at every opset, for patterns recognised in older graphs and for
// gradients in them.
constexpr const char* kAtEveryOpset[] = {"Expand", "Gelu", "HardSwish", "LayerNormalization", "Where"};

}  // namespace

const std::vector<OpDef>& all() {
  static const std::vector<OpDef> rows = [] {
    std::vector<OpDef> out;
    for (const MakeRows make : kFiles) {
      for (OpDef& row : make()) out.push_back(std::move(row));
    }
    for (std::size_t i = 0, count = out.size(); i < count; ++i) {
      const auto same = [&](const char* name) { return out[i].name == name && out[i].domain.empty(); };
      if (std::none_of(std::begin(kAtEveryOpset), std::end(kAtEveryOpset), same)) continue;
      OpDef row = out[i];
      row.domain = "octet";
      row.since = 0;
      out.push_back(std::move(row));
    }
    return out;
  }();
  return rows;
}

const OpDef* find(const std::string& name, const std::string& domain, int opset) {
  static const std::multimap<std::string, const OpDef*> by_name = [] {
    std::multimap<std::string, const OpDef*> out;
    for (const OpDef& row : all()) out.emplace(row.name, &row);
    return out;
  }();
  const std::string wanted = domain == "ai.onnx" ? "" : domain;
  for (auto [it, end] = by_name.equal_range(name); it != end; ++it) {
    const OpDef& row = *it->second;
    if (row.domain == wanted && opset >= row.since && (row.until == 0 || opset <= row.until)) return &row;
  }
  return nullptr;
}

}  // namespace octet::ops
