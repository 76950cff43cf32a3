#include "octet/formats/data/dataset_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "octet/base/random.h"

namespace octet::formats {

std::int64_t InputSpec::fixed_batch() const {
  return type.shape && !type.shape->empty() && type.shape->front().known() ? type.shape->front().value : 0;
}

std::vector<InputSpec> network_inputs(const Graph& model) {
  std::vector<InputSpec> out;
  for (const ValueId id : model.inputs) {
    if (model.initializer(id) == nullptr) out.push_back({model.value(id).name, model.value(id).type});
  }
  return out;
}

SampleOrder::SampleOrder(std::int64_t available, const DatasetOptions& options) : offset_(options.offset) {
  size_ = std::max<std::int64_t>(0, available - options.offset);
  if (options.samples > 0) size_ = std::min(size_, options.samples);
  if (options.seed == 0 || size_ == 0) return;
  shuffled_.resize(static_cast<std::size_t>(available));
  std::iota(shuffled_.begin(), shuffled_.end(), 0);
  Random random(options.seed);
  for (std::size_t i = shuffled_.size() - 1; i > 0; --i) {
    std::swap(shuffled_[i], shuffled_[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(i)))]);
  }
}

std::int64_t SampleOrder::operator[](std::int64_t i) const {
  return shuffled_.empty() ? offset_ + i : shuffled_[static_cast<std::size_t>(offset_ + i)];
}

void require_samples(const SampleOrder& order, const std::string& path, std::int64_t available) {
  if (order.size() > 0) return;
  throw Error(ErrorKind::bad_input, "the data holds no samples")
      .file(path)
      .value(fmt::format("{} samples", available))
      .expected("at least one")
      .hint(available > 0 ? "--offset goes past the end"
                          : "give an .npz, a folder of .npz files, or a folder of pictures");
}

namespace {

bool whole(DType dtype) { return is_integer(dtype) || dtype == DType::boolean; }

// Casting there and back must give the same numbers.
bool keeps_values(const Tensor& tensor, DType dtype) {
  const Tensor back = tensor.cast(dtype).cast(tensor.dtype());
  return tensor.bytes() == 0 || std::memcmp(back.raw(), tensor.raw(), tensor.bytes()) == 0;
}

}  // namespace

Tensor convert_for(const InputSpec& input, const Tensor& tensor, const std::string& file,
                   std::map<std::string, std::int64_t>& warnings) {
  const DType wanted = input.type.dtype;
  if (wanted == DType::undefined || tensor.dtype() == wanted) return tensor;
  const bool possible = is_float(wanted) || (whole(tensor.dtype()) && whole(wanted) && keeps_values(tensor, wanted));
  if (!possible) {
    throw Error(ErrorKind::bad_input, "the data is not of the type that the network takes")
        .file(file)
        .tensor(input.name)
        .value(to_string(tensor.dtype()))
        .expected(to_string(wanted));
  }
  ++warnings[fmt::format("'{}' is {} in the data and {} in the network: converted", printable(input.name),
                         to_string(tensor.dtype()), to_string(wanted))];
  return tensor.cast(wanted);
}

bool fits(const InputSpec& input, const Shape& shape) {
  if (!input.type.shape) return true;
  const SymbolicShape& wanted = *input.type.shape;
  if (static_cast<int>(wanted.size()) != shape.rank()) return false;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const Dim& dim = wanted[static_cast<std::size_t>(axis)];
    if (dim.known() && dim.value != shape[axis]) return false;
  }
  return true;
}

void require_fit(const InputSpec& input, const Shape& shape, const std::string& file) {
  if (fits(input, shape)) return;
  throw Error(ErrorKind::bad_input, "the data does not have the shape that the network takes")
      .file(file)
      .tensor(input.name)
      .value(to_string(shape))
      .expected(to_string(*input.type.shape));
}

std::vector<std::string> counted(const std::map<std::string, std::int64_t>& warnings) {
  std::vector<std::string> out;
  for (const auto& [text, count] : warnings)
    out.push_back(count > 1 ? fmt::format("{} ({} times)", text, count) : text);
  return out;
}

Tensor concatenate(const std::vector<Tensor>& parts) {
  if (parts.size() == 1) return parts.front();
  Shape shape = parts.front().shape();
  shape[0] = 0;
  for (const Tensor& part : parts) shape[0] += part.dim(0);
  Tensor out(parts.front().dtype(), shape);
  auto* to = static_cast<char*>(out.raw());
  for (const Tensor& part : parts) {
    if (part.bytes() != 0) std::memcpy(to, part.raw(), part.bytes());
    to += part.bytes();
  }
  return out;
}

}  // namespace octet::formats
