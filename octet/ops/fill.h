// Filling memory with one element.
#pragma once

#include "octet/ops/eval_context.h"

namespace octet::ops {

/// to[i] = *value for `count` elements of `item` bytes (1, 2, 4 or 8).
void fill(std::size_t item, const void* value, void* to, std::int64_t count);
/// Every element of y becomes the one element of `value`, of the same type.
void fill(ThreadPool& threads, Tensor& y, const Tensor& value);

}  // namespace octet::ops
