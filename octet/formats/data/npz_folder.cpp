// A folder of .npz files, one feed each, whose shapes may differ.
#include <algorithm>
#include <filesystem>

#include "octet/formats/data/dataset_parts.h"
#include "octet/formats/npz/npz.h"

namespace octet::formats {
namespace {

namespace fs = std::filesystem;

class NpzFolder : public Dataset {
 public:
  NpzFolder(const std::string& path, const Graph& model, const DatasetOptions& options)
      : inputs_(network_inputs(model)) {
    if (!options.labels.empty()) {
      throw Error(ErrorKind::usage, "--labels is for folders of pictures").hint("put an array 'labels' into each .npz");
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
      if (entry.path().extension() == ".npz") files_.push_back(entry.path().string());
    }
    std::sort(files_.begin(), files_.end());
    order_ = SampleOrder(static_cast<std::int64_t>(files_.size()), options);
    require_samples(order_, path, static_cast<std::int64_t>(files_.size()));
  }

  std::int64_t size() const override { return order_.size(); }
  std::vector<std::string> warnings() const override { return counted(warnings_); }

  Feed read(std::int64_t first, std::int64_t) override {
    const std::string& path = files_[static_cast<std::size_t>(order_[first])];
    NpzFile file(path);
    Feed feed;
    feed.next = first + 1;
    feed.samples = 1;
    feed.names = {fs::path(path).filename().string()};
    for (const InputSpec& input : inputs_) {
      const int index = file.find(input.name);
      if (index < 0) {
        throw Error(ErrorKind::bad_input, "the data has no array for an input of the network")
            .file(path)
            .tensor(input.name);
      }
      const Tensor tensor = file.read(static_cast<std::size_t>(index));
      require_fit(input, tensor.shape(), path);
      feed.inputs.emplace_back(input.name, convert_for(input, tensor, path, warnings_));
    }
    for (const char* name : {"labels", "targets"}) {
      const int index = file.find(name);
      if (index >= 0 && !feed.target.defined()) feed.target = file.read(static_cast<std::size_t>(index));
    }
    if (feed.target.defined() && feed.target.rank() > 0) feed.samples = feed.target.dim(0);
    return feed;
  }

 private:
  std::vector<InputSpec> inputs_;
  std::vector<std::string> files_;
  SampleOrder order_;
  std::map<std::string, std::int64_t> warnings_;
};

}  // namespace

std::unique_ptr<Dataset> open_npz_folder(const std::string& path, const Graph& model, const DatasetOptions& options) {
  return std::make_unique<NpzFolder>(path, model, options);
}

}  // namespace octet::formats
