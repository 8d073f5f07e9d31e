// Loops over float32 and bfloat16 that compilers vectorize. The instruction set is chosen when the addon is loaded.
#pragma once

#include <cstdint>

#if defined(__GNUC__)
#define ALWAYS_INLINE inline __attribute__((always_inline))
#else
#define ALWAYS_INLINE inline
#endif

// Variants are chosen by feature levels, not by processor names, which belong to one manufacturer.
#if !defined(__x86_64__) || !defined(__GNUC__) || defined(__clang__)
#define VECTORIZED __attribute__((noinline))
#elif __GNUC__ >= 12
#define VECTORIZED __attribute__((noinline, target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VECTORIZED __attribute__((noinline, target_clones("avx512f", "avx2", "default")))
#endif

namespace addon {

/// The bits of a bfloat16: the upper half of a float32.
struct Bfloat16 {
  uint16_t bits;
};

ALWAYS_INLINE float load(float value) { return value; }
ALWAYS_INLINE float load(Bfloat16 value) {
  return __builtin_bit_cast(float, static_cast<uint32_t>(value.bits) << 16);
}

ALWAYS_INLINE void store(float& to, float value) { to = value; }
/// Rounds to nearest, ties to even.
ALWAYS_INLINE void store(Bfloat16& to, float value) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, value);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  to.bits = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded); // NaN stays NaN.
}

}  // namespace addon
