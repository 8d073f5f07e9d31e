// Batch normalization of a whole tensor on several threads, with the loops over rows.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "common.h"
#include "kernels.h"

namespace addon {

using rows::Activation;
using rows::Modulation;

/// Rows that are summed in float32 before sums are merged: few enough to stay in the cache for both passes.
constexpr int64_t kChunk = 64;

/// total[i] += sums[i].
inline VECTORIZED void accumulate(const float* sums, int64_t count, double* total) {
  for (int64_t i = 0; i < count; i++) total[i] += sums[i];
}

struct Settings {
  bool training;
  double momentum;
  double eps;
  rows::After after;
  std::vector<int64_t> batches;
};

/// Mean and Σ (x − mean)² of each channel, merged from chunks (Chan et al., 1979).
struct Moments {
  std::vector<double> mean, squares;
  double count = 0;

  explicit Moments(int64_t C) : mean(C), squares(C) {}

  template <class Mean, class Squares>
  void merge(double otherCount, const Mean* otherMean, const Squares* otherSquares) {
    if (otherCount == 0) return;
    const double total = count + otherCount, share = otherCount / total;
    for (size_t c = 0; c < mean.size(); c++) {
      const double difference = otherMean[c] - mean[c];
      mean[c] += difference * otherCount / total;
      squares[c] += otherSquares[c] + difference * difference * count * otherCount / total;
    }
    count = total;
  }
};

/// Ranges of `count`, one per thread. They depend only on the number of threads, so results are reproducible.
template <class Work>
void forParts(int64_t count, const Work& work) {
  const int64_t parts = at::get_num_threads();
  at::parallel_for(0, parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; part++) work(part, count * part / parts, count * (part + 1) / parts);
  });
}

template <class T>
Moments momentsOf(const T* x, int64_t rows, int64_t C) {
  std::vector<Moments> parts(at::get_num_threads(), Moments(C));
  forParts(rows, [&](int64_t part, int64_t first, int64_t last) {
    std::vector<float> mean(C), squares(C);
    for (int64_t r = first; r < last; r += kChunk) {
      const int64_t count = std::min(kChunk, last - r);
      batchNormLoops<T>().sum(x + r * C, count, C, mean.data());
      for (float& value : mean) value /= static_cast<float>(count);
      batchNormLoops<T>().sumSquares(x + r * C, count, C, mean.data(), squares.data());
      parts[part].merge(static_cast<double>(count), mean.data(), squares.data());
    }
  });
  Moments all(C);
  for (const Moments& part : parts) all.merge(part.count, part.mean.data(), part.squares.data());
  return all;
}

/// The rows of one tensor, [N, C] or [B, C, H, W] channels-last, and the values that normalize them. Samples `first` to
/// `last` are one batch.
template <class T>
class Rows {
 public:
  Rows(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& scale, const at::Tensor& shift,
       const Settings& settings)
      : settings_(settings),
        C_(x.size(1)),
        places_(x.numel() / x.size(0) / C_),
        x_(data(x)),
        scale_(scale.defined() ? data(scale) : nullptr),
        shift_(shift.defined() ? data(shift) : nullptr),
        modulation_(!scale.defined()           ? Modulation::kNone
                    : scale.dim() == x.dim() ? Modulation::kPlace
                                               : Modulation::kSample),
        gamma_(weight.defined() ? weight.data_ptr<float>() : filled(ones_, 1)),
        beta_(bias.defined() ? bias.data_ptr<float>() : filled(zeros_, 0)) {}

  int64_t count(int64_t samples) const { return samples * places_; }

  Moments moments(int64_t first, int64_t last) const {
    return momentsOf(x_ + first * places_ * C_, count(last - first), C_);
  }

  /// @param statistics μ and 1/√(σ² + ε), [2, C]
  void forward(const float* statistics, int64_t first, int64_t last, T* z) const {
    forSpans(first, last, [&](auto modulation, int64_t, int64_t row, const rows::Span<T>& span) {
      loops_.forward[static_cast<int>(modulation())](span, C_, normalization(statistics), settings_.after,
                                                     z + row * width());
    });
  }

  /// Adds to dγ and dβ, [C] each; writes dx, and dScale and dShift if there are any.
  void backward(const float* statistics, int64_t first, int64_t last, const T* dz, T* dx, T* dScale, T* dShift,
                float* dGamma, float* dBeta) const {
    const rows::Normalization n = normalization(statistics);
    const std::vector<double> total = sumGradients(n, first, last, dz, dScale, dShift);
    std::vector<float> slope(C_), offset(C_);
    const auto places = static_cast<double>(count(last - first));
    for (int64_t c = 0; c < C_; c++) {
      const double invstd = n.invstd[c];
      dBeta[c] += static_cast<float>(total[c]);
      dGamma[c] += static_cast<float>(total[C_ + c] * invstd);
      if (!settings_.training) continue; // The statistics are then constants, not functions of x.
      // With dx̂ = dy · (γ + scale): dx = (dx̂ − mean(dx̂) − x̂ · mean(dx̂ · x̂)) / √(σ² + ε).
      slope[c] = static_cast<float>(-total[3 * C_ + c] * invstd * invstd * invstd / places);
      offset[c] = static_cast<float>(-total[2 * C_ + c] * invstd / places);
    }
    forSpans(first, last, [&](auto modulation, int64_t, int64_t row, const rows::Span<T>& span) {
      loops_.combine[static_cast<int>(modulation())](span, dz + row * width(), C_, n, settings_.after, slope.data(),
                                                     offset.data(), dx + row * C_);
    });
  }

 private:
  static const T* data(const at::Tensor& tensor) { return reinterpret_cast<const T*>(tensor.data_ptr()); }

  const float* filled(std::vector<float>& values, float value) {
    values.assign(C_, value);
    return values.data();
  }

  rows::Normalization normalization(const float* statistics) const {
    return {statistics, statistics + C_, gamma_, beta_};
  }

  int64_t width() const { return settings_.after.activation == Activation::kGlu ? C_ / 2 : C_; }

  /// Calls work(modulation, part, first row, span) for pieces of samples, in threads.
  template <class Work>
  void forSpans(int64_t first, int64_t last, const Work& work) const {
    switch (modulation_) {
      case Modulation::kNone: return forSpansOf<Modulation::kNone>(first, last, work);
      case Modulation::kSample: return forSpansOf<Modulation::kSample>(first, last, work);
      case Modulation::kPlace: return forSpansOf<Modulation::kPlace>(first, last, work);
    }
  }

  template <Modulation M, class Work>
  void forSpansOf(int64_t first, int64_t last, const Work& work) const {
    // One thread computes all sums of a sample, so samples are not split if the modulation is per sample.
    const int64_t unit = M == Modulation::kSample ? places_ : 1;
    forParts(count(last - first) / unit, [&](int64_t part, int64_t begin, int64_t end) {
      const int64_t stop = first * places_ + end * unit;
      for (int64_t row = first * places_ + begin * unit; row < stop;) {
        int64_t next = std::min(row + kChunk, stop);
        int64_t own = 0;
        if (M == Modulation::kSample) {
          next = std::min(next, (row / places_ + 1) * places_);
          own = row / places_ * C_;
        } else if (M == Modulation::kPlace) {
          own = row * C_;
        }
        const rows::Span<T> span{x_ + row * C_, next - row, scale_ ? scale_ + own : nullptr,
                                 shift_ ? shift_ + own : nullptr};
        work(std::integral_constant<Modulation, M>(), part, row, span);
        row = next;
      }
    });
  }

  /// Σ dy, Σ dy · (x − μ), Σ dx̂ and Σ dx̂ · (x − μ): [4, C].
  std::vector<double> sumGradients(const rows::Normalization& n, int64_t first, int64_t last, const T* dz, T* dScale,
                                   T* dShift) const {
    std::vector<PartialSums> parts(at::get_num_threads(), PartialSums(C_));
    forSpans(first, last, [&](auto modulation, int64_t part, int64_t row, const rows::Span<T>& span) {
      constexpr Modulation M = modulation();
      PartialSums& own = parts[part];
      float* sums = own.chunk.data();
      const int64_t at = M == Modulation::kPlace ? row * C_ : 0;
      loops_.sumGradients[static_cast<int>(M)](span, dz + row * width(), C_, n, settings_.after, sums, dScale + at,
                                               dShift + at);
      accumulate(sums, M == Modulation::kPlace ? 4 * C_ : 2 * C_, own.all.data());
      if constexpr (M == Modulation::kSample) {
        accumulate(sums, 2 * C_, own.sample.data());
        if ((row + span.rows) % places_ == 0) endSample(own, n, row / places_ * C_, dScale, dShift);
      }
    });
    std::vector<double> total(4 * C_);
    for (const PartialSums& part : parts) {
      for (int64_t i = 0; i < 4 * C_; i++) total[i] += part.all[i];
    }
    if (modulation_ == Modulation::kNone) {
      for (int64_t i = 0; i < 2 * C_; i++) total[2 * C_ + i] = total[i] * n.gamma[i % C_];
    }
    return total;
  }

  /// Sums of one thread.
  struct PartialSums {
    std::vector<double> all, sample;  // [4, C] and [2, C]: of everything, and of the present sample.
    std::vector<float> chunk;         // [4, C]

    explicit PartialSums(int64_t C) : all(4 * C), sample(2 * C), chunk(4 * C) {}
  };

  /// Writes a sample's gradients of scale and shift, at `at`, and adds its Σ dx̂ and Σ dx̂ · (x − μ) to all.
  void endSample(PartialSums& sums, const rows::Normalization& n, int64_t at, T* dScale, T* dShift) const {
    for (int64_t c = 0; c < C_; c++) {
      const double dy = sums.sample[c], product = sums.sample[C_ + c], gain = n.gamma[c] + load(scale_[at + c]);
      store(dShift[at + c], static_cast<float>(dy));
      store(dScale[at + c], static_cast<float>(product * n.invstd[c]));
      sums.all[2 * C_ + c] += dy * gain;
      sums.all[3 * C_ + c] += product * gain;
    }
    std::fill(sums.sample.begin(), sums.sample.end(), 0.0);
  }

  const Settings& settings_;
  const rows::Loops<T>& loops_ = batchNormLoops<T>();
  int64_t C_, places_;
  const T *x_, *scale_, *shift_;
  Modulation modulation_;
  std::vector<float> ones_, zeros_;
  const float *gamma_, *beta_;
};

}  // namespace addon
