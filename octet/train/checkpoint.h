// Checkpoints: everything that training needs to go on as if it had never stopped, in one file written atomically.
//
//   OCTETCK1 | bytes of the JSON text (u64) | JSON text | the tensors' data, each begun at a multiple of 64 bytes |
//   SHA-256 of all that comes before
//
// The two newest are kept, so that one that the disk spoils has another behind it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "octet/base/file_descriptor.h"
#include "octet/tensor/tensor.h"

namespace octet::train {

struct Checkpoint {
  std::string model_hash, config_hash;   ///< of the model that training began with, of everything that steers it
  std::int64_t step = 0;                 ///< optimizer steps done
  std::int64_t epoch = 0, position = 0;  ///< the epoch that is running and how many of its samples are used
  std::string progress;                  ///< what the trainer wants back, as JSON text
  std::vector<std::pair<std::string, Tensor>> tensors;
};

/// Keeps the folder (made if it is not there) to this process for as long as the result lives. Throws usage when
/// another training has it: each would remove the other's checkpoints.
FileDescriptor lock_checkpoints(const std::filesystem::path& folder);

/// Writes it into the folder (made if it is not there) and removes all but the newest two. Returns the file.
std::filesystem::path save_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint);

/// Throws bad_input for a file that is no checkpoint, is damaged or cut short; io when it cannot be read.
Checkpoint load_checkpoint(const std::filesystem::path& file);
/// The newest one that is whole; nothing if the folder holds none. Adds a warning for each that is damaged. Throws
/// bad_input if there are some but all are damaged.
std::optional<std::pair<std::filesystem::path, Checkpoint>> newest_checkpoint(const std::filesystem::path& folder,
                                                                              std::vector<std::string>& warnings);

}  // namespace octet::train
