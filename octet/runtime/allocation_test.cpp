// A run after the first allocates what it hands to the caller and the lists that hold it, nothing else.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "octet/runtime/session.h"
#include "octet/runtime/test_graphs.h"

namespace {

std::atomic<std::int64_t> allocations{0};

[[maybe_unused]] void* counted(std::size_t bytes) {
  ++allocations;
  if (void* p = std::malloc(bytes == 0 ? 1 : bytes)) return p;
  throw std::bad_alloc();
}

}  // namespace

// ThreadSanitizer's own cannot be replaced.
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define OCTET_KEEPS_NEW
#endif
#endif

#ifndef OCTET_KEEPS_NEW
void* operator new(std::size_t bytes) { return counted(bytes); }
void* operator new[](std::size_t bytes) { return counted(bytes); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
#endif

namespace octet::runtime {
namespace {

using testing::Builder;
using testing::ints;
using testing::random_floats;

Attributes axis(std::int64_t value) {
  Attributes a;
  a.set("axis", value);
  return a;
}

// What a squeezed residual network is made of, int8 or float.
Graph network(bool quantized) {
  Builder b(70);
  const auto q = [&](ValueId id, float range) { return quantized ? b.quantized(id, range) : id; };
  const auto conv = [&](ValueId id, std::int64_t in, std::int64_t out, std::int64_t k, Attributes a) {
    return quantized ? b.qconv(id, in, out, k, std::move(a)) : b.conv(id, in, out, k, std::move(a));
  };
  ValueId x = q(b.input("x", {1, 3, 20, 20}), 1);
  x = q(b.node("Relu", {conv(x, 3, 16, 3, ints({{"pads", {1, 1, 1, 1}}}))}), 2);
  x = q(b.node("MaxPool", {x}, ints({{"kernel_shape", {3, 3}}, {"strides", {2, 2}}})), 2);
  const ValueId left = q(b.node("Relu", {conv(x, 16, 8, 1, {})}), 2);
  const ValueId right = q(b.node("Relu", {conv(x, 16, 8, 3, ints({{"pads", {1, 1, 1, 1}}}))}), 2);
  x = q(b.node("Concat", {left, right}, axis(1)), 2);
  const ValueId y = conv(x, 16, 16, 3, ints({{"pads", {1, 1, 1, 1}}}));
  x = q(b.node("Relu", {b.node("Add", {y, x})}), 3);
  x = q(b.node("GlobalAveragePool", {x}), 3);
  b.graph.outputs = {b.node("Softmax", {b.node("Flatten", {x})}, axis(1))};
  return b.graph;
}

TEST(Allocation, ASteadyRunAllocatesOnlyItsResults) {
#ifdef OCTET_KEEPS_NEW
  GTEST_SKIP() << "allocations are not counted under ThreadSanitizer";
#endif
  for (const bool quantized : {false, true}) {
    const Session session(network(quantized), {.threads = 2});
    Random random(1);
    const NamedTensors inputs = {{"x", random_floats(random, {1, 3, 20, 20})}};
    for (int i = 0; i < 3; ++i) session.run(inputs);
    const std::int64_t before = allocations;
    const auto outputs = session.run(inputs);
    // The list of inputs, the list of results, and the control block of one result (its numbers do not come from new).
    EXPECT_LE(allocations - before, 3) << (quantized ? "int8" : "float");
  }
}

}  // namespace
}  // namespace octet::runtime
