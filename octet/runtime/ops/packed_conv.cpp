#include "octet/runtime/ops/packed_conv.h"

#include <algorithm>
#include <atomic>

#include "octet/kernels/depthwise_f32/depthwise_f32.h"
#include "octet/kernels/depthwise_u8s8/depthwise_u8s8.h"
#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/kernels/igemm_u8s8/igemm_u8s8.h"
#include "octet/kernels/winograd_f32/winograd_f32.h"
#include "octet/runtime/ops/fused.h"
#include "octet/runtime/ops/scratch.h"
#include "octet/runtime/ops/slot.h"

namespace octet::runtime {
namespace {

using kernels::ConvShape;
using kernels::Epilogue;
using kernels::IgemmKernel;

constexpr std::int64_t kPartFloats = 48 * 1024;  // of images in and out, read and written while in L2

std::string form_of(const char* name, const ConvShape& s) {
  return std::string(name) + " conv " + std::to_string(s.groups) + (s.dilation_w == 1 ? "" : " dilated");
}

// All that a PreparedConv depends on, and a little more.
std::string shape_form(const IgemmKernel& kernel, const ConvShape& s, int zero_point, int threads) {
  std::string form = std::string("prepared ") + kernel.name + (zero_point == 0 ? " zero" : "");
  for (const std::int64_t size : {s.batch, s.in_height, s.in_width, s.in_channels, s.out_height, s.out_width,
                                  s.out_channels, s.kernel_height, s.kernel_width, s.stride_h, s.stride_w, s.dilation_h,
                                  s.dilation_w, s.pad_top, s.pad_left, s.groups, s.in_stride, std::int64_t{threads}})
    form += " " + std::to_string(size);
  return form;
}

bool is_depthwise(const ConvShape& s) {
  return s.groups > 1 && s.groups == s.in_channels && s.groups == s.out_channels;
}

std::shared_ptr<const kernels::NarrowFit> fit_of(const ConvShape& s, const Tensor& weights, PackCache& cache) {
  return cache.get<kernels::NarrowFit>(weights, form_of("fit", s), [&] {
    const bool dense_int8 = weights.dtype() == DType::i8 && !is_depthwise(s);
    return dense_int8 ? kernels::fit_u8s8(s, weights.data<std::int8_t>()) : kernels::NarrowFit{};
  });
}

const float* floats(const void* p) { return static_cast<const float*>(p); }
const std::uint8_t* bytes(const void* p) { return static_cast<const std::uint8_t*>(p); }

}  // namespace

/// The functions of a kernel family under one signature.
struct PackedConv::Family {
  const char* name;
  const IgemmKernel& (*select)(const ConvShape& shape, const kernels::NarrowFit& fit);
  std::int64_t (*packed_bytes)(const IgemmKernel& kernel, const ConvShape& shape);
  void (*pack)(const IgemmKernel& kernel, const ConvShape& shape, const void* weights, void* packed);
  std::int64_t (*scratch_bytes)(const IgemmKernel& kernel, const ConvShape& shape);
  void (*run)(const IgemmKernel& kernel, const ConvShape& shape, const void* in, int zero_point, const void* packed,
              const Epilogue& epilogue, void* scratch, ThreadPool& threads, const kernels::PreparedConv* prepared);
  /// Null: nothing is done beforehand.
  kernels::PreparedConv (*prepare)(const IgemmKernel& kernel, const ConvShape& shape, int zero_point, int threads);
};

const PackedConv::Family& PackedConv::family_of(const ConvShape& shape, DType dtype) {
  static const Family dense_f32 = {
      "igemm_f32",
      [](const ConvShape& s, const kernels::NarrowFit&) -> const IgemmKernel& {
        return kernels::select_igemm_f32(s.out_channels / s.groups);
      },
      kernels::packed_bytes_f32,
      [](const IgemmKernel& k, const ConvShape& s, const void* w, void* p) {
        kernels::pack_conv_f32(k, s, floats(w), p);
      },
      kernels::scratch_bytes_f32,
      [](const IgemmKernel& k, const ConvShape& s, const void* in, int, const void* p, const Epilogue& e, void* scratch,
         ThreadPool& t, const kernels::PreparedConv* r) { kernels::conv_f32(k, s, floats(in), p, e, scratch, t, r); },
      [](const IgemmKernel& k, const ConvShape& s, int, int threads) {
        return kernels::prepare_conv_f32(k, s, threads);
      }};
  static const Family dense_u8s8 = {
      "igemm_u8s8",
      kernels::select_igemm_u8s8,
      kernels::packed_bytes_u8s8,
      [](const IgemmKernel& k, const ConvShape& s, const void* w, void* p) {
        kernels::pack_conv_u8s8(k, s, static_cast<const std::int8_t*>(w), p);
      },
      kernels::scratch_bytes_u8s8,
      [](const IgemmKernel& k, const ConvShape& s, const void* in, int zero, const void* p, const Epilogue& e,
         void* scratch, ThreadPool& t,
         const kernels::PreparedConv* r) { kernels::conv_u8s8(k, s, bytes(in), zero, p, e, scratch, t, r); },
      kernels::prepare_conv_u8s8};
  static const Family depthwise_f32 = {
      "depthwise_f32",
      [](const ConvShape& s, const kernels::NarrowFit&) -> const IgemmKernel& {
        return kernels::select_depthwise_f32(s);
      },
      kernels::packed_bytes_depthwise_f32,
      [](const IgemmKernel& k, const ConvShape& s, const void* w, void* p) {
        kernels::pack_depthwise_f32(k, s, floats(w), p);
      },
      kernels::scratch_bytes_depthwise_f32,
      [](const IgemmKernel& k, const ConvShape& s, const void* in, int, const void* p, const Epilogue& e, void* scratch,
         ThreadPool& t, const kernels::PreparedConv*) { kernels::depthwise_f32(k, s, floats(in), p, e, scratch, t); },
      nullptr};
  static const Family depthwise_u8s8 = {
      "depthwise_u8s8",
      [](const ConvShape& s, const kernels::NarrowFit&) -> const IgemmKernel& {
        return kernels::select_depthwise_u8s8(s);
      },
      kernels::packed_bytes_depthwise_u8s8,
      [](const IgemmKernel& k, const ConvShape& s, const void* w, void* p) {
        kernels::pack_depthwise_u8s8(k, s, w, nullptr, p);
      },
      kernels::scratch_bytes_depthwise_u8s8,
      [](const IgemmKernel& k, const ConvShape& s, const void* in, int zero, const void* p, const Epilogue& e,
         void* scratch, ThreadPool& t,
         const kernels::PreparedConv*) { kernels::depthwise_u8s8(k, s, bytes(in), zero, p, e, scratch, t); },
      nullptr};
  const bool depthwise = is_depthwise(shape);
  if (dtype == DType::f32) return depthwise ? depthwise_f32 : dense_f32;
  return depthwise ? depthwise_u8s8 : dense_u8s8;
}

PackedConv::PackedConv(const ConvShape& shape, const Tensor& weights, PackCache& cache, int threads, int zero_point)
    : shape_(shape),
      family_(&family_of(shape, weights.dtype())),
      fit_(fit_of(shape, weights, cache)),
      kernel_(&family_->select(shape, *fit_)) {
  packed_ = cache.get<Packed>(weights, form_of(kernel_->name, shape), [&] {
    Packed packed{Tensor(DType::u8, {family_->packed_bytes(*kernel_, shape_)})};
    family_->pack(*kernel_, shape_, weights.raw(), packed.data.raw());
    return packed;
  });
  if (family_->prepare == nullptr) return;
  prepared_ = cache.get<kernels::PreparedConv>(shape_form(*kernel_, shape, zero_point, threads),
                                               [&] { return family_->prepare(*kernel_, shape_, zero_point, threads); });
}

PackedConv::PackedConv(const ConvShape& shape, int threads)
    : shape_(shape), family_(&family_of(shape, DType::f32)), kernel_(&family_->select(shape, {})), threads_(threads) {
  const std::int64_t image = std::max<std::int64_t>(1, shape.in_height * shape.in_width * shape.in_channels +
                                                           shape.out_height * shape.out_width * shape.out_channels);
  const std::int64_t images = std::max<std::int64_t>(1, kPartFloats / image);
  if (threads <= Slot::kMost && shape.batch / images >= 4 * threads) part_ = images;
  winograd_ = part_ != 0 && kernels::winograd_fits(shape);
}

ConvShape PackedConv::part_shape(std::int64_t images) const {
  ConvShape out = shape_;
  out.batch = images;
  return out;
}

std::int64_t PackedConv::part_scratch() const {
  const ConvShape part = part_shape(part_);
  const std::int64_t direct = family_->scratch_bytes(*kernel_, part);
  return aligned(winograd_ ? std::max(direct, kernels::winograd_scratch_bytes(part)) : direct);
}

std::int64_t PackedConv::loose_bytes() const {
  const std::int64_t direct = family_->packed_bytes(*kernel_, shape_);
  return aligned(winograd_ ? std::max(direct, kernels::winograd_packed_bytes(shape_)) : direct);
}

void PackedConv::run_parts(const void* in, const void* packed, const Epilogue& epilogue, bool winograd, char* scratch,
                           ThreadPool& threads) const {
  const std::int64_t from =
      shape_.in_height * shape_.in_width * (shape_.in_stride == 0 ? shape_.in_channels : shape_.in_stride);
  const std::int64_t to = shape_.out_height * shape_.out_width, parts = (shape_.batch + part_ - 1) / part_;
  const std::int64_t bytes = part_scratch();
  std::atomic<std::uint64_t> taken{0};
  threads.parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end) {
    const Slot slot(taken);
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t first = p * part_;
      Epilogue e = epilogue;
      e.out = static_cast<float*>(e.out) + first * to * e.out_stride;
      if (e.residual != nullptr) e.residual = floats(e.residual) + first * to * e.residual_stride;
      const ConvShape part = part_shape(std::min(part_, shape_.batch - first));
      const float* images = floats(in) + first * from;
      char* own = scratch + slot.number() * bytes;
      if (winograd) {
        kernels::winograd_f32(part, images, packed, e, own);
      } else {
        family_->run(*kernel_, part, images, 0, packed, e, own, threads, nullptr);
      }
    }
  });
}

void PackedConv::run_with(const float* weights, const void* in, const Epilogue& epilogue, void* scratch,
                          ThreadPool& threads) const {
  const bool winograd = winograd_ && kernels::winograd_fits(epilogue);
  if (winograd) {
    kernels::pack_winograd_f32(shape_, weights, scratch, threads);
  } else {
    family_->pack(*kernel_, shape_, weights, scratch);
  }
  char* const rest = static_cast<char*>(scratch) + loose_bytes();
  if (part_ != 0) return run_parts(in, scratch, epilogue, winograd, rest, threads);
  family_->run(*kernel_, shape_, in, 0, scratch, epilogue, rest, threads, nullptr);
}

void PackedConv::run(const void* in, int zero_point, const Epilogue& epilogue, void* scratch,
                     ThreadPool& threads) const {
  family_->run(*kernel_, shape_, in, zero_point, packed_->raw(), epilogue, scratch, threads, prepared_.get());
}

std::int64_t PackedConv::scratch_bytes() const {
  const std::int64_t own = packed_ ? 0 : loose_bytes();
  if (part_ != 0) return own + threads_ * part_scratch();
  return own + family_->scratch_bytes(*kernel_, shape_);
}
std::int64_t PackedConv::packed_bytes() const { return packed_ ? packed_->bytes() : 0; }
std::string PackedConv::kernel() const {
  if (winograd_) return std::string("winograd_f32 ") + kernels::select_winograd().name;
  return std::string(family_->name) + " " + kernel_->name;
}

}  // namespace octet::runtime
