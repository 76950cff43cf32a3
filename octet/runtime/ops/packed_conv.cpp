#include "octet/runtime/ops/packed_conv.h"

#include "octet/kernels/depthwise_f32/depthwise_f32.h"
#include "octet/kernels/depthwise_u8s8/depthwise_u8s8.h"
#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/kernels/igemm_u8s8/igemm_u8s8.h"
#include "octet/runtime/ops/fused.h"

namespace octet::runtime {
namespace {

using kernels::ConvShape;
using kernels::Epilogue;
using kernels::IgemmKernel;

std::int64_t products(const ConvShape& s) { return s.in_channels / s.groups * s.kernel_height * s.kernel_width; }

const float* floats(const void* p) { return static_cast<const float*>(p); }
const std::uint8_t* bytes(const void* p) { return static_cast<const std::uint8_t*>(p); }

}  // namespace

/// The functions of a kernel family under one signature.
struct PackedConv::Family {
  const char* name;
  const IgemmKernel& (*select)(const ConvShape& shape);
  std::int64_t (*packed_bytes)(const IgemmKernel& kernel, const ConvShape& shape);
  void (*pack)(const IgemmKernel& kernel, const ConvShape& shape, const void* weights, void* packed);
  std::int64_t (*scratch_bytes)(const IgemmKernel& kernel, const ConvShape& shape);
  void (*run)(const IgemmKernel& kernel, const ConvShape& shape, const void* in, int zero_point, const void* packed,
              const Epilogue& epilogue, void* scratch, ThreadPool& threads);
};

const PackedConv::Family& PackedConv::family_of(const ConvShape& shape, DType dtype) {
  static const Family dense_f32 = {
      "igemm_f32",
      [](const ConvShape& s) -> const IgemmKernel& { return kernels::select_igemm_f32(s.out_channels / s.groups); },
      kernels::packed_bytes_f32,
      [](const IgemmKernel& k, const ConvShape& s, const void* w, void* p) {
        kernels::pack_conv_f32(k, s, floats(w), p);
      },
      kernels::scratch_bytes_f32,
      [](const IgemmKernel& k, const ConvShape& s, const void* in, int, const void* p, const Epilogue& e, void* scratch,
         ThreadPool& t) { kernels::conv_f32(k, s, floats(in), p, e, scratch, t); }};
  static const Family dense_u8s8 = {
      "igemm_u8s8",
      [](const ConvShape& s) -> const IgemmKernel& {
        return kernels::select_igemm_u8s8(s.out_channels / s.groups, products(s));
      },
      kernels::packed_bytes_u8s8,
      [](const IgemmKernel& k, const ConvShape& s, const void* w, void* p) {
        kernels::pack_conv_u8s8(k, s, static_cast<const std::int8_t*>(w), p);
      },
      kernels::scratch_bytes_u8s8,
      [](const IgemmKernel& k, const ConvShape& s, const void* in, int zero, const void* p, const Epilogue& e,
         void* scratch, ThreadPool& t) { kernels::conv_u8s8(k, s, bytes(in), zero, p, e, scratch, t); }};
  static const Family depthwise_f32 = {
      "depthwise_f32",
      kernels::select_depthwise_f32,
      kernels::packed_bytes_depthwise_f32,
      [](const IgemmKernel& k, const ConvShape& s, const void* w, void* p) {
        kernels::pack_depthwise_f32(k, s, floats(w), p);
      },
      kernels::scratch_bytes_depthwise_f32,
      [](const IgemmKernel& k, const ConvShape& s, const void* in, int, const void* p, const Epilogue& e, void* scratch,
         ThreadPool& t) { kernels::depthwise_f32(k, s, floats(in), p, e, scratch, t); }};
  static const Family depthwise_u8s8 = {
      "depthwise_u8s8",
      kernels::select_depthwise_u8s8,
      kernels::packed_bytes_depthwise_u8s8,
      [](const IgemmKernel& k, const ConvShape& s, const void* w, void* p) {
        kernels::pack_depthwise_u8s8(k, s, w, nullptr, p);
      },
      kernels::scratch_bytes_depthwise_u8s8,
      [](const IgemmKernel& k, const ConvShape& s, const void* in, int zero, const void* p, const Epilogue& e,
         void* scratch, ThreadPool& t) { kernels::depthwise_u8s8(k, s, bytes(in), zero, p, e, scratch, t); }};
  const bool depthwise = shape.groups > 1 && shape.groups == shape.in_channels && shape.groups == shape.out_channels;
  if (dtype == DType::f32) return depthwise ? depthwise_f32 : dense_f32;
  return depthwise ? depthwise_u8s8 : dense_u8s8;
}

PackedConv::PackedConv(const ConvShape& shape, const Tensor& weights, PackCache& cache)
    : shape_(shape), family_(&family_of(shape, weights.dtype())), kernel_(&family_->select(shape)) {
  const std::string form =
      std::string(kernel_->name) + " conv " + std::to_string(shape.groups) + (shape.dilation_w == 1 ? "" : " dilated");
  packed_ = cache.get<Packed>(weights, form, [&] {
    Packed packed{Tensor(DType::u8, {family_->packed_bytes(*kernel_, shape_)})};
    family_->pack(*kernel_, shape_, weights.raw(), packed.data.raw());
    return packed;
  });
}

void PackedConv::run(const void* in, int zero_point, const Epilogue& epilogue, void* scratch,
                     ThreadPool& threads) const {
  family_->run(*kernel_, shape_, in, zero_point, packed_->raw(), epilogue, scratch, threads);
}

std::int64_t PackedConv::scratch_bytes() const { return family_->scratch_bytes(*kernel_, shape_); }
std::int64_t PackedConv::packed_bytes() const { return packed_->bytes(); }
std::string PackedConv::kernel() const { return std::string(family_->name) + " " + kernel_->name; }

}  // namespace octet::runtime
