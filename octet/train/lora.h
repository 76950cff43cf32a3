// Low-rank adapters: beside a frozen weight W, layers learn B A of rank r:  y = x W^T + (alpha / r) x A^T B^T.
//
//   Trainable adapted = add_lora(model, {.rank = 8, .alpha = 16});      // only adapters are parameters
//   EightBitTraining training(adapted, AdamW{}, {}, lora_bases(adapted));   // on an int8 base
//   Graph merged = merge_lora(trained);  or  save_npz(lora_tensors(trained), "adapter.npz")
//
// Source: Hu et al. 2021, arXiv 2106.09685.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "octet/autograd/trainable.h"

namespace octet::train {

struct LoraOptions {
  std::int64_t rank = 8;
  double alpha = 16;
  std::vector<std::string> layers = {"*"};  ///< names of nodes; * and ? match as in a shell
  bool train_rest = false;                  ///< biases, normalizations stay parameters too
  std::uint64_t seed = 0;
};

/// Adds adapters to Gemm, MatMul (constant right matrix) and Conv (any groups that leave whole filters: groups 1)
/// layers: A uniform in +-1 / sqrt(fan in) as torch draws a Linear, B zero, so that the network computes what it did.
/// A Conv's A is a Conv of the same window with `rank` filters, its B a Conv of window 1.
/// Parameters are named "<weight>/lora_a" and "<weight>/lora_b"; weights are constants from here on.
/// Throws usage for a rank below 1, or patterns that match no layer (naming them and the layers there are).
Trainable add_lora(const Trainable& model, const LoraOptions& options);

/// The weights beside which there are adapters.
std::vector<std::string> lora_bases(const Trainable& adapted);
/// The adapters alone, by name, for a file of their own.
std::vector<std::pair<std::string, Tensor>> lora_tensors(const Graph& network);
/// Copies adapters into a network that has them. Throws bad_input for a missing name or another shape.
void load_lora(Graph& network, const std::vector<std::pair<std::string, Tensor>>& adapters);
/// W += (alpha / r) B A in float32 for every adapter, whose nodes go. Returns how many there were.
int merge_lora(Graph& network);

}  // namespace octet::train
