// What the kinds of dataset share: the network's inputs, which samples are taken, and conversions.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "octet/formats/data/dataset.h"

namespace octet::formats {

/// An input of the network that data must feed (not one with a default value).
struct InputSpec {
  std::string name;
  TypeInfo type;
  /// The number that its first dimension is fixed to, or 0.
  std::int64_t fixed_batch() const;
};
std::vector<InputSpec> network_inputs(const Graph& model);

/// Which of `available` samples are taken, in which order.
class SampleOrder {
 public:
  SampleOrder() = default;
  SampleOrder(std::int64_t available, const DatasetOptions& options);
  std::int64_t size() const { return size_; }
  /// Place in the file of the i-th sample taken.
  std::int64_t operator[](std::int64_t i) const;
  bool shuffled() const { return !shuffled_.empty(); }

 private:
  std::int64_t offset_ = 0, size_ = 0;
  std::vector<std::int64_t> shuffled_;
};

/// Throws bad_input unless something is left to read.
void require_samples(const SampleOrder& order, const std::string& path, std::int64_t available);

/// The tensor in the type that the input takes. Widening and float-to-float are done with a warning;
/// what would lose values throws bad_input.
Tensor convert_for(const InputSpec& input, const Tensor& tensor, const std::string& file,
                   std::map<std::string, std::int64_t>& warnings);
/// Whether a shape can be fed to the input (unknown dimensions take anything).
bool fits(const InputSpec& input, const Shape& shape);
/// Throws bad_input showing both shapes unless it fits.
void require_fit(const InputSpec& input, const Shape& shape, const std::string& file);
/// "name (3 times)" lines.
std::vector<std::string> counted(const std::map<std::string, std::int64_t>& warnings);

/// Tensors of one type and of equal shape but for the first dimension, one after another.
Tensor concatenate(const std::vector<Tensor>& parts);

std::unique_ptr<Dataset> open_npz(const std::string& path, const Graph& model, const DatasetOptions& options);
std::unique_ptr<Dataset> open_npz_folder(const std::string& path, const Graph& model, const DatasetOptions& options);
std::unique_ptr<Dataset> open_image_folder(const std::string& path, const Graph& model, const std::string& model_path,
                                           const DatasetOptions& options);

}  // namespace octet::formats
