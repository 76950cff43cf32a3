// The functions that make the rows, one an operator file; op_list.cpp names each once.
#pragma once

#include "octet/ops/op.h"

namespace octet::ops {

/// A file may give one row or several close relatives.
using Rows = std::vector<OpDef>;
using MakeRows = Rows (*)();

}  // namespace octet::ops
