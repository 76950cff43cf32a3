// A curve: cubic polynomials of l in 16 pieces around the integers n from -8 to 7, the first and the last of them going
// on for ever.
//   n = clamp(rint(l), -8, 7),   y = c[0][n & 15] + l * (c[1][n & 15] + l * (c[2][n & 15] + l * c[3][n & 15]))
// with each product fused with its sum. kGeluCurve is Gelu for where its result becomes a byte at once: within
// kGeluCurveError of it, 0 far below and x far above.
#pragma once

namespace octet::kernels {

inline constexpr int kCurveTerms = 4, kCurvePieces = 16;
inline constexpr float kCurveRound = 0x1.8p23f;  // adding it leaves the integer in the low bits

inline constexpr float kGeluCurveSteps = 1.6640625f, kGeluCurveShift = -0.5f;  // l = x * steps + shift
inline constexpr float kGeluCurveError = 7e-5f;
/// Of a byte, for which the error is small enough: a thirtieth of it.
inline constexpr float kGeluCurveLeastStep = 30 * kGeluCurveError;
alignas(64) inline constexpr float kGeluCurve[kCurveTerms][kCurvePieces] = {
    {0x1.7c7574p-3f, 0x1.7c6a7cp-3f, 0x1.030e7p-3f, -0x1.1ebbcep-4f, -0x1.17fb5p-3f, 0x1.1af97p-5f, 0x1.ada8cep-3f,
     0x1.33ae46p-2f, 0, -0x1.1c1e26p-3f, -0x1.b82818p-2f, -0x1.7b9db4p-1f, -0x1.2d71fep-1f, -0x1.4f8f48p-5f,
     0x1.b4923cp-3f, 0x1.882bc6p-3f},
    {0x1.c2d126p-2f, 0x1.c125eep-2f, 0x1.193114p-1f, 0x1.93ef64p-1f, 0x1.b48ca8p-1f, 0x1.7a7b64p-1f, 0x1.48e0b8p-1f,
     0x1.33ae46p-1f, 0, -0x1.c2d38p-5f, -0x1.871a6ap-3f, -0x1.70bd1cp-2f, -0x1.ff777cp-3f, 0x1.d01124p-3f,
     0x1.0a81a8p-1f, 0x1.dea3f4p-2f},
    {0x1.09c31ep-3f, 0x1.1babc8p-3f, 0x1.1a8868p-4f, -0x1.dd4098p-6f, -0x1.93be42p-5f, -0x1.8c94c8p-6f, -0x1.9ed91ap-8f,
     0, 0, -0x1.de89e8p-8f, -0x1.d29aacp-6f, -0x1.e44486p-5f, -0x1.0b2bbap-5f, 0x1.b1b058p-4f, 0x1.c1ed9cp-3f,
     0x1.6a6ep-3f},
    {-0x1.01c7aep-6f, -0x1.bb5a34p-6f, -0x1.93152ap-7f, 0x1.3079e6p-10f, 0x1.ad76bep-9f, 0x1.7574c4p-10f,
     0x1.53aef8p-12f, 0, 0, -0x1.53aef8p-12f, -0x1.7574c4p-10f, -0x1.ad76bep-9f, -0x1.3079e6p-10f, 0x1.93152ap-7f,
     0x1.bb5a34p-6f, 0x1.01c7aep-6f},
};

}  // namespace octet::kernels
