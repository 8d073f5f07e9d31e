// Adam's step (Kingma and Ba, 2015) in one pass over a parameter, its gradient and its two moments. With separate
// operators it takes seven passes and, with a hundred million parameters, a seventh of a training step.
#include <ATen/Parallel.h>

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

/// Whether the loop above can process all of them, element by element in memory order.
bool sameLayout(const Tensor& a, const Tensor& b) {
  return b.scalar_type() == at::kFloat && b.device().is_cpu() && b.sizes() == a.sizes() && b.strides() == a.strides() &&
         b.is_non_overlapping_and_dense();
}

/// parameter ← parameter − size · mean / (√square / correction + eps), after mean and square were updated with the gradient.
void adamStep(const Tensor& parameter, const Tensor& gradient, const Tensor& mean, const Tensor& square, double size,
              double beta1, double beta2, double correction, double eps) {
  const at::NoGradGuard guard;
  if (sameLayout(parameter, parameter) && sameLayout(parameter, gradient) && sameLayout(parameter, mean) &&
      sameLayout(parameter, square)) {
    const Step step{beta1, beta2, static_cast<float>(size), static_cast<float>(correction), static_cast<float>(eps)};
    float *p = parameter.data_ptr<float>(), *m = mean.data_ptr<float>(), *v = square.data_ptr<float>();
    const float* g = gradient.data_ptr<float>();
    at::parallel_for(0, parameter.numel(), 1 << 15, [&](int64_t first, int64_t last) {
      adamLoop(p + first, g + first, m + first, v + first, last - first, step);
    });
    for (const Tensor* changed : {&parameter, &mean, &square}) changed->unsafeGetTensorImpl()->bump_version();
    return;
  }
  mean.lerp_(gradient, 1 - beta1);
  square.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
  parameter.addcdiv_(mean, square.sqrt().div_(correction).add_(eps), -size);
}

}  // namespace

void defineAdam(torch::Library& library) {
  library.def(
      "adam_step_(Tensor(a!) parameter, Tensor gradient, Tensor(b!) mean, Tensor(c!) square, float size, float beta1, "
      "float beta2, float correction, float eps) -> ()",
      adamStep);
}

}  // namespace addon
