// The loops of cross-attention over rows: a row has all channels of a position, contiguous in memory.
//
//   S = X Kᵀ,   A = softmax over the present tokens of S,   Y_i = A V_i
//
// for X [positions, C], K [tokens, C] and V_i [tokens, C_i]. All products are small matrices, so one kernel with sums in
// registers serves for all of them. The backward pass computes A again instead of reading it.
#pragma once

#include "kernels.h"
#include "lanes.h"

namespace addon::LEVEL {

using cross::kBlock;
using cross::Sample;
using cross::SampleGradients;
using cross::Table;

/// A matrix with its strides between rows and between columns.
struct Matrix {
  const float* data;
  int64_t row, column;
};

/// out[m, n] = Σ_k a[m, k] · b[k, n], or += if `add`, for M rows and N vectors at once. b and out have contiguous rows.
template <int M, int N>
ALWAYS_INLINE void tile(const Matrix a, const float* b, int64_t bRow, float* out, int64_t outRow, int64_t K, bool add) {
  Vector sums[M][N];
#pragma GCC unroll 8
  for (int m = 0; m < M; m++) {
#pragma GCC unroll 8
    for (int n = 0; n < N; n++) sums[m][n] = add ? read<Vector>(out + m * outRow + n * kLanes) : Vector{};
  }
  for (int64_t k = 0; k < K; k++) {
    Vector line[N];
#pragma GCC unroll 8
    for (int n = 0; n < N; n++) line[n] = read<Vector>(b + k * bRow + n * kLanes);
#pragma GCC unroll 8
    for (int m = 0; m < M; m++) {
      const float factor = a.data[m * a.row + k * a.column];
#pragma GCC unroll 8
      for (int n = 0; n < N; n++) sums[m][n] += factor * line[n];
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < M; m++) {
#pragma GCC unroll 8
    for (int n = 0; n < N; n++) write(out + m * outRow + n * kLanes, sums[m][n]);
  }
}

/// All rows of N vectors of columns.
template <int N>
ALWAYS_INLINE void columnsOfTiles(Matrix a, const float* b, int64_t bRow, float* out, int64_t outRow, int64_t M,
                                  int64_t K, bool add) {
  int64_t m = 0;
  const auto rows = [&](auto count) INLINED {
    for (; m + count() <= M; m += count()) {
      tile<count(), N>({a.data + m * a.row, a.row, a.column}, b, bRow, out + m * outRow, outRow, K, add);
    }
  };
  // Enough sums to hide the latency of a multiplication, and few enough for the registers.
  rows(std::integral_constant<int, kLanes == 16 ? 8 : 8 / N>());
  rows(std::integral_constant<int, 4>());
  rows(std::integral_constant<int, 2>());
  rows(std::integral_constant<int, 1>());
}

/// out [M, N] = or += a [M, K] · b [K, N]; N is a multiple of `kLanes`.
ALWAYS_INLINE void multiply(const Matrix a, const float* b, int64_t bRow, float* out, int64_t outRow, int64_t M,
                            int64_t K, int64_t N, bool add) {
  int64_t n = 0;
  for (; n + 2 * kLanes <= N; n += 2 * kLanes) columnsOfTiles<2>(a, b + n, bRow, out + n, outRow, M, K, add);
  for (; n < N; n += kLanes) columnsOfTiles<1>(a, b + n, bRow, out + n, outRow, M, K, add);
}

/// Rows of up to `kBlock` positions in float32, padded.
template <class T>
ALWAYS_INLINE void readRows(const T* data, int64_t positions, int64_t C, int64_t stride, float* rows) {
  for (int64_t p = 0; p < positions; p++) {
    forChannels(C, [&](auto zero, int64_t c) INLINED {
      write(rows + p * stride + c, read<decltype(zero)>(data + p * C + c));
    });
    for (int64_t c = C; c < stride; c++) rows[p * stride + c] = 0;
  }
}

/// The first `count` of `C` channels; the others are 0.
template <class T>
ALWAYS_INLINE void writeRows(const float* rows, int64_t positions, int64_t count, int64_t C, int64_t stride, T* data) {
  for (int64_t p = 0; p < positions; p++) {
    forChannels(count, [&](auto zero, int64_t c) INLINED {
      write(data + p * C + c, read<decltype(zero)>(rows + p * stride + c));
    });
    for (int64_t c = count; c < C; c++) write(data + p * C + c, 0.0f);
  }
}

/// All numbers of a vector combined in pairs.
template <class V, class Combine>
ALWAYS_INLINE float reduce(V v, const Combine& combine) {
  if constexpr (sizeof(V) == 4 * sizeof(float)) {
    return combine(combine(v[0], v[2]), combine(v[1], v[3]));
  } else {
    struct Halves {
      typename Lanes<sizeof(V) / sizeof(float) / 2>::Numbers low, high;
    };
    const auto halves = __builtin_bit_cast(Halves, v);
    return reduce(combine(halves.low, halves.high), combine);
  }
}

ALWAYS_INLINE float largestOf(Vector v) {
  return reduce(v, [](auto a, auto b) INLINED { return a > b ? a : b; });
}

ALWAYS_INLINE float sumOf(Vector v) {
  return reduce(v, [](auto a, auto b) INLINED { return a + b; });
}

/// Turns scores [positions, L] into their softmax over the present tokens; 0 elsewhere.
ALWAYS_INLINE void softmax(float* scores, int64_t positions, const Sample& sample) {
  const int64_t L = sample.L;
  for (int64_t p = 0; p < positions; p++) {
    float* s = scores + p * L;
    Vector most = read<Vector>(s) + read<Vector>(sample.bias);
    for (int64_t t = kLanes; t < L; t += kLanes) {
      const Vector next = read<Vector>(s + t) + read<Vector>(sample.bias + t);
      most = next > most ? next : most;
    }
    const float largest = largestOf(most);
    Vector sums{};
    for (int64_t t = 0; t < L; t += kLanes) {
      const Vector power = read<Vector>(sample.present + t) * exponentialOf(read<Vector>(s + t) - largest);
      write(s + t, power);
      sums += power;
    }
    const float inverse = 1 / sumOf(sums);
    for (int64_t t = 0; t < L; t += kLanes) write(s + t, read<Vector>(s + t) * inverse);
  }
}

/// Turns ∂/∂A [positions, L] into ∂/∂S = A (∂/∂A − Σ A ∂/∂A).
ALWAYS_INLINE void softmaxBackward(const float* a, int64_t positions, int64_t L, float* da) {
  for (int64_t p = 0; p < positions * L; p += L) {
    Vector sums{};
    for (int64_t t = p; t < p + L; t += kLanes) sums += read<Vector>(a + t) * read<Vector>(da + t);
    const float mean = sumOf(sums);
    for (int64_t t = p; t < p + L; t += kLanes) {
      write(da + t, read<Vector>(a + t) * (read<Vector>(da + t) - mean));
    }
  }
}

/// A of some positions, [positions, L], from their rows.
ALWAYS_INLINE void attention(const Sample& sample, const float* rows, int64_t positions, float* a) {
  const int64_t L = sample.L;
  multiply({rows, sample.keys.stride, 1}, sample.keys.columns, L, a, L, positions, sample.keys.C, L, false);
  softmax(a, positions, sample);
}

template <class T>
void attend(const Sample& sample, const T* x, int64_t positions, T* attended, T* const* y, float* room) {
  const int64_t L = sample.L, C = sample.keys.C, tokens = sample.tokens;
  float *a = room, *rows = room + kBlock * L;
  for (int64_t from = 0; from < positions; from += kBlock) {
    const int64_t P = positions - from < kBlock ? positions - from : kBlock;
    readRows(x + from * C, P, C, sample.keys.stride, rows);
    attention(sample, rows, P, a);
    writeRows(a, P, sample.used, tokens, L, attended + from * tokens);
    for (int64_t i = 0; i < sample.count; i++) {
      const Table& value = sample.values[i];
      multiply({a, L, 1}, value.rows, value.stride, rows, value.stride, P, sample.used, value.stride, false);
      writeRows(rows, P, value.C, value.C, value.stride, y[i] + from * value.C);
    }
  }
}

/// ∂/∂x is written, gradients of keys and values are added up.
template <class T>
void attendBackward(const Sample& sample, const T* x, int64_t positions, const T* dAttention, const T* const* dy,
                    T* dx, const SampleGradients& gradients, float* room) {
  const int64_t L = sample.L, C = sample.keys.C, stride = sample.keys.stride, tokens = sample.tokens, used = sample.used;
  float *a = room, *da = a + kBlock * L, *rows = da + kBlock * L, *other = rows + kBlock * sample.widest;
  for (int64_t from = 0; from < positions; from += kBlock) {
    const int64_t P = positions - from < kBlock ? positions - from : kBlock;
    readRows(x + from * C, P, C, stride, rows);
    attention(sample, rows, P, a);
    for (int64_t i = 0; i < P * L; i += kLanes) write(da + i, Vector{});
    if (dAttention) {
      for (int64_t p = 0; p < P; p++) readRows(dAttention + (from + p) * tokens, 1, used, used, da + p * L);
    }
    for (int64_t i = 0; i < sample.count; i++) {
      if (!dy[i]) continue;
      const Table& value = sample.values[i];
      readRows(dy[i] + from * value.C, P, value.C, value.stride, other);
      multiply({other, value.stride, 1}, value.columns, L, da, L, P, value.C, L, true);
      multiply({a, 1, L}, other, value.stride, gradients.values[i], value.stride, used, P, value.stride, true);
    }
    softmaxBackward(a, P, L, da);
    multiply({da, 1, L}, rows, stride, gradients.keys, stride, used, P, stride, true);
    multiply({da, L, 1}, sample.keys.rows, stride, other, stride, P, used, stride, false);
    writeRows(other, P, C, C, stride, dx + from * C);
  }
}

}  // namespace addon::LEVEL
