// Batch normalization of a whole tensor on several threads, with the loops over rows.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "common.h"
#include "kernels.h"
#include "tensor_rows.h"

namespace addon {

using rows::Activation;
using rows::Modulation;
using Optional = c10::optional<at::Tensor>;

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

  /// Channels of the result.
  int64_t widthAfter(int64_t C) const { return after.activation == Activation::kGlu ? C / 2 : C; }
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

/// running ← (1 − momentum) · running + momentum · batch; the variance is the sample's.
inline void updateRunning(const Optional& runningMean, const Optional& runningVar, const Moments& moments, double momentum) {
  const auto update = [&](const Optional& running, const std::vector<double>& batch, double divisor) {
    if (!running || !running->defined()) return;
    float* values = running->data_ptr<float>();
    for (size_t c = 0; c < batch.size(); c++) {
      values[c] = static_cast<float>((1 - momentum) * values[c] + momentum * batch[c] / divisor);
    }
    running->unsafeGetTensorImpl()->bump_version();
  };
  update(runningMean, moments.mean, 1);
  update(runningVar, moments.squares, std::max(1.0, moments.count - 1));
}

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
      kernelsOf<T>().batchNorm.sum(x + r * C, count, C, mean.data());
      for (float& value : mean) value /= static_cast<float>(count);
      kernelsOf<T>().batchNorm.sumSquares(x + r * C, count, C, mean.data(), squares.data());
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
        x_(dataOf<const T>(x)),
        scale_(dataOf<const T>(scale)),
        shift_(dataOf<const T>(shift)),
        modulation_(!scale.defined()           ? Modulation::kNone
                    : scale.dim() == x.dim() ? Modulation::kPlace
                                               : Modulation::kSample),
        gamma_(weight.defined() ? weight.data_ptr<float>() : filled(ones_, 1)),
        beta_(bias.defined() ? bias.data_ptr<float>() : filled(zeros_, 0)) {}

  int64_t count(int64_t samples) const { return samples * places_; }

  /// μ and 1/√(σ² + ε), [2, C], of a batch, which updates the running statistics; in evaluation those.
  void statistics(int64_t first, int64_t last, const Optional& runningMean, const Optional& runningVar,
                  float* statistics) const {
    if (settings_.training) {
      const Moments moments = momentsOf(x_ + first * places_ * C_, count(last - first), C_);
      updateRunning(runningMean, runningVar, moments, settings_.momentum);
      for (int64_t c = 0; c < C_; c++) {
        statistics[c] = static_cast<float>(moments.mean[c]);
        statistics[C_ + c] = static_cast<float>(1 / std::sqrt(moments.squares[c] / moments.count + settings_.eps));
      }
    } else {
      const float *mean = runningMean->data_ptr<float>(), *variance = runningVar->data_ptr<float>();
      for (int64_t c = 0; c < C_; c++) {
        statistics[c] = mean[c];
        statistics[C_ + c] = static_cast<float>(1 / std::sqrt(variance[c] + settings_.eps));
      }
    }
  }

  rows::Normalization normalization(const float* statistics) const {
    return {statistics, statistics + C_, gamma_, beta_};
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
    const ThroughStatistics through = throughStatistics(n, total, first, last, dGamma, dBeta);
    forSpans(first, last, [&](auto modulation, int64_t, int64_t row, const rows::Span<T>& span) {
      loops_.combine[static_cast<int>(modulation())](span, dz + row * width(), C_, n, settings_.after,
                                                     through.slope.data(), through.offset.data(), dx + row * C_);
    });
  }

  /// The gradient of x through μ and σ: slope · (x − μ) + offset.
  struct ThroughStatistics {
    std::vector<float> slope, offset;
  };

  /// @param total Σ dy, Σ dy · (x − μ), Σ dx̂ and Σ dx̂ · (x − μ), [4, C]. Adds to dγ and dβ.
  ThroughStatistics throughStatistics(const rows::Normalization& n, const std::vector<double>& total, int64_t first,
                                      int64_t last, float* dGamma, float* dBeta) const {
    ThroughStatistics through{std::vector<float>(C_), std::vector<float>(C_)};
    const auto places = static_cast<double>(count(last - first));
    for (int64_t c = 0; c < C_; c++) {
      const double invstd = n.invstd[c];
      dBeta[c] += static_cast<float>(total[c]);
      dGamma[c] += static_cast<float>(total[C_ + c] * invstd);
      if (!settings_.training) continue;  // The statistics are then constants, not functions of x.
      // With dx̂ = dy · (γ + scale): dx = (dx̂ − mean(dx̂) − x̂ · mean(dx̂ · x̂)) / √(σ² + ε).
      through.slope[c] = static_cast<float>(-total[3 * C_ + c] * invstd * invstd * invstd / places);
      through.offset[c] = static_cast<float>(-total[2 * C_ + c] * invstd / places);
    }
    return through;
  }

 private:
  const float* filled(std::vector<float>& values, float value) {
    values.assign(C_, value);
    return values.data();
  }

  int64_t width() const { return settings_.widthAfter(C_); }

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
  const rows::Loops<T>& loops_ = kernelsOf<T>().batchNorm;
  int64_t C_, places_;
  const T *x_, *scale_, *shift_;
  Modulation modulation_;
  std::vector<float> ones_, zeros_;
  const float *gamma_, *beta_;
};

/// Throws for another name than "none", "leaky_relu" and "glu".
Activation toActivation(const std::string& name);

/// Whether the loops support x, the values [C] and the activation.
bool haveLoops(const at::Tensor& x, std::initializer_list<Optional> perChannel, const Settings& settings);

/// Throws if a batch has no sample, or together they have not all samples of x.
void requireBatches(const at::Tensor& x, const std::vector<int64_t>& batches);

/// The operator `node_torch::batch_norm`.
at::Tensor batchNorm(const at::Tensor& x, const Optional& weight, const Optional& bias, const Optional& runningMean,
                     const Optional& runningVar, bool training, double momentum, double eps, const Optional& scale,
                     const Optional& shift, c10::string_view activation, double slope, at::IntArrayRef batches);

}  // namespace addon
