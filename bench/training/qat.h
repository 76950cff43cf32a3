// What the programs about quantization-aware training share.
#pragma once

#include <fmt/core.h>

#include <numeric>

#include "octet/octet.h"

namespace octet::bench {

/// The share of samples, in percent, whose largest score is that of their label.
inline double top1(const Graph& model, const train::Samples& data) {
  const Session session(clone(model));
  std::int64_t right = 0;
  for (std::int64_t at = 0; at < data.size(); at += 500) {
    std::vector<std::int64_t> indices(static_cast<std::size_t>(std::min<std::int64_t>(500, data.size() - at)));
    std::iota(indices.begin(), indices.end(), at);
    for (const train::Batch& batch : data.gather(indices)) {
      const Tensor scores = session.run(batch.inputs).at(0);
      for (std::int64_t i = 0; i < batch.samples; ++i) {
        const float* row = scores.data<float>() + i * scores.dim(1);
        right += std::max_element(row, row + scores.dim(1)) - row == batch.target.data<std::int64_t>()[i] ? 1 : 0;
      }
    }
  }
  return 100.0 * static_cast<double>(right) / static_cast<double>(data.size());
}

/// A network of its own numbers, so that several methods start from the same float network.
inline Trainable copy_of(const Trainable& model) {
  Trainable out = model;
  out.graph = clone(model.graph);
  std::vector<std::pair<ValueId, Tensor>> copies;
  for (const auto& [id, tensor] : out.graph.initializers()) copies.emplace_back(id, tensor.clone());
  for (auto& [id, tensor] : copies) out.graph.set_initializer(id, tensor);
  return out;
}

/// Every so many-th sample, 1,000 in all, in batches of 100.
inline CalibrationSource calibration(const train::Samples& data) {
  return [&data, next = std::int64_t{0}](bool again) mutable -> std::optional<NamedTensors> {
    if (again) next = 0;
    if (next == 1000) return std::nullopt;
    std::vector<std::int64_t> indices;
    for (std::int64_t i = next; i < next + 100; ++i) indices.push_back(i * (data.size() / 1000));
    next += 100;
    return data.gather(indices).at(0).inputs;
  };
}

struct Recipe {
  train::OptimizerOptions optimizer;
  train::TrainerOptions options;
};

/// Trains `start` (its own numbers) quantization-aware by the recipe, for no epoch: ranges from calibration alone.
inline double qat(const Trainable& start, const QConfigOptions& bits, const Recipe& recipe, const train::Samples& data,
                  const train::Samples& test) {
  Trainable prepared = prepare_qat(start, qconfig("octet", bits));
  calibrate_qat(prepared, calibration(data));
  if (recipe.options.epochs > 0) train::Trainer(prepared, recipe.optimizer, recipe.options).fit(data);
  const QuantizeResult result = convert(prepared);
  for (const std::string& warning : result.warnings) fmt::print("    warning: {}\n", warning);
  return top1(result.model, test);
}

}  // namespace octet::bench
