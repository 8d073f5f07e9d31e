// The loops of batch normalization over rows. A row has all channels of a position, contiguous in memory.
//
//   x̂ = (x − μ) / √(σ² + ε),   y = (γ + scale) · x̂ + (β + shift),   z = activation(y)
//
// `scale` and `shift` may be absent, per sample, or per position. The activation is part of the same pass; the backward
// pass recomputes y instead of storing it.
#pragma once

#include <cstdint>

#include "vectorize.h"

namespace addon::rows {

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

/// total[c] = Σ x[r, c].
template <class T>
VECTORIZED void sum(const T* __restrict x, int64_t rows, int64_t C, float* __restrict total) {
  for (int64_t c = 0; c < C; c++) total[c] = 0;
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t c = 0; c < C; c++) total[c] += load(x[r * C + c]);
  }
}

/// total[c] = Σ (x[r, c] − mean[c])².
template <class T>
VECTORIZED void sumSquares(const T* __restrict x, int64_t rows, int64_t C, const float* __restrict mean,
                           float* __restrict total) {
  for (int64_t c = 0; c < C; c++) total[c] = 0;
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t c = 0; c < C; c++) {
      const float difference = load(x[r * C + c]) - mean[c];
      total[c] += difference * difference;
    }
  }
}

/// y of one row. Without modulation the sums are the same as with zeros, bit for bit.
template <Modulation M, class T>
ALWAYS_INLINE void normalizeRow(const T* __restrict x, int64_t C, const Normalization& n, const T* __restrict scale,
                                const T* __restrict shift, float* __restrict y) {
  for (int64_t c = 0; c < C; c++) {
    float gain = n.gamma[c], offset = n.beta[c];
    if constexpr (M != Modulation::kNone) {
      gain += load(scale[c]);
      offset += load(shift[c]);
    }
    y[c] = (load(x[c]) - n.mean[c]) * (gain * n.invstd[c]) + offset;
  }
}

/// Derivative of the leaky ReLU.
ALWAYS_INLINE float leakiness(float y, float slope) { return y > 0 ? 1.0f : slope; }

/// z of one row; overwrites y.
template <class T>
ALWAYS_INLINE void activateRow(float* __restrict y, int64_t C, const After after, T* __restrict z) {
  switch (after.activation) {
    case Activation::kNone:
      for (int64_t c = 0; c < C; c++) store(z[c], y[c]);
      break;
    case Activation::kLeakyRelu:
      for (int64_t c = 0; c < C; c++) store(z[c], y[c] * leakiness(y[c], static_cast<float>(after.slope)));
      break;
    case Activation::kGlu: {
      const int64_t half = C / 2;
      const float* __restrict gate = y + half;
      // Mixed dtypes have separate loops: vectors of the narrower dtype would not fit rows with few channels.
      for (int64_t c = 0; c < half; c++) y[c] *= sigmoid(gate[c]);
      for (int64_t c = 0; c < half; c++) store(z[c], y[c]);
      break;
    }
  }
}

/// dy of one row from dz and y.
template <class T>
ALWAYS_INLINE void activateRowBackward(const T* __restrict dz, const float* __restrict y, int64_t C,
                                       const After after, float* __restrict dy) {
  switch (after.activation) {
    case Activation::kNone:
      for (int64_t c = 0; c < C; c++) dy[c] = load(dz[c]);
      break;
    case Activation::kLeakyRelu:
      for (int64_t c = 0; c < C; c++) dy[c] = load(dz[c]) * leakiness(y[c], static_cast<float>(after.slope));
      break;
    case Activation::kGlu: {
      const int64_t half = C / 2;
      const float* __restrict gate = y + half;
      float* __restrict dGate = dy + half;
      for (int64_t c = 0; c < half; c++) dy[c] = load(dz[c]);
      for (int64_t c = 0; c < half; c++) {
        const float gradient = dy[c], open = sigmoid(gate[c]);
        dy[c] = gradient * open;
        dGate[c] = gradient * y[c] * open * (1 - open);
      }
      break;
    }
  }
}

/// z of a span. @param scratch [4, C], here and below
template <Modulation M, class T>
VECTORIZED void forward(const Span<T>& span, int64_t C, const Normalization n, After after, float* scratch,
                        T* z) {
  const int64_t width = after.activation == Activation::kGlu ? C / 2 : C;
  for (int64_t r = 0; r < span.rows; r++) {
    const int64_t own = M == Modulation::kPlace ? r * C : 0;
    normalizeRow<M>(span.x + r * C, C, n, span.scale + own, span.shift + own, scratch);
    activateRow(scratch, C, after, z + r * width);
  }
}

/// Gradients that are summed: total[0, c] += Σ dy, total[1, c] += Σ dy · (x − μ). With modulation per position also
/// total[2, c] += Σ dy · (γ + scale), total[3, c] += Σ dy · (γ + scale) · (x − μ), and dScale = dy · x̂, dShift = dy.
template <Modulation M, class T>
VECTORIZED void sumGradients(const Span<T>& span, const T* dz, int64_t C, const Normalization n, const After after,
                             float* scratch, float* __restrict total, T* dScale, T* dShift) {
  const int64_t width = after.activation == Activation::kGlu ? C / 2 : C;
  float* __restrict y = scratch;
  float* __restrict dy = scratch + C;
  for (int64_t r = 0; r < span.rows; r++) {
    const int64_t own = M == Modulation::kPlace ? r * C : 0;
    const T* __restrict x = span.x + r * C;
    const T* __restrict scale = span.scale + own;
    if (after.activation != Activation::kNone) normalizeRow<M>(x, C, n, scale, span.shift + own, y);
    activateRowBackward(dz + r * width, y, C, after, dy);
    if constexpr (M == Modulation::kPlace) {
      float* __restrict centred = scratch + 2 * C;
      float* __restrict gain = scratch + 3 * C;
      for (int64_t c = 0; c < C; c++) centred[c] = load(x[c]) - n.mean[c];
      for (int64_t c = 0; c < C; c++) gain[c] = n.gamma[c] + load(scale[c]);
      for (int64_t c = 0; c < C; c++) {
        const float product = dy[c] * centred[c], gained = dy[c] * gain[c];
        total[c] += dy[c];
        total[C + c] += product;
        total[2 * C + c] += gained;
        total[3 * C + c] += gained * centred[c];
        y[c] = product * n.invstd[c];
      }
      T* __restrict dScaleRow = dScale + own;
      T* __restrict dShiftRow = dShift + own;
      for (int64_t c = 0; c < C; c++) store(dScaleRow[c], y[c]);
      for (int64_t c = 0; c < C; c++) store(dShiftRow[c], dy[c]);
    } else {
      for (int64_t c = 0; c < C; c++) {
        total[c] += dy[c];
        total[C + c] += dy[c] * (load(x[c]) - n.mean[c]);
      }
    }
  }
}

/// dx = dy · (γ + scale) / √(σ² + ε) + slope · (x − μ) + offset.
template <Modulation M, class T>
VECTORIZED void combine(const Span<T>& span, const T* dz, int64_t C, const Normalization n, const After after,
                        float* scratch, const float* __restrict slope, const float* __restrict offset, T* dx) {
  const int64_t width = after.activation == Activation::kGlu ? C / 2 : C;
  float* __restrict y = scratch;
  float* __restrict dy = scratch + C;
  for (int64_t r = 0; r < span.rows; r++) {
    const int64_t own = M == Modulation::kPlace ? r * C : 0;
    const T* __restrict x = span.x + r * C;
    const T* __restrict scale = span.scale + own;
    T* __restrict dxRow = dx + r * C;
    if (after.activation != Activation::kNone) normalizeRow<M>(x, C, n, scale, span.shift + own, y);
    activateRowBackward(dz + r * width, y, C, after, dy);
    for (int64_t c = 0; c < C; c++) {
      float gain = n.gamma[c];
      if constexpr (M != Modulation::kNone) gain += load(scale[c]);
      store(dxRow[c], dy[c] * (gain * n.invstd[c]) + slope[c] * (load(x[c]) - n.mean[c]) + offset[c]);
    }
  }
}

}  // namespace addon::rows
