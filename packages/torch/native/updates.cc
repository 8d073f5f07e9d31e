// What a training step does to many parameters in place, each in one pass over memory and all in one call: Adam's step
// (Kingma and Ba, 2015), and a moving average. With separate operators Adam takes seven passes, and a network's small
// parameters take longer to call for than to compute.
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "common.h"
#include "registration.h"
#include "vectorize.h"

namespace addon {
namespace {

using at::Tensor;

struct Step {
  double beta1, beta2;
  float size, correction, eps;
};

/// Moments are computed in float64 and rounded when stored: for β near 1, 1 − β has few digits in float32.

VECTORIZED void adamLoop(float* parameter, const float* gradient, float* mean, float* square, int64_t count,
                         Step step) {
  for (int64_t i = 0; i < count; i++) {
    const double g = gradient[i];
    const float m = static_cast<float>(mean[i] + (1 - step.beta1) * (g - mean[i]));
    const float v = static_cast<float>(step.beta2 * square[i] + (1 - step.beta2) * g * g);
    mean[i] = m;
    square[i] = v;
    parameter[i] -= step.size * m / (__builtin_sqrtf(v) / step.correction + step.eps);
  }
}

/// average ← average + weight · (value − average)
VECTORIZED void lerpLoop(float* average, const float* value, int64_t count, float weight) {
  for (int64_t i = 0; i < count; i++) average[i] += weight * (value[i] - average[i]);
}

/// Whether both have their elements in the same order in memory. Strides of dimensions of extent 1 may differ.
bool sameOrder(const Tensor& a, const Tensor& b) {
  if (a.strides() == b.strides()) return a.is_non_overlapping_and_dense();
  for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    if (a.is_contiguous(format) && b.is_contiguous(format)) return true;
  }
  return false;
}

/// Whether the loops above can process all of them, element by element in memory order.
bool sameLayout(const Tensor& a, const Tensor& b) {
  return b.scalar_type() == at::kFloat && b.device().is_cpu() && b.sizes() == a.sizes() && sameOrder(a, b);
}

void requireLists(at::TensorList first, const char* name, at::TensorList other) {
  if (other.size() != first.size()) {
    throw ArgumentError(std::string(name) + ": expected " + std::to_string(first.size()) + " tensors, found " +
                        std::to_string(other.size()));
  }
  for (size_t i = 0; i < first.size(); i++) {
    if (other[i].sizes() == first[i].sizes()) continue;
    throw ArgumentError(std::string(name) + "[" + std::to_string(i) + "]: expected the shape of " + describe(first[i]) +
                        ", found " + describe(other[i]));
  }
}

/// Calls work(i, first, last) for the elements of the tensors that `indexes` names, in threads that share all elements.
template <class Work>
void forElements(at::TensorList tensors, const std::vector<size_t>& indexes, const Work& work) {
  std::vector<int64_t> ends;
  int64_t total = 0;
  for (const size_t i : indexes) ends.push_back(total += tensors[i].numel());
  at::parallel_for(0, total, 1 << 15, [&](int64_t begin, int64_t end) {
    auto next = std::upper_bound(ends.begin(), ends.end(), begin);
    for (int64_t at = begin; at < end; next++) {
      const size_t i = indexes[next - ends.begin()];
      const int64_t start = *next - tensors[i].numel(), stop = std::min(end, *next);
      work(i, at - start, stop - start);
      at = stop;
    }
  });
}

/// parameter ← parameter − size · mean / (√square / correction + eps), after mean and square were updated with the
/// gradient.
void adamStep(at::TensorList parameters, at::TensorList gradients, at::TensorList means, at::TensorList squares,
              double size, double beta1, double beta2, double correction, double eps) {
  const at::NoGradGuard guard;
  requireLists(parameters, "gradients", gradients);
  requireLists(parameters, "means", means);
  requireLists(parameters, "squares", squares);
  std::vector<size_t> plain;
  std::vector<Tensor> own;  // Gradients in the parameters' layouts.
  for (size_t i = 0; i < parameters.size(); i++) {
    const Tensor &parameter = parameters[i], &mean = means[i], &square = squares[i];
    own.push_back(gradients[i]);
    const bool isFloat = own[i].scalar_type() == at::kFloat && own[i].device().is_cpu();
    if (isFloat && sameLayout(parameter, parameter) && sameLayout(parameter, mean) && sameLayout(parameter, square)) {
      if (!sameLayout(parameter, own[i])) own[i] = at::empty_like(parameter).copy_(own[i]);
      plain.push_back(i);
      continue;
    }
    mean.lerp_(own[i], 1 - beta1);
    square.mul_(beta2).addcmul_(own[i], own[i], 1 - beta2);
    parameter.addcdiv_(mean, square.sqrt().div_(correction).add_(eps), -size);
  }
  const Step step{beta1, beta2, static_cast<float>(size), static_cast<float>(correction), static_cast<float>(eps)};
  forElements(parameters, plain, [&](size_t i, int64_t first, int64_t last) {
    adamLoop(parameters[i].data_ptr<float>() + first, own[i].data_ptr<float>() + first,
             means[i].data_ptr<float>() + first, squares[i].data_ptr<float>() + first, last - first, step);
  });
  for (const size_t i : plain) {
    for (const Tensor& changed : {parameters[i], means[i], squares[i]}) changed.unsafeGetTensorImpl()->bump_version();
  }
}

/// averages ← averages + weight · (values − averages); integers are copied.
void moveAverages(at::TensorList averages, at::TensorList values, double weight) {
  const at::NoGradGuard guard;
  requireLists(averages, "values", values);
  std::vector<size_t> plain;
  for (size_t i = 0; i < averages.size(); i++) {
    if (sameLayout(averages[i], averages[i]) && sameLayout(averages[i], values[i])) plain.push_back(i);
    else if (averages[i].is_floating_point()) averages[i].lerp_(values[i], weight);
    else averages[i].copy_(values[i]);
  }
  forElements(averages, plain, [&](size_t i, int64_t first, int64_t last) {
    lerpLoop(averages[i].data_ptr<float>() + first, values[i].data_ptr<float>() + first, last - first,
             static_cast<float>(weight));
  });
  for (const size_t i : plain) averages[i].unsafeGetTensorImpl()->bump_version();
}

}  // namespace

void defineUpdates(torch::Library& library) {
  library.def(
      "adam_step_(Tensor(a!)[] parameters, Tensor[] gradients, Tensor(b!)[] means, Tensor(c!)[] squares, float size, "
      "float beta1, float beta2, float correction, float eps) -> ()",
      adamStep);
  library.def("move_averages_(Tensor(a!)[] averages, Tensor[] values, float weight) -> ()", moveAverages);
}

}  // namespace addon
