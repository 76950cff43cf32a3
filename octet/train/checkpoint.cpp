#include "octet/train/checkpoint.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "octet/base/atomic_file.h"
#include "octet/base/read_file.h"
#include "octet/base/sha256.h"

namespace octet::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kMagic = "OCTETCK1";
constexpr std::size_t kHead = 16, kAlign = 64, kDigest = 32, kKept = 2;
constexpr const char* kSuffix = ".checkpoint";

std::size_t aligned(std::size_t at) { return (at + kAlign - 1) / kAlign * kAlign; }

// Everything written goes into the digest too.
struct HashedFile {
  AtomicFile file;
  Sha256 hash;

  explicit HashedFile(const fs::path& target) : file(target) {}
  void write(const void* data, std::size_t size) {
    file.write(data, size);
    hash.add(data, size);
  }
  void align() {
    static constexpr char kZeros[kAlign] = {};
    write(kZeros, aligned(file.size()) - file.size());
  }
};

std::string head_text(const Checkpoint& checkpoint) {
  json tensors = json::array();
  for (const auto& [name, tensor] : checkpoint.tensors) {
    const std::vector<std::int64_t> dims(tensor.shape().begin(), tensor.shape().end());
    tensors.push_back({name, static_cast<int>(tensor.dtype()), dims});
  }
  return json{{"model_hash", checkpoint.model_hash},
              {"config_hash", checkpoint.config_hash},
              {"step", checkpoint.step},
              {"epoch", checkpoint.epoch},
              {"position", checkpoint.position},
              {"progress", checkpoint.progress},
              {"tensors", tensors}}
      .dump(-1, ' ', true, json::error_handler_t::replace);
}

Error damaged(const fs::path& file, const std::string& why) {
  return Error(ErrorKind::bad_input, "a checkpoint is damaged: " + why).file(file.string());
}

std::vector<fs::path> checkpoints_in(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == kSuffix) out.push_back(entry.path());
  }
  std::sort(out.rbegin(), out.rend());  // the step has a fixed number of digits
  return out;
}

// Temporaries of a process that was killed while it wrote.
void remove_left_overs(const fs::path& folder) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(".octet-", 0) == 0 && entry.path().extension() == ".tmp") fs::remove(entry.path(), error);
  }
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw io_error("the folder for checkpoints cannot be made", folder, error.value());
}

std::string step_name(std::int64_t step) {
  const std::string digits = std::to_string(step);
  return "step-" + std::string(12 - std::min<std::size_t>(12, digits.size()), '0') + digits + kSuffix;
}

void read_tensors(const json& list, const std::string& bytes, std::size_t at, const fs::path& file, Checkpoint& out) {
  for (const json& row : list) {
    const auto dims = row.at(2).get<std::vector<std::int64_t>>();
    Tensor tensor(static_cast<DType>(row.at(1).get<int>()), Shape(std::span<const std::int64_t>(dims)));
    at = aligned(at);
    if (tensor.bytes() > bytes.size() - kDigest || at > bytes.size() - kDigest - tensor.bytes())
      throw damaged(file, "it is too short for its tensors");
    if (tensor.bytes() != 0) std::memcpy(tensor.raw(), bytes.data() + at, tensor.bytes());
    at += tensor.bytes();
    out.tensors.emplace_back(row.at(0).get<std::string>(), std::move(tensor));
  }
}

}  // namespace

FileDescriptor lock_checkpoints(const fs::path& folder) {
  make_folder(folder);
  const fs::path file = folder / ".lock";
  FileDescriptor lock(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!lock.valid()) throw io_error("the folder for checkpoints cannot be locked", file, errno);
  if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return lock;  // a file system without locks
  throw Error(ErrorKind::usage, "another training has this folder for its checkpoints")
      .file(folder.string())
      .hint("wait for it to end, or give this one a folder of its own");
}

fs::path save_checkpoint(const fs::path& folder, const Checkpoint& checkpoint) {
  make_folder(folder);
  remove_left_overs(folder);
  const fs::path target = folder / step_name(checkpoint.step);
  HashedFile out(target);
  const std::string head = head_text(checkpoint);
  const std::uint64_t size = head.size();
  out.write(kMagic.data(), kMagic.size());
  out.write(&size, sizeof size);
  out.write(head.data(), head.size());
  for (const auto& [name, tensor] : checkpoint.tensors) {
    out.align();
    out.write(tensor.raw(), tensor.bytes());
  }
  const auto digest = out.hash.finish();
  out.file.write(digest.data(), digest.size());
  out.file.commit();
  const std::vector<fs::path> all = checkpoints_in(folder);
  std::error_code error;  // one that stays does no harm
  for (std::size_t i = kKept; i < all.size(); ++i) fs::remove(all[i], error);
  return target;
}

Checkpoint load_checkpoint(const fs::path& file) {
  const std::string bytes = read_file(file);
  if (bytes.size() < kHead + kDigest || bytes.compare(0, kMagic.size(), kMagic) != 0)
    throw damaged(file, "it does not begin as one");
  Sha256 hash;
  hash.add(bytes.data(), bytes.size() - kDigest);
  const auto digest = hash.finish();
  if (std::memcmp(digest.data(), bytes.data() + bytes.size() - kDigest, kDigest) != 0)
    throw damaged(file, "its checksum does not match");
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data() + kMagic.size(), sizeof size);
  if (size > bytes.size() - kHead - kDigest) throw damaged(file, "its head runs over its end");
  try {
    const json head = json::parse(bytes.begin() + kHead, bytes.begin() + static_cast<std::ptrdiff_t>(kHead + size));
    Checkpoint out;
    out.model_hash = head.at("model_hash");
    out.config_hash = head.at("config_hash");
    out.step = head.at("step");
    out.epoch = head.at("epoch");
    out.position = head.at("position");
    out.progress = head.at("progress");
    read_tensors(head.at("tensors"), bytes, kHead + size, file, out);
    return out;
  } catch (const json::exception& error) {
    throw damaged(file, error.what());
  }
}

std::optional<std::pair<fs::path, Checkpoint>> newest_checkpoint(const fs::path& folder,
                                                                 std::vector<std::string>& warnings) {
  const std::vector<fs::path> all = checkpoints_in(folder);
  std::optional<Error> first;
  for (const fs::path& file : all) {
    try {
      return std::pair{file, load_checkpoint(file)};
    } catch (const Error& error) {
      if (error.info().kind != ErrorKind::bad_input) throw;
      if (!first) first = error;
      warnings.push_back(std::string(error.what()) + "; the one before it is taken");
    }
  }
  if (first) throw Error(*first).hint("no checkpoint of the folder is whole; begin again without --resume");
  return std::nullopt;
}

}  // namespace octet::train
