// The loops that need the processor's longest vectors, compiled once for each of its levels. `kernels()` is the level of
// this processor.
//
// GCC splits vectors of a fixed length before it inlines functions and before it makes the variants of `target_clones`.
// A loop over them would have the shortest vectors in every variant, so every level is a file of its own, `kernels_*.cc`.
#pragma once

#include <cstdint>

#include "vectorize.h"

namespace addon {

namespace rows {

enum class Modulation { kNone, kSample, kPlace };
enum class Activation { kNone, kLeakyRelu, kGlu };

/// One batch's normalization: [C] each.
struct Normalization {
  const float* mean;
  const float* invstd;
  const float* gamma;
  const float* beta;
};

struct After {
  Activation activation;
  double slope;
};

/// Rows of one sample with their modulation: one row of [C] values, or one for each row.
template <class T>
struct Span {
  const T* x;
  int64_t rows;
  const T* scale;
  const T* shift;
};

/// The loops of batch normalization (batch_norm_rows.h). Those with three variants are indexed by `Modulation`.
template <class T>
struct Loops {
  void (*sum)(const T* x, int64_t rows, int64_t C, float* total);
  void (*sumSquares)(const T* x, int64_t rows, int64_t C, const float* mean, float* total);
  void (*forward[3])(const Span<T>& span, int64_t C, const Normalization& n, After after, T* z);
  void (*sumGradients[3])(const Span<T>& span, const T* dz, int64_t C, const Normalization& n, After after,
                          float* total, T* dScale, T* dShift);
  void (*combine[3])(const Span<T>& span, const T* dz, int64_t C, const Normalization& n, After after,
                     const float* slope, const float* offset, T* dx);
};

}  // namespace rows

namespace cross {

/// A table [tokens, C] of one sample in float32. Rows are padded with zeros.
struct Table {
  int64_t C, stride;
  const float* rows;  // [tokens, stride]
};

/// One sample's keys and values. Only its first `used` tokens can be present.
struct Sample {
  int64_t tokens, used;
  const bool* present;  // [used]
  Table keys;
  const Table* values;
  int64_t count;   // of values
  int64_t widest;  // the longest padded row of keys and values
};

/// Sums of the gradients of one sample's keys and values: [used, stride] each.
struct SampleGradients {
  float* keys;
  float* const* values;
};

/// The loops of cross-attention (cross_attention_rows.h), for some positions of one sample.
template <class T>
struct Loops {
  /// `room`: kBlock · (used + 2 widest) floats.
  void (*forward)(const Sample& sample, const T* x, int64_t positions, T* attention, T* const* y, float* room);
  /// `dAttention` and elements of `dy` may be null. `room`: kBlock · (2 used + 3 widest) floats.
  void (*backward)(const Sample& sample, const T* x, int64_t positions, const T* dAttention, const T* const* dy, T* dx,
                   const SampleGradients& gradients, float* room);
};

/// Positions computed together: few enough for their scores and rows to stay in the first cache.
constexpr int64_t kBlock = 32;

}  // namespace cross

namespace attended {

/// The loops of batch normalization that is modulated by cross-attention (attended_batch_norm_rows.h), for some positions
/// of one sample. The values are scale and shift; keys and values have C channels, a multiple of the vector's length.
template <class T>
struct Loops {
  /// `room`: kBlock · (used + 3 C) floats.
  void (*forward)(const cross::Sample& sample, const T* x, int64_t positions, const rows::Normalization& n,
                  rows::After after, T* z, float* room);
  /// `total`: [4, C] sums, as of `rows::Loops::sumGradients`. `room`: kBlock · (2 used + 6 C) + 4 C floats.
  void (*backward)(const cross::Sample& sample, const T* x, int64_t positions, const T* dz, const rows::Normalization& n,
                   rows::After after, T* dx, const cross::SampleGradients& gradients, double* total, float* room);
  /// Adds the gradient through μ and σ.
  void (*addStatistics)(const T* x, int64_t rows, int64_t C, const float* mean, const float* slope, const float* offset,
                        T* dx);
};

}  // namespace attended

namespace words {

/// Scores of one image: R regions, T words each of J captions.
struct Image {
  int64_t R, T, J;
  const float* present;  // [T, J]: 1 or 0.
  const float* bias;     // [T, J]: 0 or −∞.
  float gamma;
};

/// The loops of DAMSM's word attention (word_attention_rows.h) for scores [R, T, J].
struct Loops {
  /// `room`: T · J floats.
  void (*forward)(const Image& image, const float* scores, float* attention, float* room);
  /// `room`: 2 T · J floats.
  void (*backward)(const Image& image, const float* scores, const float* attention, const float* dAttention,
                   float* dScores, float* room);
};

}  // namespace words

template <class T>
struct KernelsOf {
  rows::Loops<T> batchNorm;
  cross::Loops<T> crossAttention;
  attended::Loops<T> attendedBatchNorm;
};

struct Kernels {
  int64_t lanes;  // float32 numbers in a vector, to which tables are padded
  KernelsOf<float> float32;
  KernelsOf<Bfloat16> bfloat16;
  words::Loops wordAttention;
};

const Kernels& kernels();

template <class T>
const KernelsOf<T>& kernelsOf() {
  if constexpr (sizeof(T) == sizeof(float)) return kernels().float32;
  else return kernels().bfloat16;
}

}  // namespace addon
