// Vectors of LANES float32 numbers, and the loops' arithmetic for one number or a vector of them.
#pragma once

#include <cstdint>
#include <type_traits>

#include "vectorize.h"

/// For lambdas, after their parameters.
#if defined(__GNUC__)
#define INLINED __attribute__((always_inline))
#else
#define INLINED
#endif

namespace addon::LEVEL {

constexpr int64_t kLanes = LANES;

/// Vectors of N numbers.
template <int64_t N>
struct Lanes {
  typedef float Numbers __attribute__((vector_size(4 * N)));
  typedef uint32_t Bits __attribute__((vector_size(4 * N)));
  typedef uint16_t Halves __attribute__((vector_size(2 * N)));
};

template <class V>
using LanesOf = Lanes<sizeof(V) / sizeof(float)>;

using Vector = Lanes<kLanes>::Numbers;

template <class V>
ALWAYS_INLINE auto bitsOf(V value) {
  if constexpr (std::is_same_v<V, float>) return __builtin_bit_cast(uint32_t, value);
  else return __builtin_bit_cast(typename LanesOf<V>::Bits, value);
}

/// One number, or a vector of them, from memory at any address of an element.
template <class V, class T>
ALWAYS_INLINE V read(const T* from) {
  if constexpr (std::is_same_v<V, float>) {
    return load(*from);
  } else if constexpr (std::is_same_v<T, float>) {
    V value;
    __builtin_memcpy(&value, from, sizeof value);
    return value;
  } else {
    typename LanesOf<V>::Halves halves;
    __builtin_memcpy(&halves, from, sizeof halves);
    return __builtin_bit_cast(V, __builtin_convertvector(halves, typename LanesOf<V>::Bits) << 16);
  }
}

/// To bfloat16 it rounds to nearest, ties to even. NaN stays NaN.
template <class T, class V>
ALWAYS_INLINE void write(T* to, V value) {
  if constexpr (std::is_same_v<V, float>) {
    store(*to, value);
  } else if constexpr (std::is_same_v<T, float>) {
    __builtin_memcpy(to, &value, sizeof value);
  } else {
    using Bits = typename LanesOf<V>::Bits;
    const Bits bits = bitsOf(value);
    const Bits rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const Bits known = (bits & 0x7fffffffu) > 0x7f800000u ? Bits{} + 0x7fc0u : rounded;
    const auto halves = __builtin_convertvector(known, typename LanesOf<V>::Halves);
    __builtin_memcpy(to, &halves, sizeof halves);
  }
}

/// eˣ to two units in the last place, x limited to the range of float32 (the polynomial of Moshier's Cephes library).
template <class V>
ALWAYS_INLINE V exponentialOf(V x) {
  const V least = V{} - 87.3f, most = V{} + 88.3f;
  const V raised = x < least ? least : x;
  const V limited = raised > most ? most : raised;
  // Adding a large constant rounds x / ln 2 to an integer, which is in the lowest bits of the sum.
  const V shifted = limited * 1.44269504f + 12582912.0f;
  const V whole = shifted - 12582912.0f;
  const V rest = (limited - whole * 0.693359375f) + whole * 2.12194440e-4f;
  V series = V{} + 1.9875691500e-4f;
  series = series * rest + 1.3981999507e-3f;
  series = series * rest + 8.3334519073e-3f;
  series = series * rest + 4.1665795894e-2f;
  series = series * rest + 1.6666665459e-1f;
  series = series * rest + 5.0000001201e-1f;
  series = series * rest * rest + rest + 1.0f;
  return series * __builtin_bit_cast(V, (bitsOf(shifted) << 23) + 0x3f800000u);
}

template <class V>
ALWAYS_INLINE V sigmoidOf(V x) { return 1.0f / (1.0f + exponentialOf(-x)); }

/// Vectors as the rows of a square, transposed: first in squares of 2 × 2, then of those, and so on.
ALWAYS_INLINE void transposeSquare(Vector* rows) {
#if LANES > 4
#pragma GCC unroll 4
  for (int64_t step = 1; step < kLanes; step *= 2) {
    Lanes<kLanes>::Bits lower, upper;  // Lanes of two rows, one after the other.
    for (int64_t lane = 0; lane < kLanes; lane++) {
      lower[lane] = lane & step ? kLanes + lane - step : lane;
      upper[lane] = lane & step ? kLanes + lane : lane + step;
    }
#pragma GCC unroll 16
    for (int64_t i = 0; i < kLanes; i++) {
      if (i & step) continue;
      const Vector low = rows[i], high = rows[i + step];
      rows[i] = __builtin_shuffle(low, high, lower);
      rows[i + step] = __builtin_shuffle(low, high, upper);
    }
  }
#else
  Vector columns[kLanes] = {};
  for (int64_t i = 0; i < kLanes; i++) {
    for (int64_t lane = 0; lane < kLanes; lane++) columns[lane][i] = rows[i][lane];
  }
  for (int64_t i = 0; i < kLanes; i++) rows[i] = columns[i];
#endif
}

/// Calls work(V{}, c) for all of `count` channels: for a vector of them at once, then for half a vector, then one by one.
template <class Work>
ALWAYS_INLINE void forChannels(int64_t count, const Work& work) {
  int64_t c = 0;
  for (; c + kLanes <= count; c += kLanes) work(Vector{}, c);
  if constexpr (kLanes > 4) {
    for (; c + kLanes / 2 <= count; c += kLanes / 2) work(Lanes<kLanes / 2>::Numbers{}, c);
  }
  for (; c < count; c++) work(0.0f, c);
}

}  // namespace addon::LEVEL
