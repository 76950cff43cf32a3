// The sections of the page, each from the results of all.
#pragma once

#include "bench/page/results.h"

namespace octet::bench {

std::string networks_section(const Json& results);  ///< end to end, float too
std::string linear_section(const Json& results);
std::string kernels_section(const Json& results);
std::string avx2_section(const Json& results);
std::string overheads_section(const Json& results);
std::string training_section(const Json& results);
std::string limits_section(const Json& results);

}  // namespace octet::bench
