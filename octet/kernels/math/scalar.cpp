#include "octet/kernels/math/portable.h"

namespace octet::kernels {

extern const MathTable kMathScalar;
const MathTable kMathScalar = portable_table("scalar", map<gelu_of>, gelu_with_range_of);

}  // namespace octet::kernels
