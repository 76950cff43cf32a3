// Packed weights as the plans of a session find them: by where the weights lie, without looking at them again. What is
// not found is taken from those of the process.
#pragma once

#include "octet/runtime/shared_packs.h"

namespace octet::runtime {

class PackCache {
 public:
  /// What `make` gives for `source`, or what an earlier call with the same numbers and `form` gave if that is still in
  /// use. The form names the kernel and all else that packing depends on.
  template <class T>
  std::shared_ptr<const T> get(const Tensor& source, const std::string& form, const std::function<T()>& make) {
    const std::lock_guard lock(mutex_);
    std::weak_ptr<const void>& held = entries_[{source.identity(), form}];
    if (const auto found = held.lock()) return std::static_pointer_cast<const T>(found);
    // The source is kept alive with what was made from it: its address names it.
    struct Entry {
      std::shared_ptr<const T> packed;
      std::shared_ptr<const void> source;
    };
    const auto entry =
        std::make_shared<const Entry>(Entry{SharedPacks::of_process().get<T>(source, form, make), source.owner()});
    std::shared_ptr<const T> packed(entry, entry->packed.get());
    held = packed;
    return packed;
  }

  /// The same of what depends on its form alone.
  template <class T>
  std::shared_ptr<const T> get(const std::string& form, const std::function<T()>& make) {
    const std::lock_guard lock(mutex_);
    std::weak_ptr<const void>& held = entries_[{nullptr, form}];
    if (const auto found = held.lock()) return std::static_pointer_cast<const T>(found);
    const auto made = std::make_shared<const T>(make());
    held = made;
    return made;
  }

 private:
  std::mutex mutex_;
  std::map<std::pair<const void*, std::string>, std::weak_ptr<const void>> entries_;
};

}  // namespace octet::runtime
