// All loops for one level of processors: LEVEL is its namespace, LANES the numbers in a vector.
#include "batch_norm_rows.h"
#include "cross_attention_rows.h"

namespace addon::LEVEL {

template <class T>
constexpr rows::Loops<T> batchNormTable() {
  using rows::Modulation;
  return {
      sum<T>,
      sumSquares<T>,
      {forward<Modulation::kNone, T>, forward<Modulation::kSample, T>, forward<Modulation::kPlace, T>},
      {sumGradients<Modulation::kNone, T>, sumGradients<Modulation::kSample, T>, sumGradients<Modulation::kPlace, T>},
      {combine<Modulation::kNone, T>, combine<Modulation::kSample, T>, combine<Modulation::kPlace, T>},
  };
}

template <class T>
constexpr cross::Loops<T> crossAttentionTable() {
  return {attend<T>, attendBackward<T>};
}

constexpr Kernels table() {
  return {LANES, batchNormTable<float>(), batchNormTable<Bfloat16>(), crossAttentionTable<float>(),
          crossAttentionTable<Bfloat16>()};
}

}  // namespace addon::LEVEL
