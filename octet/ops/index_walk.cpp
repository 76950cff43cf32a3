#include "octet/ops/index_walk.h"

namespace octet::ops {

void check_fits_inside(const EvalContext& ctx, const Shape& indices, const Shape& data, int axis) {
  bool fits = indices.rank() == data.rank();
  for (int i = 0; fits && i < data.rank(); ++i) fits = i == axis || indices[i] <= data[i];
  if (fits) return;
  throw ctx.error(ErrorKind::bad_input, "the indices do not fit inside the data")
      .value(to_string(indices))
      .expected("at most " + to_string(data) + " apart from axis " + std::to_string(axis));
}

}  // namespace octet::ops
