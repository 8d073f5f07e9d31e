// Batch normalization of tensors whose channels lie side by side (Ioffe and Szegedy, 2015), in training.
//
// libtorch's own kernel spends most of a bfloat16 training step here: its backward pass goes over the tensor channel by
// channel. This one reads row after row, all channels of a place at once, twice forward and twice backward, and keeps
// its sums in float32 whatever the dtype. It is registered with the dispatcher as `node_torch::batch_norm`, with the
// arguments of `aten::batch_norm`, which it leaves every other case to.
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <cmath>

#include "common.h"
#include "vectorize.h"

namespace addon {
namespace {

using at::Tensor;
using Optional = c10::optional<Tensor>;

/// Rows that are summed in float32 before the sums are merged: few enough for both passes to find them in the cache.
constexpr int64_t kChunk = 64;

/// Row ranges, one a thread; the same for the same number of threads, so that results are.
template <class Work>
void forParts(int64_t rows, const Work& work) {
  const int64_t parts = at::get_num_threads();
  at::parallel_for(0, parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; part++) work(part, rows * part / parts, rows * (part + 1) / parts);
  });
}

/// Sum over rows of x: total[c] = Σ x[r, c].
template <class T>
VECTORIZED void sumRows(const T* x, int64_t rows, int64_t C, float* total) {
  for (int64_t c = 0; c < C; c++) total[c] = 0;
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t c = 0; c < C; c++) total[c] += load(x[r * C + c]);
  }
}

/// total[c] = Σ (x[r, c] − mean[c])².
template <class T>
VECTORIZED void sumSquares(const T* x, int64_t rows, int64_t C, const float* mean, float* total) {
  for (int64_t c = 0; c < C; c++) total[c] = 0;
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t c = 0; c < C; c++) {
      const float difference = load(x[r * C + c]) - mean[c];
      total[c] += difference * difference;
    }
  }
}

/// y = x · scale + shift.
template <class T>
VECTORIZED void affine(const T* x, T* y, int64_t rows, int64_t C, const float* scale, const float* shift) {
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t c = 0; c < C; c++) store(y[r * C + c], load(x[r * C + c]) * scale[c] + shift[c]);
  }
}

/// sums[c] += Σ dy[r, c], products[c] += Σ dy[r, c] · (x[r, c] − mean[c]).
template <class T>
VECTORIZED void sumGradients(const T* dy, const T* x, int64_t rows, int64_t C, const float* mean, float* sums,
                             float* products) {
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t c = 0; c < C; c++) {
      const float gradient = load(dy[r * C + c]);
      sums[c] += gradient;
      products[c] += gradient * (load(x[r * C + c]) - mean[c]);
    }
  }
}

/// dx = a · dy + b · x + d.
template <class T>
VECTORIZED void combine(const T* dy, const T* x, T* dx, int64_t rows, int64_t C, const float* a, const float* b,
                        const float* d) {
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t c = 0; c < C; c++) {
      store(dx[r * C + c], a[c] * load(dy[r * C + c]) + b[c] * load(x[r * C + c]) + d[c]);
    }
  }
}

/// Mean and Σ (x − mean)² of each channel, merged from chunks as Chan et al. (1979) do.
struct Moments {
  std::vector<double> mean, squares;
  double count = 0;

  explicit Moments(int64_t C) : mean(C), squares(C) {}

  template <class Mean, class Squares>
  void merge(double otherCount, const Mean* otherMean, const Squares* otherSquares) {
    if (otherCount == 0) return;
    const double total = count + otherCount;
    for (size_t c = 0; c < mean.size(); c++) {
      const double difference = otherMean[c] - mean[c];
      mean[c] += difference * otherCount / total;
      squares[c] += otherSquares[c] + difference * difference * count * otherCount / total;
    }
    count = total;
  }
};

template <class T>
Moments momentsOf(const T* x, int64_t rows, int64_t C) {
  std::vector<Moments> parts(at::get_num_threads(), Moments(C));
  forParts(rows, [&](int64_t part, int64_t first, int64_t last) {
    std::vector<float> mean(C), squares(C);
    for (int64_t r = first; r < last; r += kChunk) {
      const int64_t count = std::min(kChunk, last - r);
      sumRows(x + r * C, count, C, mean.data());
      for (float& value : mean) value /= static_cast<float>(count);
      sumSquares(x + r * C, count, C, mean.data(), squares.data());
      parts[part].merge(static_cast<double>(count), mean.data(), squares.data());
    }
  });
  Moments all(C);
  for (const Moments& part : parts) all.merge(part.count, part.mean.data(), part.squares.data());
  return all;
}

/// The rows of a tensor whose channels lie side by side: [N, C], or [B, C, H, W] channels-last.
int64_t rowsOf(const Tensor& x) { return x.numel() / x.size(1); }

const float* dataOrNull(const Tensor& tensor) { return tensor.defined() ? tensor.data_ptr<float>() : nullptr; }

template <class T>
Tensor forward(const Tensor& x, const Tensor& weight, const Tensor& bias, const Moments& moments, double eps,
               float* mean, float* invstd) {
  const int64_t C = x.size(1);
  const float* gamma = dataOrNull(weight);
  const float* beta = dataOrNull(bias);
  std::vector<float> scale(C), shift(C);
  for (int64_t c = 0; c < C; c++) {
    mean[c] = static_cast<float>(moments.mean[c]);
    invstd[c] = static_cast<float>(1 / std::sqrt(moments.squares[c] / moments.count + eps));
    scale[c] = (gamma ? gamma[c] : 1) * invstd[c];
    shift[c] = (beta ? beta[c] : 0) - mean[c] * scale[c];
  }
  Tensor y = at::empty_like(x);
  const T* from = reinterpret_cast<const T*>(x.data_ptr());
  T* to = reinterpret_cast<T*>(y.data_ptr());
  forParts(rowsOf(x), [&](int64_t, int64_t first, int64_t last) {
    affine(from + first * C, to + first * C, last - first, C, scale.data(), shift.data());
  });
  return y;
}

template <class T>
Tensor backward(const Tensor& dy, const Tensor& x, const Tensor& weight, const float* mean, const float* invstd,
                float* dGamma, float* dBeta) {
  const int64_t C = x.size(1);
  const int64_t rows = rowsOf(x);
  const T* xData = reinterpret_cast<const T*>(x.data_ptr());
  const T* dyData = reinterpret_cast<const T*>(dy.data_ptr());
  std::vector<std::vector<double>> parts(at::get_num_threads(), std::vector<double>(2 * C));
  forParts(rows, [&](int64_t part, int64_t first, int64_t last) {
    std::vector<float> sums(2 * C);
    for (int64_t r = first; r < last; r += kChunk) {
      std::fill(sums.begin(), sums.end(), 0.0f);
      sumGradients(dyData + r * C, xData + r * C, std::min(kChunk, last - r), C, mean, sums.data(), sums.data() + C);
      for (int64_t i = 0; i < 2 * C; i++) parts[part][i] += sums[i];
    }
  });
  // dx = γ/σ · (dy − mean(dy) − x̂ · mean(dy · x̂)), as a line in dy and x.
  const float* gamma = dataOrNull(weight);
  std::vector<float> a(C), b(C), d(C);
  for (int64_t c = 0; c < C; c++) {
    double sum = 0, product = 0;
    for (const auto& part : parts) {
      sum += part[c];
      product += part[C + c];
    }
    dBeta[c] = static_cast<float>(sum);
    dGamma[c] = static_cast<float>(product * invstd[c]);
    a[c] = (gamma ? gamma[c] : 1) * invstd[c];
    b[c] = static_cast<float>(-a[c] * invstd[c] * invstd[c] * product / rows);
    d[c] = static_cast<float>(-a[c] * sum / rows - b[c] * mean[c]);
  }
  Tensor dx = at::empty_like(x);
  T* dxData = reinterpret_cast<T*>(dx.data_ptr());
  forParts(rows, [&](int64_t, int64_t first, int64_t last) {
    combine(dyData + first * C, xData + first * C, dxData + first * C, last - first, C, a.data(), b.data(), d.data());
  });
  return dx;
}

/// running ← (1 − momentum) · running + momentum · batch; the variance is the sample's.
void updateRunning(const Optional& runningMean, const Optional& runningVar, const Moments& moments, double momentum) {
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

struct BatchNorm : torch::autograd::Function<BatchNorm> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Optional& weight,
                        const Optional& bias, const Optional& runningMean, const Optional& runningVar, double momentum,
                        double eps) {
    at::AutoDispatchBelowADInplaceOrView guard;
    const Tensor gamma = weight.value_or(Tensor()), beta = bias.value_or(Tensor());
    const bool half = x.scalar_type() == at::kBFloat16;
    const int64_t C = x.size(1), rows = rowsOf(x);
    const Moments moments = half ? momentsOf(reinterpret_cast<const Bfloat16*>(x.data_ptr()), rows, C)
                                 : momentsOf(x.data_ptr<float>(), rows, C);
    updateRunning(runningMean, runningVar, moments, momentum);
    Tensor statistics = at::empty({2, C}, at::kFloat);
    float* mean = statistics.data_ptr<float>();
    context->save_for_backward({x, gamma, statistics});
    context->saved_data["eps"] = eps;
    context->saved_data["bias"] = beta.defined();
    return half ? addon::forward<Bfloat16>(x, gamma, beta, moments, eps, mean, mean + C)
                : addon::forward<float>(x, gamma, beta, moments, eps, mean, mean + C);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &gamma = saved[1], &statistics = saved[2];
    const bool hasBias = context->saved_data["bias"].toBool();
    const int64_t C = x.size(1);
    Tensor dx, dGamma, dBeta;
    if (at::GradMode::is_enabled()) {
      // Gradients of gradients: libtorch's own backward pass has them.
      std::tie(dx, dGamma, dBeta) = at::native_batch_norm_backward(
          gradients[0], x, gamma, {}, {}, statistics.select(0, 0), statistics.select(0, 1), true,
          context->saved_data["eps"].toDouble(), {true, gamma.defined(), hasBias});
    } else {
      const Tensor dy = gradients[0].to(x.scalar_type()).contiguous(x.suggest_memory_format());
      dGamma = at::empty({C}, at::kFloat);
      dBeta = at::empty({C}, at::kFloat);
      const float* mean = statistics.data_ptr<float>();
      const auto pass = x.scalar_type() == at::kBFloat16 ? addon::backward<Bfloat16> : addon::backward<float>;
      dx = pass(dy, x, gamma, mean, mean + C, dGamma.data_ptr<float>(), dBeta.data_ptr<float>());
    }
    return {dx, gamma.defined() ? dGamma : Tensor(), hasBias ? dBeta : Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

bool isPlainFloat(const Optional& tensor, int64_t C) {
  return !tensor || !tensor->defined() ||
         (tensor->scalar_type() == at::kFloat && tensor->device().is_cpu() && tensor->is_contiguous() &&
          tensor->dim() == 1 && tensor->size(0) == C);
}

/// Whether the rows of `x` are what the loops above take.
bool hasRows(const Tensor& x) {
  if (!x.device().is_cpu() || x.numel() == 0) return false;
  if (x.scalar_type() != at::kBFloat16 && x.scalar_type() != at::kFloat) return false;
  if (x.dim() == 2) return x.is_contiguous();
  return x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast) && !x.is_contiguous();
}

Tensor batchNorm(const Tensor& x, const Optional& weight, const Optional& bias, const Optional& runningMean,
                 const Optional& runningVar, bool training, double momentum, double eps) {
  const int64_t C = x.dim() > 1 ? x.size(1) : 0;
  const bool fits = training && hasRows(x) && rowsOf(x) > 1 && isPlainFloat(weight, C) && isPlainFloat(bias, C) &&
                    isPlainFloat(runningMean, C) && isPlainFloat(runningVar, C);
  if (!fits) return at::batch_norm(x, weight, bias, runningMean, runningVar, training, momentum, eps, false);
  return BatchNorm::apply(x, weight, bias, runningMean, runningVar, momentum, eps);
}

TORCH_LIBRARY_FRAGMENT(node_torch, library) {
  library.def(
      "batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, "
      "bool training, float momentum, float eps) -> Tensor",
      batchNorm);
}

}  // namespace
}  // namespace addon
