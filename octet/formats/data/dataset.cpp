#include "octet/formats/data/dataset.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "octet/base/file_descriptor.h"
#include "octet/base/read_file.h"
#include "octet/formats/data/dataset_parts.h"
#include "octet/formats/images/image.h"
#include "octet/formats/images/preprocess.h"

namespace octet::formats {
namespace {

namespace fs = std::filesystem;

bool holds_npz(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".npz") return true;
  }
  return false;
}

}  // namespace

std::unique_ptr<Dataset> open_dataset(const std::string& path, const Graph& model, const std::string& model_path,
                                      const DatasetOptions& options) {
  if (options.samples < 0 || options.offset < 0) {
    throw Error(ErrorKind::usage, "--samples and --offset cannot be negative");
  }
  try {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) throw io_error("cannot be read", path, error ? error.value() : ENOENT);
    if (fs::is_directory(status)) {
      return holds_npz(path) ? open_npz_folder(path, model, options)
                             : open_image_folder(path, model, model_path, options);
    }
    if (has_image_extension(path)) {
      throw Error(ErrorKind::usage, "a single picture is no data set").file(path).hint("give the folder it is in");
    }
    return open_npz(path, model, options);
  } catch (const fs::filesystem_error& error) {
    throw io_error("cannot be read", path, error.code().value());
  }
}

std::string find_preprocess(const Graph& model, const std::string& model_path, const std::string& given,
                            std::vector<std::string>* warnings) {
  if (!given.empty()) return read_file(given);
  const std::string* kept = model.info.find_metadata(kPreprocessMetadata);
  const fs::path beside = fs::path(model_path).parent_path() / "preprocess.json";
  std::error_code error;
  if (!fs::exists(beside, error)) return kept != nullptr ? *kept : std::string();
  std::string text = read_file(beside);
  if (kept != nullptr && *kept != text && warnings != nullptr) {
    warnings->push_back(
        fmt::format("{} is used; the preprocessing kept in the model is another", printable(beside.string())));
  }
  return text;
}

}  // namespace octet::formats
