// An .npz whose arrays bear the names of the network's inputs; the first dimension counts samples.
#include <fmt/format.h>

#include <algorithm>

#include "octet/formats/data/dataset_parts.h"
#include "octet/formats/npz/npz.h"

namespace octet::formats {
namespace {

// How the array of an input is cut into samples.
enum class Cut {
  rows,    ///< [samples, ...]: rows side by side make a batch
  whole,   ///< [samples, shape of the input...]: each sample is a whole input
  shared,  ///< one value for all samples, or the only feed
};

struct Source {
  InputSpec input;
  std::size_t array = 0;
  Cut cut = Cut::rows;
  Tensor kept;  ///< a compressed array that is read out of order, or a shared one
};

class NpzDataset : public Dataset {
 public:
  NpzDataset(const std::string& path, const Graph& model, const DatasetOptions& options);

  std::int64_t size() const override { return order_.size(); }
  Feed read(std::int64_t first, std::int64_t count) override;
  std::vector<std::string> warnings() const override { return counted(warnings_); }

 private:
  const NpzFile::Array& array(const Source& source) const { return file_.arrays()[source.array]; }
  void find_sources(const Graph& model);
  void find_target();
  void find_batch();
  bool single_feed() const;
  void count_samples(const DatasetOptions& options);
  Tensor rows(Source& source, std::int64_t first, std::int64_t count);

  std::string path_;
  NpzFile file_;
  std::vector<Source> sources_;
  std::optional<Source> target_;
  SampleOrder order_;
  std::int64_t batch_ = 0;  ///< samples a feed must hold; 0: any number
  std::map<std::string, std::int64_t> warnings_;
};

NpzDataset::NpzDataset(const std::string& path, const Graph& model, const DatasetOptions& options)
    : path_(path), file_(path) {
  if (!options.labels.empty()) {
    throw Error(ErrorKind::usage, "--labels is for folders of pictures").hint("put an array 'labels' into the .npz");
  }
  find_sources(model);
  find_target();
  count_samples(options);
}

void NpzDataset::find_sources(const Graph& model) {
  std::string names;
  for (const NpzFile::Array& a : file_.arrays()) names += (names.empty() ? "" : ", ") + a.name;
  for (const InputSpec& input : network_inputs(model)) {
    const int index = file_.find(input.name);
    if (index < 0) {
      throw Error(ErrorKind::bad_input, "the data has no array for an input of the network")
          .file(path_)
          .tensor(input.name)
          .value(names.empty() ? "no arrays" : names)
          .hint("name the arrays as the network's inputs are named");
    }
    sources_.push_back({input, static_cast<std::size_t>(index), Cut::rows, {}});
  }
  if (sources_.empty()) throw Error(ErrorKind::usage, "the network takes no inputs: there is nothing to feed");
}

void NpzDataset::find_target() {
  std::vector<bool> used(file_.arrays().size());
  for (const Source& source : sources_) used[source.array] = true;
  for (const char* name : {"labels", "targets"}) {
    const int index = file_.find(name);
    if (index < 0 || used[static_cast<std::size_t>(index)] || target_) continue;
    target_ = Source{{name, {}}, static_cast<std::size_t>(index), Cut::rows, {}};
    used[static_cast<std::size_t>(index)] = true;
  }
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (!used[i])
      ++warnings_[fmt::format("array '{}' is no input of the network: left out", printable(file_.arrays()[i].name))];
  }
}

// Inputs whose first dimensions count different things (a state beside samples) make one feed as they are.
bool NpzDataset::single_feed() const {
  bool differ = false;
  std::int64_t count = -1;
  for (const Source& source : sources_) {
    const Shape& shape = array(source).shape;
    if (!fits(source.input, shape)) return false;
    if (shape.rank() == 0) continue;
    differ = differ || (count >= 0 && shape[0] != count);
    count = shape[0];
  }
  return differ || count < 0;
}

void NpzDataset::find_batch() {
  for (const Source& source : sources_) {
    const std::int64_t fixed = source.cut == Cut::whole ? 1 : source.cut == Cut::rows ? source.input.fixed_batch() : 0;
    if (fixed == 0) continue;
    if (batch_ != 0 && batch_ != fixed) {
      throw Error(ErrorKind::bad_input, "the network's inputs do not agree on a batch")
          .file(path_)
          .tensor(source.input.name)
          .value(std::to_string(fixed))
          .expected(std::to_string(batch_))
          .hint("give a folder of .npz files, one feed each");
    }
    batch_ = fixed;
  }
}

void NpzDataset::count_samples(const DatasetOptions& options) {
  std::int64_t samples = single_feed() ? 1 : -1;
  const bool single = samples == 1;
  for (Source& source : sources_) {
    const Shape& shape = array(source).shape;
    const bool rank_known = source.input.type.shape.has_value();
    const int rank = rank_known ? static_cast<int>(source.input.type.shape->size()) : shape.rank();
    if (single || shape.rank() == 0 || (rank == 0 && shape.elements() == 1)) {
      source.cut = Cut::shared;
      source.kept = file_.read(source.array);
      if (!single && rank == 0) source.kept = source.kept.reshaped(Shape{});
      continue;
    }
    source.cut = shape.rank() == rank + 1 ? Cut::whole : Cut::rows;
    const Shape one = source.cut == Cut::whole ? Shape(shape.dims().subspan(1)) : shape;
    InputSpec free_batch = source.input;
    if (source.cut == Cut::rows && rank_known && rank > 0) free_batch.type.shape->front() = Dim();
    require_fit(free_batch, one, path_);
    if (samples >= 0 && shape[0] != samples) {
      throw Error(ErrorKind::bad_input, "the arrays do not hold equally many samples")
          .file(path_)
          .tensor(source.input.name)
          .value(std::to_string(shape[0]))
          .expected(std::to_string(samples))
          .hint("where inputs differ in their first dimension, give a folder of .npz files, one feed each");
    }
    samples = shape[0];
  }
  samples = std::max<std::int64_t>(samples, samples < 0 ? 1 : 0);
  find_batch();
  if (target_ && !single && (array(*target_).shape.rank() == 0 || array(*target_).shape[0] != samples)) {
    throw Error(ErrorKind::bad_input, "there are not as many expected answers as samples")
        .file(path_)
        .tensor(target_->input.name)
        .value(to_string(array(*target_).shape))
        .expected(fmt::format("{} in the first dimension", samples));
  }
  order_ = SampleOrder(samples, options);
  require_samples(order_, path_, samples);
  if (batch_ > 1 && order_.size() % batch_ != 0) {
    ++warnings_[fmt::format("the last {} samples do not fill the network's batch of {}: left out",
                            order_.size() % batch_, batch_)];
  }
}

Tensor NpzDataset::rows(Source& source, std::int64_t first, std::int64_t count) {
  if (source.cut == Cut::shared) return source.kept;
  if (!order_.shuffled()) return file_.read_rows(source.array, order_[first], count);
  if (!array(source).stored && !source.kept.defined()) source.kept = file_.read(source.array);
  std::vector<Tensor> parts;
  for (std::int64_t i = first; i < first + count; ++i) {
    if (!source.kept.defined()) {
      parts.push_back(file_.read_rows(source.array, order_[i], 1));
      continue;
    }
    Shape one = source.kept.shape();
    one[0] = 1;
    const std::size_t bytes = source.kept.bytes() / static_cast<std::size_t>(source.kept.dim(0));
    auto* begin = static_cast<char*>(source.kept.raw()) + static_cast<std::size_t>(order_[i]) * bytes;
    parts.emplace_back(source.kept.dtype(), one, begin, source.kept.owner());
  }
  return concatenate(parts);
}

Feed NpzDataset::read(std::int64_t first, std::int64_t count) {
  Feed feed;
  const std::int64_t left = size() - first;
  feed.samples = std::min(batch_ != 0 ? batch_ : count, left);
  feed.next = first + feed.samples;
  if (batch_ > 1 && feed.samples < batch_) {  // warned of when the data was opened
    feed.samples = 0;
    return feed;
  }
  for (Source& source : sources_) {
    Tensor tensor = rows(source, first, feed.samples);
    if (source.cut == Cut::whole) {
      tensor = tensor.reshaped(Shape(tensor.shape().dims().subspan(1)));
      feed.single = true;
    }
    feed.inputs.emplace_back(source.input.name, convert_for(source.input, tensor, path_, warnings_));
  }
  if (target_) feed.target = rows(*target_, first, feed.samples);
  return feed;
}

}  // namespace

std::unique_ptr<Dataset> open_npz(const std::string& path, const Graph& model, const DatasetOptions& options) {
  return std::make_unique<NpzDataset>(path, model, options);
}

}  // namespace octet::formats
