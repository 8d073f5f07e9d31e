// The loops of cross-attention over rows: a row has all channels of a position, contiguous in memory.
//
//   S = X Kᵀ,   A = softmax over the present tokens of S,   Y_i = A V_i
//
// for X [positions, C], K [tokens, C] and V_i [tokens, C_i]. All products are small matrices, so one kernel with sums in
// registers serves for all of them. Scores are kept as Sᵀ [tokens, kBlock]: a vector has positions, so the softmax needs no
// sums within a vector, and any number of tokens fills the vectors. Columns of positions that a last block lacks have any
// numbers, which are not used. The backward pass computes A again instead of reading it.
#pragma once

#include <limits>

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

/// Rows [kBlock, width] as columns [width, kBlock]. `width` is a multiple of `kLanes`.
ALWAYS_INLINE void transpose(const float* rows, int64_t width, float* columns) {
  for (int64_t p = 0; p < kBlock; p += kLanes) {
    for (int64_t c = 0; c < width; c += kLanes) {
      Vector square[kLanes];
#pragma GCC unroll 16
      for (int64_t i = 0; i < kLanes; i++) square[i] = read<Vector>(rows + (p + i) * width + c);
      transposeSquare(square);
#pragma GCC unroll 16
      for (int64_t i = 0; i < kLanes; i++) write(columns + (c + i) * kBlock + p, square[i]);
    }
  }
}

/// Turns Sᵀ into the softmax over the present tokens; 0 elsewhere.
ALWAYS_INLINE void softmax(float* scores, const Sample& sample) {
  for (int64_t p = 0; p < kBlock; p += kLanes) {
    Vector largest = Vector{} - std::numeric_limits<float>::infinity(), sums{};
    for (int64_t t = 0; t < sample.used; t++) {
      const Vector next = read<Vector>(scores + t * kBlock + p);
      if (sample.present[t]) largest = next > largest ? next : largest;
    }
    for (int64_t t = 0; t < sample.used; t++) {
      float* own = scores + t * kBlock + p;
      const Vector power = sample.present[t] ? exponentialOf(read<Vector>(own) - largest) : Vector{};
      write(own, power);
      sums += power;
    }
    const Vector inverse = 1 / sums;
    for (int64_t t = 0; t < sample.used; t++) {
      float* own = scores + t * kBlock + p;
      write(own, read<Vector>(own) * inverse);
    }
  }
}

/// Turns ∂/∂Aᵀ [tokens, kBlock] into ∂/∂Sᵀ: ∂/∂S = A (∂/∂A − Σ A ∂/∂A).
ALWAYS_INLINE void softmaxBackward(const float* a, int64_t tokens, float* da) {
  for (int64_t p = 0; p < kBlock; p += kLanes) {
    Vector mean{};
    for (int64_t i = p; i < tokens * kBlock; i += kBlock) mean += read<Vector>(a + i) * read<Vector>(da + i);
    for (int64_t i = p; i < tokens * kBlock; i += kBlock) {
      write(da + i, read<Vector>(a + i) * (read<Vector>(da + i) - mean));
    }
  }
}

/// Aᵀ [used, kBlock] of a block from its rows. `columns` has room for their transpose.
ALWAYS_INLINE void attention(const Sample& sample, const float* rows, float* columns, float* a) {
  const Table& keys = sample.keys;
  transpose(rows, keys.stride, columns);
  multiply({keys.rows, keys.stride, 1}, columns, kBlock, a, kBlock, sample.used, keys.C, kBlock, false);
  softmax(a, sample);
}

/// out [positions, width] = or += A · value.
ALWAYS_INLINE void mix(const float* a, int64_t tokens, int64_t positions, const Table& value, float* out, bool add) {
  multiply({a, 1, kBlock}, value.rows, value.stride, out, value.stride, positions, tokens, value.stride, add);
}

/// ∂/∂Aᵀ = or += that of A · value, from ∂/∂(A · value) [kBlock, stride].
ALWAYS_INLINE void unmix(const Table& value, int64_t tokens, const float* gradient, float* columns, float* da, bool add) {
  transpose(gradient, value.stride, columns);
  multiply({value.rows, value.stride, 1}, columns, kBlock, da, kBlock, tokens, value.C, kBlock, add);
}

/// Sums of the gradients of a table's rows += Aᵀ · gradient.
ALWAYS_INLINE void addToTable(const float* a, int64_t tokens, const float* gradient, int64_t positions, int64_t stride,
                              float* sums) {
  multiply({a, kBlock, 1}, gradient, stride, sums, stride, tokens, positions, stride, true);
}

template <class T>
void attend(const Sample& sample, const T* x, int64_t positions, T* attended, T* const* y, float* room) {
  const int64_t C = sample.keys.C, tokens = sample.tokens, used = sample.used;
  float *a = room, *rows = a + kBlock * used, *columns = rows + kBlock * sample.widest;
  for (int64_t from = 0; from < positions; from += kBlock) {
    const int64_t P = positions - from < kBlock ? positions - from : kBlock;
    readRows(x + from * C, P, C, sample.keys.stride, rows);
    attention(sample, rows, columns, a);
    for (int64_t p = 0; p < P; p++) {
      T* own = attended + (from + p) * tokens;
      for (int64_t t = 0; t < tokens; t++) write(own + t, t < used ? a[t * kBlock + p] : 0.0f);
    }
    for (int64_t i = 0; i < sample.count; i++) {
      const Table& value = sample.values[i];
      mix(a, used, P, value, rows, false);
      writeRows(rows, P, value.C, value.C, value.stride, y[i] + from * value.C);
    }
  }
}

/// ∂/∂x is written, gradients of keys and values are added up.
template <class T>
void attendBackward(const Sample& sample, const T* x, int64_t positions, const T* dAttention, const T* const* dy,
                    T* dx, const SampleGradients& gradients, float* room) {
  const int64_t C = sample.keys.C, stride = sample.keys.stride, tokens = sample.tokens, used = sample.used;
  float *a = room, *da = a + kBlock * used, *rows = da + kBlock * used, *other = rows + kBlock * sample.widest,
        *columns = other + kBlock * sample.widest;
  for (int64_t from = 0; from < positions; from += kBlock) {
    const int64_t P = positions - from < kBlock ? positions - from : kBlock;
    readRows(x + from * C, P, C, stride, rows);
    attention(sample, rows, columns, a);
    for (int64_t t = 0; t < used; t++) {
      for (int64_t p = 0; p < kBlock; p++) {
        da[t * kBlock + p] = dAttention && p < P ? load(dAttention[(from + p) * tokens + t]) : 0;
      }
    }
    for (int64_t i = 0; i < sample.count; i++) {
      if (!dy[i]) continue;
      const Table& value = sample.values[i];
      readRows(dy[i] + from * value.C, P, value.C, value.stride, other);
      unmix(value, used, other, columns, da, true);
      addToTable(a, used, other, P, value.stride, gradients.values[i]);
    }
    softmaxBackward(a, used, da);
    addToTable(da, used, rows, P, stride, gradients.keys);
    mix(da, used, P, sample.keys, other, false);
    writeRows(other, P, C, C, stride, dx + from * C);
  }
}

}  // namespace addon::LEVEL
