// Packed weights, made once and shared by all plans of a session.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "octet/tensor/tensor.h"

namespace octet::runtime {

class PackCache {
 public:
  /// What `make` gives for `source`, or what an earlier call with the same source data and `form`
  /// gave if that is still in use.
  template <class T>
  std::shared_ptr<const T> get(const Tensor& source, const std::string& form, const std::function<T()>& make) {
    const std::lock_guard lock(mutex_);
    std::weak_ptr<const void>& held = entries_[{source.identity(), form}];
    if (const auto found = held.lock()) return std::static_pointer_cast<const T>(found);
    // The source is kept alive with what was made from it: its address names it.
    struct Entry {
      T packed;
      std::shared_ptr<const void> source;
    };
    const auto entry = std::make_shared<const Entry>(Entry{make(), source.owner()});
    std::shared_ptr<const T> packed(entry, &entry->packed);
    held = packed;
    return packed;
  }

 private:
  std::mutex mutex_;
  std::map<std::pair<const void*, std::string>, std::weak_ptr<const void>> entries_;
};

}  // namespace octet::runtime
