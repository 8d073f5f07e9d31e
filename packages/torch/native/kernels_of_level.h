// All loops for one level of processors: LEVEL is its namespace, LANES the numbers in a vector.
#include "attended_batch_norm_rows.h"
#include "batch_norm_rows.h"
#include "cross_attention_rows.h"
#include "word_attention_rows.h"

namespace addon::LEVEL {

template <class T>
constexpr rows::Loops<T> batchNormTable() {
  using rows::Modulation;
  return {
      sum<T>,
      sumSquares<T>,
      {forward<Modulation::kNone, T, T>, forward<Modulation::kSample, T, T>, forward<Modulation::kPlace, T, T>},
      {sumGradients<Modulation::kNone, T, T>, sumGradients<Modulation::kSample, T, T>,
       sumGradients<Modulation::kPlace, T, T>},
      {combine<Modulation::kNone, T>, combine<Modulation::kSample, T>, combine<Modulation::kPlace, T>},
  };
}

template <class T>
constexpr cross::Loops<T> crossAttentionTable() {
  return {attend<T>, attendBackward<T>};
}

template <class T>
constexpr attended::Loops<T> attendedTable() {
  return {attendedForward<T>, attendedBackward<T>, addStatistics<T>};
}

template <class T>
constexpr KernelsOf<T> tableOf() {
  return {batchNormTable<T>(), crossAttentionTable<T>(), attendedTable<T>()};
}

constexpr Kernels table() { return {LANES, tableOf<float>(), tableOf<Bfloat16>(), {attendRegions, attendRegionsBackward}}; }

}  // namespace addon::LEVEL
