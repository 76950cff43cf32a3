// Large batches sample by sample, or a few at a time: where no operator mixes the samples of a batch, each runs with
// its activations in cache, and threads take whole samples without waiting for each other at every step.
#pragma once

#include <vector>

#include "octet/runtime/plan.h"

namespace octet::runtime {

/// Whether `lowered`, planned for `batch` samples (dimension 0 of every input and output), computes each
/// sample from that sample alone. Looks at operators and shapes; what it does not know it does not trust.
bool samples_are_independent(const Graph& lowered, std::int64_t batch);

/// Whether nearly all products of a graph lowered for one sample have rows enough to make weights worth
/// reading again for the next sample.
bool is_worth_running_by_sample(const Graph& lowered);

/// How many samples of such a batch each run takes, a power of two: more than one where weights take many times the
/// memory of activations, so that they are read less often and activations still stay in cache, and as long as all
/// threads get the same number. `one` is lowered for one sample.
std::int64_t samples_together(const Graph& one, std::int64_t batch, int threads);

/// Runs a plan made for some samples (dimension 0 of its inputs) on as many samples of the inputs after another, which
/// are a multiple of them; the bits are those of one run of all.
std::vector<Tensor> run_by_sample(const Plan& plan, const std::vector<const Tensor*>& inputs, ThreadPool& threads,
                                  bool profile);

}  // namespace octet::runtime
