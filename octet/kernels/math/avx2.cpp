#include "octet/kernels/math/portable.h"

namespace octet::kernels {

extern const MathTable kMathAvx2;
const MathTable kMathAvx2 = portable_table("avx2");

}  // namespace octet::kernels
