// The loops of cross-attention over rows: a row has all channels of a position, contiguous in memory.
//
//   S = X Kᵀ,   A = softmax over the present tokens of S,   Y_i = A V_i
//
// for X [positions, C], K [tokens, C] and V_i [tokens, C_i]. All products are small matrices, so one kernel with
// 4 × 16 sums in registers serves for all of them. The backward pass computes A again instead of reading it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "vectorize.h"

namespace addon::cross {

/// Eight float32 numbers. Compilers split them where the processor has shorter vectors.
typedef float Vector __attribute__((vector_size(32)));
typedef float VectorInMemory __attribute__((vector_size(32), aligned(4), may_alias));
constexpr int64_t kLanes = 8;

ALWAYS_INLINE const VectorInMemory& at(const float* numbers) { return *reinterpret_cast<const VectorInMemory*>(numbers); }
ALWAYS_INLINE VectorInMemory& at(float* numbers) { return *reinterpret_cast<VectorInMemory*>(numbers); }

ALWAYS_INLINE int64_t padded(int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

/// A matrix with its strides between rows and between columns.
struct Matrix {
  const float* data;
  int64_t row, column;
};

/// out[m, n] = Σ_k a[m, k] · b[k, n], or += if `add`, for M × N elements at once. b and out have contiguous rows.
template <int M, int V>
ALWAYS_INLINE void tile(const Matrix a, const float* b, int64_t bRow, float* out, int64_t outRow, int64_t K, bool add) {
  Vector sums[M][V];
#pragma GCC unroll 8
  for (int m = 0; m < M; m++) {
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) sums[m][v] = add ? at(out + m * outRow + v * kLanes) : Vector{};
  }
  for (int64_t k = 0; k < K; k++) {
    Vector line[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) line[v] = at(b + k * bRow + v * kLanes);
#pragma GCC unroll 8
    for (int m = 0; m < M; m++) {
      const float factor = a.data[m * a.row + k * a.column];
#pragma GCC unroll 8
      for (int v = 0; v < V; v++) sums[m][v] += factor * line[v];
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < M; m++) {
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) at(out + m * outRow + v * kLanes) = sums[m][v];
  }
}

template <int M>
ALWAYS_INLINE void rowsOfTiles(const Matrix a, const float* b, int64_t bRow, float* out, int64_t outRow, int64_t K,
                               int64_t N, bool add) {
  int64_t n = 0;
  for (; n + 2 * kLanes <= N; n += 2 * kLanes) tile<M, 2>(a, b + n, bRow, out + n, outRow, K, add);
  for (; n + kLanes <= N; n += kLanes) tile<M, 1>(a, b + n, bRow, out + n, outRow, K, add);
}

/// out [M, N] = or += a [M, K] · b [K, N]; N is a multiple of `kLanes`.
ALWAYS_INLINE void multiply(const Matrix a, const float* b, int64_t bRow, float* out, int64_t outRow, int64_t M,
                            int64_t K, int64_t N, bool add) {
  int64_t m = 0;
  for (; m + 4 <= M; m += 4) {
    rowsOfTiles<4>({a.data + m * a.row, a.row, a.column}, b, bRow, out + m * outRow, outRow, K, N, add);
  }
  for (; m < M; m++) {
    rowsOfTiles<1>({a.data + m * a.row, a.row, a.column}, b, bRow, out + m * outRow, outRow, K, N, add);
  }
}

/// A table [tokens, C] of one sample in float32, as it is and transposed; rows are padded with zeros.
struct Table {
  int64_t C, stride;
  std::vector<float> rows;     // [tokens, stride]
  std::vector<float> columns;  // [stride, padded(tokens)]

  template <class T>
  Table(const T* data, int64_t tokens, int64_t C)
      : C(C), stride(padded(C)), rows(tokens * padded(C)), columns(padded(C) * padded(tokens)) {
    for (int64_t t = 0; t < tokens; t++) {
      for (int64_t c = 0; c < C; c++) {
        rows[t * stride + c] = columns[c * padded(tokens) + t] = load(data[t * C + c]);
      }
    }
  }
};

/// Positions computed together: few enough for their scores and rows to stay in the first cache.
constexpr int64_t kBlock = 32;

/// Rows of up to `kBlock` positions in float32, padded.
template <class T>
ALWAYS_INLINE void loadRows(const T* data, int64_t positions, int64_t C, int64_t stride, float* rows) {
  for (int64_t p = 0; p < positions; p++) {
    for (int64_t c = 0; c < C; c++) rows[p * stride + c] = load(data[p * C + c]);
    for (int64_t c = C; c < stride; c++) rows[p * stride + c] = 0;
  }
}

template <class T>
ALWAYS_INLINE void storeRows(const float* rows, int64_t positions, int64_t C, int64_t stride, T* data) {
  for (int64_t p = 0; p < positions; p++) {
    for (int64_t c = 0; c < C; c++) store(data[p * C + c], rows[p * stride + c]);
  }
}

ALWAYS_INLINE float largestOf(const Vector& v) {
  float most = v[0];
  for (int i = 1; i < kLanes; i++) most = v[i] > most ? v[i] : most;
  return most;
}

ALWAYS_INLINE float sumOf(const Vector& v) { return ((v[0] + v[4]) + (v[1] + v[5])) + ((v[2] + v[6]) + (v[3] + v[7])); }

/// Turns scores [positions, L] into their softmax over the tokens where `present` is 1; 0 elsewhere. `bias` is 0 for a
/// present token, −∞ for others.
ALWAYS_INLINE void softmax(float* scores, int64_t positions, int64_t L, const float* present, const float* bias) {
  for (int64_t p = 0; p < positions; p++) {
    float* s = scores + p * L;
    Vector most = at(s) + at(bias);
    for (int64_t t = kLanes; t < L; t += kLanes) {
      const Vector next = at(s + t) + at(bias + t);
      most = next > most ? next : most;
    }
    const float largest = largestOf(most);
    for (int64_t t = 0; t < L; t++) s[t] = present[t] * exponential(s[t] - largest);
    Vector sums = at(s);
    for (int64_t t = kLanes; t < L; t += kLanes) sums += at(s + t);
    const float inverse = 1 / sumOf(sums);
    for (int64_t t = 0; t < L; t += kLanes) at(s + t) *= inverse;
  }
}

/// One sample's keys and values, prepared for the loops.
struct Sample {
  int64_t tokens, L;           // L: padded tokens.
  std::vector<float> present;  // [L]: 1 or 0.
  std::vector<float> bias;     // [L]: 0 or −∞.
  Table keys;
  std::vector<Table> values;

  template <class T>
  Sample(const T* keyRows, const bool* absent, const std::vector<const T*>& valueRows,
         const std::vector<int64_t>& widths, int64_t tokens, int64_t C)
      : tokens(tokens), L(padded(tokens)), present(L), bias(L), keys(keyRows, tokens, C) {
    for (int64_t t = 0; t < L; t++) {
      const bool isPresent = t < tokens && !absent[t];
      present[t] = isPresent ? 1.0f : 0.0f;
      bias[t] = isPresent ? 0.0f : -std::numeric_limits<float>::infinity();
    }
    for (size_t i = 0; i < widths.size(); i++) values.emplace_back(valueRows[i], tokens, widths[i]);
  }

  /// Width of the widest row, padded.
  int64_t widest() const {
    int64_t most = keys.stride;
    for (const Table& value : values) most = std::max(most, value.stride);
    return most;
  }
};

/// Attention and contexts of `positions` positions. `room`: kBlock · (L + widest) floats.
template <class T>
VECTORIZED void forward(const Sample& sample, const T* x, int64_t positions, T* attention, const std::vector<T*>& y,
                        float* room) {
  const int64_t L = sample.L, C = sample.keys.C, stride = sample.keys.stride;
  float *scores = room, *rows = room + kBlock * L;
  for (int64_t from = 0; from < positions; from += kBlock) {
    const int64_t P = std::min(kBlock, positions - from);
    loadRows(x + from * C, P, C, stride, rows);
    multiply({rows, stride, 1}, sample.keys.columns.data(), L, scores, L, P, C, L, false);
    softmax(scores, P, L, sample.present.data(), sample.bias.data());
    storeRows(scores, P, sample.tokens, L, attention + from * sample.tokens);
    for (size_t i = 0; i < y.size(); i++) {
      const Table& value = sample.values[i];
      multiply({scores, L, 1}, value.rows.data(), value.stride, rows, value.stride, P, sample.tokens, value.stride, false);
      storeRows(rows, P, value.C, value.stride, y[i] + from * value.C);
    }
  }
}

/// Gradients of one sample's keys and values: [tokens, stride] each.
struct SampleGradients {
  std::vector<float> keys;
  std::vector<std::vector<float>> values;
};

/// ∂/∂x is written, gradients of keys and values are added up. `dAttention` and elements of `dy` may be null.
/// `room`: kBlock · (2 L + 2 widest) floats.
template <class T>
VECTORIZED void backward(const Sample& sample, const T* x, int64_t positions, const T* dAttention,
                         const std::vector<const T*>& dy, T* dx, SampleGradients& gradients, float* room) {
  const int64_t L = sample.L, C = sample.keys.C, stride = sample.keys.stride, tokens = sample.tokens;
  float *a = room, *da = a + kBlock * L, *rows = da + kBlock * L, *other = rows + kBlock * sample.widest();
  for (int64_t from = 0; from < positions; from += kBlock) {
    const int64_t P = std::min(kBlock, positions - from);
    loadRows(x + from * C, P, C, stride, rows);
    multiply({rows, stride, 1}, sample.keys.columns.data(), L, a, L, P, C, L, false);
    softmax(a, P, L, sample.present.data(), sample.bias.data());
    if (dAttention) loadRows(dAttention + from * tokens, P, tokens, L, da);
    else std::fill(da, da + P * L, 0.0f);
    for (size_t i = 0; i < dy.size(); i++) {
      if (!dy[i]) continue;
      const Table& value = sample.values[i];
      loadRows(dy[i] + from * value.C, P, value.C, value.stride, other);
      multiply({other, value.stride, 1}, value.columns.data(), L, da, L, P, value.C, L, true);
      multiply({a, 1, L}, other, value.stride, gradients.values[i].data(), value.stride, tokens, P, value.stride, true);
    }
    for (int64_t p = 0; p < P; p++) {  // ∂/∂S = A (∂/∂A − Σ A ∂/∂A)
      const float* own = a + p * L;
      float* gradient = da + p * L;
      Vector sums{};
      for (int64_t t = 0; t < L; t += kLanes) sums += at(own + t) * at(gradient + t);
      const float mean = sumOf(sums);
      for (int64_t t = 0; t < L; t += kLanes) at(gradient + t) = at(own + t) * (at(gradient + t) - mean);
    }
    multiply({da, 1, L}, rows, stride, gradients.keys.data(), stride, tokens, P, stride, true);
    multiply({da, L, 1}, sample.keys.rows.data(), stride, other, stride, P, tokens, stride, false);
    storeRows(other, P, C, stride, dx + from * C);
  }
}

}  // namespace addon::cross
