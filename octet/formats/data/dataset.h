// DATA as the command takes it: an .npz, a folder of .npz files, or a folder of images; streamed
// sample by sample so that memory does not grow with the number of samples.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "octet/graph/graph.h"

namespace octet::formats {

/// One feed of a network: its inputs by name, and the expected answers if the data has them.
struct Feed {
  std::vector<std::pair<std::string, Tensor>> inputs;
  Tensor target;                   ///< labels or targets of these samples; undefined if none
  std::int64_t samples = 0;        ///< how many samples this feed holds; may be 0 where all were skipped
  std::int64_t next = 0;           ///< the sample at which reading goes on
  bool single = false;             ///< the sample is a whole input by itself: no dimension of it counts samples
  std::vector<std::string> names;  ///< file names of images, where there are any
};

class Dataset {
 public:
  virtual ~Dataset() = default;
  /// Samples in all (after offset and limit).
  virtual std::int64_t size() const = 0;
  /// The feed that begins at sample `first` and holds at most `count` samples; fewer where the network's
  /// batch is fixed, where pictures differ in size, or for a folder of .npz, which gives one file a feed.
  /// Deterministic; safe to call again from the start. Read on at Feed::next until it reaches size().
  virtual Feed read(std::int64_t first, std::int64_t count) = 0;
  /// What was skipped and why (corrupt images, ...), with counts.
  virtual std::vector<std::string> warnings() const { return {}; }
};

struct DatasetOptions {
  std::int64_t samples = 0;  ///< at most; 0: all
  std::int64_t offset = 0;
  std::uint64_t seed = 0;       ///< != 0: samples are taken in a shuffled order
  std::string labels = {};      ///< CSV (file,label) for a flat folder of images
  std::string preprocess = {};  ///< JSON file; empty: the one beside the model, or in its metadata
};
/// The network's inputs (names and types) are those of `model`; `model_path` locates preprocess.json.
/// Throws io, bad_input (no samples, no array for an input, shapes that do not fit) or usage.
std::unique_ptr<Dataset> open_dataset(const std::string& path, const Graph& model, const std::string& model_path,
                                      const DatasetOptions& options);

/// Where what Octet writes keeps the preprocessing of pictures.
inline constexpr const char* kPreprocessMetadata = "octet.preprocess";
/// The preprocessing that open_dataset uses, as JSON text: the file `given`, else preprocess.json beside
/// the model, else the model's metadata, else empty. Adds a warning where two of them disagree.
std::string find_preprocess(const Graph& model, const std::string& model_path, const std::string& given,
                            std::vector<std::string>* warnings = nullptr);

}  // namespace octet::formats
