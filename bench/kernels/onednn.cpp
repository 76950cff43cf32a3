#include "bench/kernels/onednn.h"

#include <cstring>
#include <dnnl.hpp>
#include <memory>
#include <unordered_map>
#include <vector>

#if DNNL_VERSION_MAJOR != 2
#error "this bench speaks oneDNN 2; later versions name scales otherwise"
#endif

namespace octet::bench {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;
using Type = memory::data_type;

dnnl::primitive_attr column_scales(std::int64_t n, bool int8, int channel_dimension) {
  dnnl::primitive_attr attributes;
  const std::vector<float> scales(static_cast<std::size_t>(n), 0.001f);
  if (int8) attributes.set_output_scales(1 << channel_dimension, scales);
  return attributes;
}

// Memory with pages of its own: untouched pages are all the same one, and would flatter the peer.
memory touched(const memory::desc& d, const dnnl::engine& engine) {
  memory m(d, engine);
  std::memset(m.get_data_handle(), 0, d.get_size());
  return m;
}

template <class Primitive, class Descriptor>
Peer make(const Descriptor& d, const dnnl::engine& engine) {
  auto primitive = std::make_shared<Primitive>(d);
  auto stream = std::make_shared<dnnl::stream>(engine);
  std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, touched(d.src_desc(), engine)},
                                            {DNNL_ARG_WEIGHTS, touched(d.weights_desc(), engine)},
                                            {DNNL_ARG_DST, touched(d.dst_desc(), engine)}};
  return {[=] {
            primitive->execute(*stream, arguments);
            stream->wait();
          },
          d.impl_info_str()};
}

}  // namespace

Peer onednn_conv(const kernels::ConvShape& s, bool int8) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const auto pad = [](std::int64_t out, std::int64_t stride, std::int64_t kernel, std::int64_t before,
                      std::int64_t in) { return (out - 1) * stride + kernel - before - in; };
  const memory::desc in({s.batch, s.in_channels, s.in_height, s.in_width}, int8 ? Type::u8 : Type::f32, Tag::nhwc);
  const memory::desc out({s.batch, s.out_channels, s.out_height, s.out_width}, int8 ? Type::u8 : Type::f32, Tag::nhwc);
  const Type weight_type = int8 ? Type::s8 : Type::f32;
  const memory::desc w =
      s.groups == 1
          ? memory::desc({s.out_channels, s.in_channels, s.kernel_height, s.kernel_width}, weight_type, Tag::any)
          : memory::desc(
                {s.groups, s.out_channels / s.groups, s.in_channels / s.groups, s.kernel_height, s.kernel_width},
                weight_type, Tag::any);
  const dnnl::convolution_forward::desc d(dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, in,
                                          w, out, {s.stride_h, s.stride_w}, {s.pad_top, s.pad_left},
                                          {pad(s.out_height, s.stride_h, s.kernel_height, s.pad_top, s.in_height),
                                           pad(s.out_width, s.stride_w, s.kernel_width, s.pad_left, s.in_width)});
  return make<dnnl::convolution_forward>(
      dnnl::convolution_forward::primitive_desc(d, column_scales(s.out_channels, int8, 1), engine), engine);
}

Peer onednn_gemm(const kernels::GemmShape& s, bool int8) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const dnnl::matmul::desc d(memory::desc({s.m, s.k}, int8 ? Type::u8 : Type::f32, Tag::ab),
                             memory::desc({s.k, s.n}, int8 ? Type::s8 : Type::f32, Tag::any),
                             memory::desc({s.m, s.n}, int8 ? Type::u8 : Type::f32, Tag::ab));
  return make<dnnl::matmul>(dnnl::matmul::primitive_desc(d, column_scales(s.n, int8, 1), engine), engine);
}

}  // namespace octet::bench
