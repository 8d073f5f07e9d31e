// Loops over float32 and bfloat16 that compilers turn into vector instructions, chosen when the addon is loaded.
#pragma once

#include <cstdint>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define VECTORIZED __attribute__((noinline, optimize("O3", "no-math-errno"), target_clones("arch=skylake-avx512", "arch=haswell", "default")))
#else
#define VECTORIZED __attribute__((noinline))
#endif

namespace addon {

/// A bfloat16 as its bits: the upper half of a float32.
struct Bfloat16 {
  uint16_t bits;
};

inline __attribute__((always_inline)) float load(float value) { return value; }
inline __attribute__((always_inline)) float load(Bfloat16 value) {
  return __builtin_bit_cast(float, static_cast<uint32_t>(value.bits) << 16);
}

inline __attribute__((always_inline)) void store(float& to, float value) { to = value; }
/// Rounds to the nearest, to even in between.
inline __attribute__((always_inline)) void store(Bfloat16& to, float value) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, value);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  to.bits = static_cast<uint16_t>(value != value ? 0x7fc0u : rounded);
}

}  // namespace addon
