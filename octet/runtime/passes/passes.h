// The passes of lowering, one a file. Each returns the number of places it changed.
#pragma once

#include "octet/graph/graph.h"

namespace octet::runtime {

}  // namespace octet::runtime
