// Packed weights, made once for all sessions of a process that hold the same weights.
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

class SharedPacks {
 public:
  /// Those of the process.
  static SharedPacks& of_process();

  /// What `make` gives for `source`, or what an earlier call with the same numbers and `form` gave if that is still in
  /// use. The form names the kernel and all else that packing depends on.
  template <class T>
  std::shared_ptr<const T> get(const Tensor& source, const std::string& form, const std::function<T()>& make) {
    const Key key{digest(source), form};
    if (auto found = find(key, source)) return std::static_pointer_cast<const T>(found);
    struct Entry {
      T packed;
      Tensor source;
    };
    const auto entry = std::make_shared<const Entry>(Entry{make(), source});
    const std::shared_ptr<const T> packed(entry, &entry->packed);
    keep(key, {packed, std::shared_ptr<const Tensor>(entry, &entry->source)});
    return packed;
  }

  /// How many packed weights are in use.
  std::int64_t size() const;

 private:
  using Key = std::pair<std::uint64_t, std::string>;
  struct Held {
    std::weak_ptr<const void> packed;
    std::weak_ptr<const Tensor> source;
  };

  static std::uint64_t digest(const Tensor& tensor);
  std::shared_ptr<const void> find(const Key& key, const Tensor& source) const;
  void keep(const Key& key, Held held);

  mutable std::mutex mutex_;
  std::map<Key, Held> entries_;
};

}  // namespace octet::runtime
