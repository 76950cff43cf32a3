// Gelu is x times the normal distribution function, half of which is an odd function s: in 16 intervals, whose middles
// are n / kGeluScale, s(|x|) is a polynomial of degree 4 in t = |x| * kGeluScale - n, fitted to 8e-8. From kGeluMost on
// s is 1/2 exactly.
#pragma once

namespace octet::kernels {

inline constexpr float kGeluScale = 2.875f, kGeluMost = 0x1.58d224p+2f;  // 15.49 / 2.875
inline constexpr float kGeluRound = 0x1.8p23f;                           // adding it leaves the integer in the low bits
alignas(64) inline constexpr float kGelu[5][16] = {
    {0x1.a135fp-29f, 0x1.168ed2p-3f, 0x1.06d63ep-2f, 0x1.68136cp-2f, 0x1.abf6bep-2f, 0x1.d6028cp-2f, 0x1.ed1c7cp-2f,
     0x1.f85eeep-2f, 0x1.fd3d36p-2f, 0x1.ff1b38p-2f, 0x1.ffbddap-2f, 0x1.ffeefp-2f, 0x1.fffc14p-2f, 0x1.ffff32p-2f,
     0x1.ffffdap-2f, 0x1.fffffcp-2f},
    {0x1.1c2f5ep-3f, 0x1.0b80c6p-3f, 0x1.be37ep-4f, 0x1.49c1e2p-4f, 0x1.afd8a8p-5f, 0x1.f51864p-6f, 0x1.01981ep-6f,
     0x1.d550bp-8f, 0x1.7acd9p-9f, 0x1.0ee684p-10f, 0x1.574e24p-12f, 0x1.81789cp-14f, 0x1.7f7a46p-16f, 0x1.5200c2p-18f,
     0x1.07f43ap-20f, 0x1.6d44c8p-23f},
    {0x1.477a2ep-18f, -0x1.02e68ep-7f, -0x1.afdeb4p-7f, -0x1.debb84p-7f, -0x1.a1f6d2p-7f, -0x1.2f1e96p-7f,
     -0x1.75fa54p-8f, -0x1.8d76cp-9f, -0x1.6ea55ep-10f, -0x1.26fd4ep-11f, -0x1.9f61e8p-13f, -0x1.0087cep-14f,
     -0x1.166ad2p-16f, -0x1.09ddd2p-18f, -0x1.bf36f4p-21f, -0x1.4b6fd4p-23f},
    {-0x1.725478p-9f, -0x1.2df52ap-9f, -0x1.28d0aap-10f, 0x1.1f7394p-13f, 0x1.022de6p-10f, 0x1.45773ep-10f,
     0x1.163128p-10f, 0x1.75738ep-11f, 0x1.9df002p-12f, 0x1.83e444p-13f, 0x1.376284p-14f, 0x1.afce5p-16f,
     0x1.0404cap-17f, 0x1.110358p-19f, 0x1.f540ap-22f, 0x1.92d796p-24f},
    {0x1.07f5acp-14f, 0x1.dcea56p-13f, 0x1.5c0e28p-12f, 0x1.25bd4ep-12f, 0x1.1f4d88p-13f, -0x1.5b6872p-20f,
     -0x1.42fd44p-14f, -0x1.75692ep-14f, -0x1.183f8ap-14f, -0x1.44a75ep-15f, -0x1.3339cp-16f, -0x1.e7c5cep-18f,
     -0x1.49ae84p-19f, -0x1.7efc8p-21f, -0x1.80be02p-23f, -0x1.522cdep-25f}};

}  // namespace octet::kernels
