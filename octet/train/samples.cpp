#include "octet/train/samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace octet::train {
namespace {

using formats::Feed;

constexpr std::int64_t kReadAhead = 64;

// Every tensor of the feed has one row a sample.
bool splits_into_rows(const Feed& feed) {
  const auto rows = [&](const Tensor& t) { return t.rank() > 0 && t.dim(0) == feed.samples; };
  return !feed.single &&
         std::all_of(feed.inputs.begin(), feed.inputs.end(), [&](const auto& i) { return rows(i.second); }) &&
         (!feed.target.defined() || rows(feed.target));
}

std::int64_t bytes_of(const Feed& feed) {
  std::size_t bytes = feed.target.bytes();
  for (const auto& [name, tensor] : feed.inputs) bytes += tensor.bytes();
  return static_cast<std::int64_t>(bytes);
}

Shape row_shape(const Tensor& tensor) {
  Shape shape = tensor.shape();
  shape[0] = 1;
  return shape;
}

// One thing that can be drawn: a row of a feed, or (row < 0) all of it.
struct Unit {
  const Feed* feed = nullptr;
  std::int64_t row = -1;

  std::int64_t samples() const { return row < 0 ? feed->samples : 1; }
  bool goes_with(const Unit& other) const {
    if (row < 0 || other.row < 0) return false;
    const auto same = [](const Tensor& a, const Tensor& b) {
      return a.defined() == b.defined() && (!a.defined() || (a.dtype() == b.dtype() && row_shape(a) == row_shape(b)));
    };
    bool all = same(feed->target, other.feed->target) && feed->inputs.size() == other.feed->inputs.size();
    for (std::size_t i = 0; all && i < feed->inputs.size(); ++i)
      all = same(feed->inputs[i].second, other.feed->inputs[i].second);
    return all;
  }
};

void copy_row(const Tensor& from, std::int64_t row, Tensor& to, std::int64_t at) {
  const std::size_t bytes = to.bytes() / static_cast<std::size_t>(to.dim(0));
  if (bytes == 0) return;
  std::memcpy(static_cast<char*>(to.raw()) + static_cast<std::size_t>(at) * bytes,
              static_cast<const char*>(from.raw()) + static_cast<std::size_t>(row) * bytes, bytes);
}

Tensor stack(std::span<const Unit> units, const auto& tensor_of) {
  const Tensor& first = tensor_of(units.front());
  if (!first.defined()) return {};
  Shape shape = first.shape();
  shape[0] = static_cast<std::int64_t>(units.size());
  Tensor out(first.dtype(), shape);
  for (std::size_t i = 0; i < units.size(); ++i)
    copy_row(tensor_of(units[i]), units[i].row, out, static_cast<std::int64_t>(i));
  return out;
}

Batch batch_of(std::span<const Unit> units, std::span<const std::int64_t> indices) {
  Batch batch;
  batch.indices.assign(indices.begin(), indices.end());
  const Feed& first = *units.front().feed;
  if (units.front().row < 0) {
    batch.inputs = first.inputs;
    batch.target = first.target;
    batch.samples = first.samples;
    return batch;
  }
  batch.samples = static_cast<std::int64_t>(units.size());
  for (std::size_t i = 0; i < first.inputs.size(); ++i) {
    batch.inputs.emplace_back(first.inputs[i].first,
                              stack(units, [i](const Unit& u) -> const Tensor& { return u.feed->inputs[i].second; }));
  }
  batch.target = stack(units, [](const Unit& u) -> const Tensor& { return u.feed->target; });
  return batch;
}

}  // namespace

struct Samples::State {
  std::shared_ptr<formats::Dataset> data;  ///< only where samples are read anew
  std::int64_t count = 0;                  ///< units
  std::int64_t stride = 1;                 ///< samples a unit of `data`
  bool targets = false;
  std::vector<std::unique_ptr<Feed>> feeds;
  std::vector<Unit> units;
  std::vector<std::string> warnings;

  void keep(Feed feed) {
    targets = feed.target.defined();
    feeds.push_back(std::make_unique<Feed>(std::move(feed)));
    const Feed* kept = feeds.back().get();
    if (!splits_into_rows(*kept)) {
      units.push_back({kept, -1});
      return;
    }
    for (std::int64_t row = 0; row < kept->samples; ++row) units.push_back({kept, row});
  }

  void read_all(const SamplesOptions& options);
  void read_anew(std::int64_t unit_samples);
};

void Samples::State::read_all(const SamplesOptions& options) {
  std::int64_t bytes = 0;
  for (std::int64_t at = 0; at < data->size();) {
    Feed feed = data->read(at, kReadAhead);
    const std::int64_t unit = splits_into_rows(feed) ? 1 : std::max<std::int64_t>(feed.next - at, 1);
    at = feed.next;
    if (feed.samples > 0) {
      bytes += bytes_of(feed);
      keep(std::move(feed));
    }
    if (options.progress) options.progress(at, data->size());
    if (bytes > options.memory) {
      read_anew(unit);
      return;
    }
  }
  count = static_cast<std::int64_t>(units.size());
  warnings = data->warnings();
  data.reset();
}

void Samples::State::read_anew(std::int64_t unit_samples) {
  feeds.clear();
  units.clear();
  stride = unit_samples;
  count = (data->size() + stride - 1) / stride;
}

Samples::Samples(NamedTensors inputs, Tensor target) : state_(std::make_unique<State>()) {
  Feed feed;
  feed.inputs = std::move(inputs);
  feed.target = std::move(target);
  feed.samples = feed.inputs.empty() || feed.inputs[0].second.rank() == 0 ? 0 : feed.inputs[0].second.dim(0);
  if (feed.samples == 0 || !splits_into_rows(feed)) {
    throw Error(ErrorKind::usage, "the tensors do not hold equally many samples in their first dimension, or none");
  }
  state_->keep(std::move(feed));
  state_->count = static_cast<std::int64_t>(state_->units.size());
}

Samples::Samples(std::shared_ptr<formats::Dataset> data, const SamplesOptions& options)
    : state_(std::make_unique<State>()) {
  state_->data = std::move(data);
  state_->read_all(options);
  if (state_->count == 0) throw Error(ErrorKind::bad_input, "the data holds no sample that can be used");
}

Samples::~Samples() = default;
Samples::Samples(Samples&&) noexcept = default;
Samples& Samples::operator=(Samples&&) noexcept = default;

std::int64_t Samples::size() const { return state_->count; }
bool Samples::in_memory() const { return state_->data == nullptr; }
bool Samples::has_targets() const { return state_->targets; }

std::vector<std::string> Samples::warnings() const {
  if (state_->data == nullptr) return state_->warnings;
  std::vector<std::string> out = state_->data->warnings();
  out.push_back(
      fmt::format("the data does not fit into the memory it may take: its {} samples are read anew in each epoch",
                  state_->data->size()));
  return out;
}

std::vector<Batch> Samples::gather(std::span<const std::int64_t> indices) const {
  std::vector<std::unique_ptr<Feed>> read;
  std::vector<Unit> units;
  std::vector<std::int64_t> taken;
  for (const std::int64_t index : indices) {
    if (in_memory()) {
      units.push_back(state_->units[static_cast<std::size_t>(index)]);
      taken.push_back(index);
      continue;
    }
    read.push_back(std::make_unique<Feed>(state_->data->read(index * state_->stride, state_->stride)));
    const Feed* feed = read.back().get();
    if (feed->samples == 0) continue;  // a damaged picture: counted in the warnings
    units.push_back({feed, splits_into_rows(*feed) && feed->samples == 1 ? 0 : -1});
    taken.push_back(index);
  }
  std::vector<Batch> out;
  for (std::size_t begin = 0; begin < units.size();) {
    std::size_t end = begin + 1;
    while (end < units.size() && units[begin].goes_with(units[end])) ++end;
    out.push_back(batch_of(std::span(units).subspan(begin, end - begin), std::span(taken).subspan(begin, end - begin)));
    begin = end;
  }
  return out;
}

}  // namespace octet::train
