#include "octet/kernels/math/portable.h"

namespace octet::kernels {

extern const MathTable kMathAvx512;
const MathTable kMathAvx512 = portable_table("avx512");

}  // namespace octet::kernels
