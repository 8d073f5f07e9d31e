// The loops of batch normalization whose scale and shift are cross-attention's contexts. γ_c and β_c of a few positions
// are computed where they are used and stay in the first cache.
#pragma once

#include "batch_norm_rows.h"
#include "cross_attention_rows.h"

namespace addon::LEVEL {

/// Rows of a block in float32, and what they attend to.
struct AttendedBlock {
  const Sample& sample;
  int64_t positions, C;
  float *a, *x, *scale, *shift;  // [used, kBlock], then [positions, C] each

  template <class T>
  ALWAYS_INLINE AttendedBlock(const Sample& sample, const T* from, int64_t positions, float* room)
      : sample(sample),
        positions(positions),
        C(sample.keys.C),
        a(room),
        x(a + kBlock * sample.used),
        scale(x + kBlock * C),
        shift(scale + kBlock * C) {
    readRows(from, positions, C, C, x);
    attention(sample, x, scale, a);
    mix(a, sample.used, positions, sample.values[0], scale, false);
    mix(a, sample.used, positions, sample.values[1], shift, false);
  }

  Span<float> span() const { return {x, positions, scale, shift}; }
};

/// Calls work(first, count) for blocks of positions.
template <class Work>
ALWAYS_INLINE void forBlocks(int64_t positions, const Work& work) {
  for (int64_t from = 0; from < positions; from += kBlock) {
    work(from, positions - from < kBlock ? positions - from : kBlock);
  }
}

ALWAYS_INLINE int64_t widthAfter(int64_t C, After after) { return after.activation == Activation::kGlu ? C / 2 : C; }

template <class T>
void attendedForward(const Sample& sample, const T* x, int64_t positions, const Normalization& n, After after, T* z,
                     float* room) {
  const int64_t C = sample.keys.C, width = widthAfter(C, after);
  forBlocks(positions, [&](int64_t from, int64_t P) INLINED {
    const AttendedBlock block(sample, x + from * C, P, room);
    forward<Modulation::kPlace>(block.span(), C, n, after, z + from * width);
  });
}

/// ∂/∂x is written without the part through μ and σ; gradients of keys and values and `total` are added up.
template <class T>
void attendedBackward(const Sample& sample, const T* x, int64_t positions, const T* dz, const Normalization& n,
                      After after, T* dx, const SampleGradients& gradients, double* total, float* room) {
  const int64_t used = sample.used, C = sample.keys.C, width = widthAfter(C, after);
  float *dScale = room + kBlock * (used + 3 * C), *dShift = dScale + kBlock * C, *columns = dShift + kBlock * C,
        *da = columns + kBlock * C, *sums = da + kBlock * used;
  forBlocks(positions, [&](int64_t from, int64_t P) INLINED {
    const AttendedBlock block(sample, x + from * C, P, room);
    sumGradients<Modulation::kPlace>(block.span(), dz + from * width, C, n, after, sums, dScale, dShift);
    for (int64_t i = 0; i < 4 * C; i++) total[i] += sums[i];

    unmix(sample.values[0], used, dScale, columns, da, false);
    unmix(sample.values[1], used, dShift, columns, da, true);
    addToTable(block.a, used, dScale, P, C, gradients.values[0]);
    addToTable(block.a, used, dShift, P, C, gradients.values[1]);
    softmaxBackward(block.a, used, da);
    addToTable(da, used, block.x, P, C, gradients.keys);

    float* own = block.scale;  // ∂/∂x: dShift is ∂/∂y.
    for (int64_t p = 0; p < P * C; p += C) {
      for (int64_t c = 0; c < C; c += kLanes) {
        const Vector gain = (read<Vector>(n.gamma + c) + read<Vector>(own + p + c)) * read<Vector>(n.invstd + c);
        write(own + p + c, read<Vector>(dShift + p + c) * gain);
      }
    }
    mix(da, used, P, sample.keys, own, true);
    writeRows(own, P, C, C, C, dx + from * C);
  });
}

/// dx += slope · (x − μ) + offset.
template <class T>
void addStatistics(const T* x, int64_t rows, int64_t C, const float* mean, const float* slope, const float* offset,
                   T* dx) {
  for (int64_t i = 0; i < rows * C; i += C) {
    for (int64_t c = 0; c < C; c += kLanes) {
      const Vector centred = read<Vector>(x + i + c) - read<Vector>(mean + c);
      const Vector own = read<Vector>(dx + i + c);
      write(dx + i + c, own + read<Vector>(slope + c) * centred + read<Vector>(offset + c));
    }
  }
}

}  // namespace addon::LEVEL
