// The loops of DAMSM's word attention (word_attention.cc). A row has the scores of a region, [T, J]: a vector has the same
// word of several captions, so the softmax over words needs no sums within a vector.
#pragma once

#include <limits>

#include "kernels.h"
#include "lanes.h"

namespace addon::LEVEL {

/// The softmax over words of one region's scores, for the captions of V: powers, whose sum's inverse it returns.
template <class V>
ALWAYS_INLINE V powersOverWords(const words::Image& image, const float* scores, float* p) {
  const int64_t T = image.T, J = image.J;
  V largest = V{} - std::numeric_limits<float>::infinity(), sum{};
  for (int64_t k = 0; k < T * J; k += J) {
    const V next = read<V>(scores + k) + read<V>(image.bias + k);
    largest = next > largest ? next : largest;
  }
  for (int64_t k = 0; k < T * J; k += J) {
    const V power = read<V>(image.present + k) * exponentialOf(read<V>(scores + k) - largest);
    write(p + k, power);
    sum += power;
  }
  return 1.0f / sum;
}

/// The image with captions from j on.
inline words::Image from(const words::Image& image, int64_t j) {
  return {image.R, image.T, image.J, image.present + j, image.bias + j, image.gamma};
}

inline void attendRegions(const words::Image& image, const float* scores, float* attention, float* sums) {
  const int64_t row = image.T * image.J;
  for (int64_t k = 0; k < row; k++) sums[k] = 0;
  for (int64_t r = 0; r < image.R * row; r += row) {
    forChannels(image.J, [&](auto zero, int64_t j) INLINED {
      using V = decltype(zero);
      float* a = attention + r + j;
      const V inverse = powersOverWords<V>(from(image, j), scores + r + j, a);
      for (int64_t k = 0; k < row; k += image.J) {
        const V power = exponentialOf(image.gamma * (read<V>(a + k) * inverse - 1.0f));  // p is at most 1.
        write(a + k, power);
        write(sums + j + k, read<V>(sums + j + k) + power);
      }
    });
  }
  for (int64_t k = 0; k < row; k++) sums[k] = 1 / sums[k];
  for (int64_t r = 0; r < image.R * row; r += row) {
    forChannels(row, [&](auto zero, int64_t k) INLINED {
      using V = decltype(zero);
      write(attention + r + k, read<V>(attention + r + k) * read<V>(sums + k));
    });
  }
}

inline void attendRegionsBackward(const words::Image& image, const float* scores, const float* attention,
                                  const float* dAttention, float* dScores, float* room) {
  const int64_t T = image.T, J = image.J, row = T * J;
  float *means = room, *p = room + row;
  for (int64_t k = 0; k < row; k++) means[k] = 0;
  for (int64_t r = 0; r < image.R * row; r += row) {
    forChannels(row, [&](auto zero, int64_t k) INLINED {
      using V = decltype(zero);
      write(means + k, read<V>(means + k) + read<V>(attention + r + k) * read<V>(dAttention + r + k));
    });
  }
  for (int64_t r = 0; r < image.R * row; r += row) {
    forChannels(J, [&](auto zero, int64_t j) INLINED {
      using V = decltype(zero);
      const V inverse = powersOverWords<V>(from(image, j), scores + r + j, p + j);
      V mean{};
      for (int64_t k = j; k < row; k += J) {
        const V own = read<V>(p + k) * inverse;
        const V gradient = image.gamma * read<V>(attention + r + k) * (read<V>(dAttention + r + k) - read<V>(means + k));
        write(p + k, own);
        write(dScores + r + k, gradient);  // ∂/∂p
        mean += own * gradient;
      }
      for (int64_t k = j; k < row; k += J) {
        write(dScores + r + k, read<V>(p + k) * (read<V>(dScores + r + k) - mean));
      }
    });
  }
}

}  // namespace addon::LEVEL
