// The loops of batch normalization over rows. A row has all channels of a position, contiguous in memory.
//
//   x̂ = (x − μ) / √(σ² + ε),   y = (γ + scale) · x̂ + (β + shift),   z = activation(y)
//
// `scale` and `shift` may be absent, per sample, or per position. The activation is part of the same pass; the backward
// pass recomputes y instead of storing it. A vector has several channels of a position, and its sums over positions stay
// in registers.
#pragma once

#include <type_traits>

#include "kernels.h"
#include "lanes.h"

namespace addon::LEVEL {

using rows::Activation;
using rows::After;
using rows::Modulation;
using rows::Normalization;
using rows::Span;

/// total[c] = Σ x[r, c].
template <class T>
void sum(const T* x, int64_t rows, int64_t C, float* total) {
  forChannels(C, [&](auto zero, int64_t c) INLINED {
    auto own = zero;
    for (int64_t r = 0; r < rows; r++) own += read<decltype(zero)>(x + r * C + c);
    write(total + c, own);
  });
}

/// total[c] = Σ (x[r, c] − mean[c])².
template <class T>
void sumSquares(const T* x, int64_t rows, int64_t C, const float* mean, float* total) {
  forChannels(C, [&](auto zero, int64_t c) INLINED {
    using V = decltype(zero);
    const V own = read<V>(mean + c);
    V squares{};
    for (int64_t r = 0; r < rows; r++) {
      const V difference = read<V>(x + r * C + c) - own;
      squares += difference * difference;
    }
    write(total + c, squares);
  });
}

/// The channels of V from `c` on, in all rows of a span.
template <Modulation M, class V, class T>
struct Channels {
  using Value = V;
  const T *x, *scale, *shift;
  int64_t C;
  V mean, invstd, gamma, beta;

  ALWAYS_INLINE Channels(const Span<T>& span, int64_t C, const Normalization& n, int64_t c)
      : x(span.x + c),
        scale(span.scale ? span.scale + c : nullptr),
        shift(span.shift ? span.shift + c : nullptr),
        C(C),
        mean(read<V>(n.mean + c)),
        invstd(read<V>(n.invstd + c)),
        gamma(read<V>(n.gamma + c)),
        beta(read<V>(n.beta + c)) {
    if constexpr (M == Modulation::kSample) {
      gamma += read<V>(scale);
      beta += read<V>(shift);
    }
  }

  ALWAYS_INLINE V centred(int64_t row) const { return read<V>(x + row * C) - mean; }
  /// γ + scale
  ALWAYS_INLINE V gain(int64_t row) const {
    if constexpr (M == Modulation::kPlace) return gamma + read<V>(scale + row * C);
    else return gamma;
  }
  /// β + shift
  ALWAYS_INLINE V offset(int64_t row) const {
    if constexpr (M == Modulation::kPlace) return beta + read<V>(shift + row * C);
    else return beta;
  }
  ALWAYS_INLINE V y(int64_t row) const { return centred(row) * (gain(row) * invstd) + offset(row); }
};

template <class Channels>
using ValueOf = typename std::decay_t<Channels>::Value;

/// Derivative of the leaky ReLU.
template <class V>
ALWAYS_INLINE V leakiness(V y, float slope) { return y > V{} ? V{} + 1.0f : V{} + slope; }

/// Computes ∂/∂y from ∂/∂z. begin(channels, c) makes an object for some channels; its row(r, ∂/∂y) is called for every
/// row, then its end(). Here and below z and dz may have another type, Z.
template <Activation A, Modulation M, class T, class Z, class Begin>
ALWAYS_INLINE void forGradients(const Span<T>& span, const Z* dz, int64_t C, const Normalization& n,
                                float slope, const Begin& begin) {
  const int64_t width = A == Activation::kGlu ? C / 2 : C;
  forChannels(width, [&](auto zero, int64_t c) INLINED {
    using V = decltype(zero);
    const Channels<M, V, T> own(span, C, n, c);
    auto work = begin(own, c);
    if constexpr (A == Activation::kGlu) {
      const Channels<M, V, T> gate(span, C, n, c + width);
      auto workOfGate = begin(gate, c + width);
      for (int64_t r = 0; r < span.rows; r++) {
        const V gradient = read<V>(dz + r * width + c), open = sigmoidOf(gate.y(r));
        work.row(r, gradient * open);
        workOfGate.row(r, gradient * own.y(r) * open * (1.0f - open));
      }
      workOfGate.end();
    } else {
      for (int64_t r = 0; r < span.rows; r++) {
        V gradient = read<V>(dz + r * width + c);
        if constexpr (A == Activation::kLeakyRelu) gradient *= leakiness(own.y(r), slope);
        work.row(r, gradient);
      }
    }
    work.end();
  });
}

template <Activation A, Modulation M, class T, class Z>
ALWAYS_INLINE void forwardAs(const Span<T>& span, int64_t C, const Normalization& n, float slope, Z* z) {
  const int64_t width = A == Activation::kGlu ? C / 2 : C;
  forChannels(width, [&](auto zero, int64_t c) INLINED {
    using V = decltype(zero);
    const Channels<M, V, T> own(span, C, n, c);
    const Channels<M, V, T> gate(span, C, n, A == Activation::kGlu ? c + width : c);
    for (int64_t r = 0; r < span.rows; r++) {
      V y = own.y(r);
      if constexpr (A == Activation::kLeakyRelu) y *= leakiness(y, slope);
      if constexpr (A == Activation::kGlu) y *= sigmoidOf(gate.y(r));
      write(z + r * width + c, y);
    }
  });
}

/// z of a span.
template <Modulation M, class T, class Z>
void forward(const Span<T>& span, int64_t C, const Normalization& n, After after, Z* z) {
  const auto slope = static_cast<float>(after.slope);
  switch (after.activation) {
    case Activation::kNone: return forwardAs<Activation::kNone, M>(span, C, n, slope, z);
    case Activation::kLeakyRelu: return forwardAs<Activation::kLeakyRelu, M>(span, C, n, slope, z);
    case Activation::kGlu: return forwardAs<Activation::kGlu, M>(span, C, n, slope, z);
  }
}

/// Sums of the gradients of some channels over the rows of a span.
template <Modulation M, class V, class T>
struct GradientSums {
  const Channels<M, V, T>& channels;
  float* total;  // [4, C] or [2, C], at the first of the channels; here and below.
  T *dScale, *dShift;
  V dy{}, product{}, gained{}, gainedProduct{};

  ALWAYS_INLINE void row(int64_t r, V gradient) {
    const V centred = channels.centred(r), own = gradient * centred;
    dy += gradient;
    product += own;
    if constexpr (M == Modulation::kPlace) {
      const V withGain = gradient * channels.gain(r);
      gained += withGain;
      gainedProduct += withGain * centred;
      write(dScale + r * channels.C, own * channels.invstd);
      write(dShift + r * channels.C, gradient);
    }
  }

  ALWAYS_INLINE void end() const {
    const int64_t C = channels.C;
    write(total, dy);
    write(total + C, product);
    if constexpr (M == Modulation::kPlace) {
      write(total + 2 * C, gained);
      write(total + 3 * C, gainedProduct);
    }
  }
};

template <Activation A, Modulation M, class T, class Z>
ALWAYS_INLINE void sumGradientsAs(const Span<T>& span, const Z* dz, int64_t C, const Normalization& n, float slope,
                                  float* total, T* dScale, T* dShift) {
  forGradients<A, M>(span, dz, C, n, slope, [&](const auto& channels, int64_t c) INLINED {
    return GradientSums<M, ValueOf<decltype(channels)>, T>{channels, total + c, dScale + c, dShift + c};
  });
}

/// Gradients that are summed: total[0, c] = Σ dy, total[1, c] = Σ dy · (x − μ). With modulation per position also
/// total[2, c] = Σ dy · (γ + scale), total[3, c] = Σ dy · (γ + scale) · (x − μ), and dScale = dy · x̂, dShift = dy.
template <Modulation M, class T, class Z>
void sumGradients(const Span<T>& span, const Z* dz, int64_t C, const Normalization& n, After after, float* total,
                  T* dScale, T* dShift) {
  const auto slope = static_cast<float>(after.slope);
  switch (after.activation) {
    case Activation::kNone:
      return sumGradientsAs<Activation::kNone, M>(span, dz, C, n, slope, total, dScale, dShift);
    case Activation::kLeakyRelu:
      return sumGradientsAs<Activation::kLeakyRelu, M>(span, dz, C, n, slope, total, dScale, dShift);
    case Activation::kGlu:
      return sumGradientsAs<Activation::kGlu, M>(span, dz, C, n, slope, total, dScale, dShift);
  }
}

/// ∂/∂x of some channels.
template <Modulation M, class V, class T>
struct InputGradient {
  const Channels<M, V, T>& channels;
  V slope, offset;
  T* dx;

  ALWAYS_INLINE void row(int64_t r, V gradient) const {
    const V own = gradient * (channels.gain(r) * channels.invstd) + slope * channels.centred(r) + offset;
    write(dx + r * channels.C, own);
  }
  ALWAYS_INLINE void end() const {}
};

template <Activation A, Modulation M, class T>
ALWAYS_INLINE void combineAs(const Span<T>& span, const T* dz, int64_t C, const Normalization& n, float leak,
                             const float* slope, const float* offset, T* dx) {
  forGradients<A, M>(span, dz, C, n, leak, [&](const auto& channels, int64_t c) INLINED {
    using V = ValueOf<decltype(channels)>;
    return InputGradient<M, V, T>{channels, read<V>(slope + c), read<V>(offset + c), dx + c};
  });
}

/// dx = dy · (γ + scale) / √(σ² + ε) + slope · (x − μ) + offset.
template <Modulation M, class T>
void combine(const Span<T>& span, const T* dz, int64_t C, const Normalization& n, After after,
                        const float* slope, const float* offset, T* dx) {
  const auto leak = static_cast<float>(after.slope);
  switch (after.activation) {
    case Activation::kNone: return combineAs<Activation::kNone, M>(span, dz, C, n, leak, slope, offset, dx);
    case Activation::kLeakyRelu: return combineAs<Activation::kLeakyRelu, M>(span, dz, C, n, leak, slope, offset, dx);
    case Activation::kGlu: return combineAs<Activation::kGlu, M>(span, dz, C, n, leak, slope, offset, dx);
  }
}

}  // namespace addon::LEVEL
