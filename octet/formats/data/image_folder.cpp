// A folder of pictures: flat with labels, flat without, or one folder a class.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "octet/formats/data/dataset_parts.h"
#include "octet/formats/data/labels.h"
#include "octet/formats/images/preprocess.h"

namespace octet::formats {
namespace {

namespace fs = std::filesystem;

struct Picture {
  std::string path;
  std::int64_t label = -1;
};

struct Listing {
  std::vector<Picture> pictures;
  bool labelled = false;
  std::int64_t classes = 0;  ///< of class folders
  std::map<std::string, std::int64_t> warnings;
};

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) out.push_back(entry.path());
  std::sort(out.begin(), out.end(), [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  return out;
}

void add_pictures(const fs::path& folder, std::int64_t label, Listing& listing) {
  for (const fs::path& path : sorted_entries(folder)) {
    if (fs::is_directory(path)) continue;
    const std::string name = path.filename().string();
    if (name == "preprocess.json" || name.front() == '.') continue;
    if (has_image_extension(name)) {
      listing.pictures.push_back({path.string(), label});
    } else {
      ++listing.warnings["a file whose name does not end like a picture's: left out"];
    }
  }
}

Listing list_labelled(const fs::path& folder, const std::string& labels) {
  Listing listing;
  listing.labelled = true;
  fs::path base = folder;
  for (const auto& [file, label] : load_labels(labels)) {
    if (listing.pictures.empty() && !fs::exists(base / file) && fs::exists(base / "images" / file)) base /= "images";
    listing.pictures.push_back({(base / file).string(), label});
  }
  return listing;
}

Listing list_pictures(const fs::path& folder, const std::string& labels) {
  if (!labels.empty()) return list_labelled(folder, labels);
  if (fs::exists(folder / "labels.csv")) return list_labelled(folder, (folder / "labels.csv").string());
  std::vector<fs::path> folders;
  for (const fs::path& path : sorted_entries(folder)) {
    if (fs::is_directory(path)) folders.push_back(path);
  }
  Listing listing;
  add_pictures(folder, -1, listing);
  if (!listing.pictures.empty()) {
    if (!folders.empty()) ++listing.warnings[fmt::format("{} folders beside the pictures: left out", folders.size())];
    return listing;
  }
  for (const fs::path& path : folders) add_pictures(path, listing.classes++, listing);
  listing.labelled = true;
  return listing;
}

class ImageFolder : public Dataset {
 public:
  ImageFolder(const std::string& path, const Graph& model, const std::string& model_path,
              const DatasetOptions& options);

  std::int64_t size() const override { return order_.size(); }
  Feed read(std::int64_t first, std::int64_t count) override;
  std::vector<std::string> warnings() const override;

 private:
  const Picture& picture(std::int64_t i) const { return listing_.pictures[static_cast<std::size_t>(order_[i])]; }
  void warn_of_few_classes();
  /// The picture as a tensor; undefined if it is damaged (then counted).
  Tensor load(std::int64_t i);
  void leave_out(std::int64_t i, const Error& error);

  std::string path_;
  InputSpec input_;
  Preprocess preprocess_;
  Listing listing_;
  SampleOrder order_;
  std::set<std::int64_t> damaged_, cmyk_;
  std::string first_damage_;
};

ImageFolder::ImageFolder(const std::string& path, const Graph& model, const std::string& model_path,
                         const DatasetOptions& options)
    : path_(path), listing_(list_pictures(path, options.labels)) {
  const std::vector<InputSpec> inputs = network_inputs(model);
  if (inputs.size() != 1) {
    throw Error(ErrorKind::usage, "pictures can feed only a network of one input")
        .value(fmt::format("{} inputs", inputs.size()))
        .hint("give an .npz with an array for each input");
  }
  input_ = inputs.front();
  std::vector<std::string> notes;
  const std::string json = find_preprocess(model, model_path, options.preprocess, &notes);
  if (json.empty()) {
    throw Error(ErrorKind::usage, "how pictures become the network's input is not said")
        .file(path)
        .hint("give --preprocess FILE, or put preprocess.json beside the model");
  }
  for (const std::string& note : notes) ++listing_.warnings[note];
  preprocess_ = parse_preprocess(json, options.preprocess);
  const auto available = static_cast<std::int64_t>(listing_.pictures.size());
  order_ = SampleOrder(available, options);
  require_samples(order_, path, available);
  warn_of_few_classes();
}

void ImageFolder::warn_of_few_classes() {
  std::set<std::int64_t> classes;
  for (std::int64_t i = 0; i < size(); ++i) classes.insert(picture(i).label);
  if (listing_.classes > 0 && static_cast<std::int64_t>(classes.size()) < std::min(listing_.classes, size())) {
    ++listing_
          .warnings[fmt::format("the {} samples come from {} of {} classes; --seed 1 takes them from all over the data",
                                size(), classes.size(), listing_.classes)];
  }
}

void ImageFolder::leave_out(std::int64_t i, const Error& error) {
  if (damaged_.empty()) first_damage_ = error.what();
  damaged_.insert(i);
  const auto count = static_cast<std::int64_t>(damaged_.size());
  if (count == size() || count > std::max<std::int64_t>(10, size() / 10)) {
    throw Error(ErrorKind::bad_input, "too many pictures cannot be read")
        .file(path_)
        .value(fmt::format("{} of {}; the first: {}", count, size(), first_damage_))
        .expected("at most a tenth");
  }
}

Tensor ImageFolder::load(std::int64_t i) {
  if (damaged_.count(i) != 0) return {};
  DecodeNotes notes;
  try {
    Tensor tensor = load_picture(preprocess_, picture(i).path, &notes);
    if (notes.cmyk) cmyk_.insert(i);
    return tensor.cast(input_.type.dtype == DType::undefined ? DType::f32 : input_.type.dtype);
  } catch (const Error& error) {
    leave_out(i, error);
    return {};
  }
}

Feed ImageFolder::read(std::int64_t first, std::int64_t count) {
  const std::int64_t fixed = input_.fixed_batch();
  const std::int64_t wanted = fixed > 0 ? fixed : count;
  Feed feed;
  std::vector<Tensor> tensors;
  std::vector<std::int64_t> labels;
  feed.next = first;
  while (feed.next < size() && static_cast<std::int64_t>(tensors.size()) < wanted) {
    const Tensor tensor = load(feed.next);
    if (tensor.defined()) {
      if (!tensors.empty() && !(tensor.shape() == tensors.front().shape())) break;  // another size: the next feed
      tensors.push_back(tensor);
      labels.push_back(picture(feed.next).label);
      feed.names.push_back(fs::path(picture(feed.next).path).filename().string());
    }
    ++feed.next;
  }
  if (fixed > 1 && static_cast<std::int64_t>(tensors.size()) < fixed) {
    ++listing_
          .warnings[fmt::format("{} pictures do not fill the network's batch of {}: left out", tensors.size(), fixed)];
    tensors.clear();
  }
  if (tensors.empty()) return feed;
  const Tensor batch = concatenate(tensors);
  require_fit(input_, batch.shape(), path_);
  feed.samples = batch.dim(0);
  feed.inputs.emplace_back(input_.name, batch);
  if (listing_.labelled)
    feed.target = Tensor::from<std::int64_t>({feed.samples}, std::span<const std::int64_t>(labels));
  return feed;
}

std::vector<std::string> ImageFolder::warnings() const {
  std::vector<std::string> out = counted(listing_.warnings);
  if (!damaged_.empty()) {
    out.push_back(fmt::format("{} of {} pictures could not be read and were left out; the first: {}", damaged_.size(),
                              size(), first_damage_));
  }
  if (!cmyk_.empty()) out.push_back(fmt::format("{} pictures are CMYK and were converted to RGB", cmyk_.size()));
  return out;
}

}  // namespace

std::unique_ptr<Dataset> open_image_folder(const std::string& path, const Graph& model, const std::string& model_path,
                                           const DatasetOptions& options) {
  return std::make_unique<ImageFolder>(path, model, model_path, options);
}

}  // namespace octet::formats
