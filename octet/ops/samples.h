// What the operators' samples are made of: random tensors, attribute lists, usual shapes.
#pragma once

#include "octet/ops/op.h"

namespace octet::ops {

/// make_attributes({{"axis", 1}, {"mode", "linear"}}); a real number is written 0.5f.
Attributes make_attributes(std::initializer_list<std::pair<const char*, AttributeValue>> items);

/// Uniform values in [low, high) of a float type, or integers of an integer type.
Tensor random_tensor(Random& random, DType dtype, const Shape& shape, float low = -2, float high = 2);
/// Shapes and types that every one-input operator should be tried on.
std::vector<Sample> unary_samples(Random& random);
/// The same with every sample given these attributes, and values drawn from [low, high).
std::vector<Sample> unary_samples_with(Random& random, const Attributes& attributes, float low = -2, float high = 2);
/// Pairs of shapes that broadcast in every way.
std::vector<Sample> binary_samples(Random& random);
/// The same with inputs of one given type.
std::vector<Sample> binary_samples_of(Random& random, DType dtype, float low = -2, float high = 2);

}  // namespace octet::ops
