#include "octet/formats/versions.h"

#include <cstddef>
#include <cstdio>
// jpeglib.h needs FILE and size_t to be declared before it.
#include <google/protobuf/stubs/common.h>
#include <jpeglib.h>
#include <png.h>
#include <zip.h>

#include <nlohmann/json.hpp>

namespace octet::formats {

std::vector<std::pair<std::string, std::string>> library_versions() {
  const auto dotted = [](int major, int minor, int patch) {
    return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
  };
  return {
      {"protobuf", google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION)},
      {"libzip", zip_libzip_version()},
      {"libpng", png_get_libpng_ver(nullptr)},
      {"libjpeg-turbo", dotted(LIBJPEG_TURBO_VERSION_NUMBER / 1000000, LIBJPEG_TURBO_VERSION_NUMBER / 1000 % 1000,
                               LIBJPEG_TURBO_VERSION_NUMBER % 1000)},
      {"nlohmann-json", dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH)},
  };
}

}  // namespace octet::formats
