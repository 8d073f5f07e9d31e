// Batch normalization whose scale and shift are what each position attends to (SCBN with words): `cross_attention` and
// `batch_norm` in one operator.
//
// Apart, they write γ_c and β_c, each as large as the image, and read them three times. Here a block of positions has
// them in the cache. The backward pass computes attention, γ_c and β_c again. Registered as
// `node_torch::attended_batch_norm`; what the loops do not support is computed by the two operators.
#include <torch/csrc/autograd/custom_function.h>

#include "batch_norm_pass.h"
#include "common.h"
#include "cross_attention_pass.h"
#include "differentiable.h"
#include "registration.h"

namespace addon {
namespace {

using at::Tensor;
using torch::autograd::variable_list;

/// [B, C, H, W], the [C] values of batch normalization, and what positions attend to.
struct Attended {
  Tensor x;
  Optional weight, bias, runningMean, runningVar;
  Tensor keys, absent, scale, shift;

  Inputs inputs() const { return {x, keys, absent, {scale, shift}}; }

  template <class T>
  Rows<T> rows(const Settings& settings) const {
    return {x, weight.value_or(Tensor()), bias.value_or(Tensor()), {}, {}, settings};
  }

  /// By the two operators.
  Tensor compose(const Settings& settings) const {
    const char* activations[] = {"none", "leaky_relu", "glu"};
    const auto contexts = crossAttention(x, keys, absent, {scale, shift});
    return batchNorm(x, weight, bias, runningMean, runningVar, settings.training, settings.momentum, settings.eps,
                     contexts[1], contexts[2], activations[static_cast<int>(settings.after.activation)],
                     settings.after.slope, {});
  }
};

/// Writes `statistics`, [2, C], and returns z.
template <class T>
Tensor forward(const Attended& all, const Settings& settings, const Tensor& statistics) {
  const Tensor& x = all.x;
  const int64_t C = x.size(1), width = settings.widthAfter(C);
  const Rows<T> rows = all.rows<T>(settings);
  float* own = dataOf<float>(statistics);
  rows.statistics(0, x.size(0), all.runningMean, all.runningVar, own);
  const rows::Normalization n = rows.normalization(own);
  const Tensor z = emptyRows(x, width);
  const auto floats = [&](const cross::Sample& sample) { return cross::kBlock * (sample.used + 3 * C); };
  forPositions<T>(all.inputs(), floats, [&](const cross::Sample& sample, float* room, int64_t first, int64_t positions) {
    kernelsOf<T>().attendedBatchNorm.forward(sample, dataOf<T>(x) + first * C, positions, n, settings.after,
                                             dataOf<T>(z) + first * width, room);
  });
  return z;
}

/// Gradients of x, γ, β, keys, scale and shift.
template <class T>
variable_list backward(const Attended& all, const Settings& settings, const Tensor& statistics, const Tensor& dz) {
  const Tensor& x = all.x;
  const int64_t B = x.size(0), C = x.size(1), places = x.size(2) * x.size(3), width = settings.widthAfter(C);
  const Rows<T> rows = all.rows<T>(settings);
  const rows::Normalization n = rows.normalization(dataOf<float>(statistics));
  const Tensor dx = emptyRows(x);
  const variable_list ofTokens{at::empty_like(all.keys), at::empty_like(all.scale), at::empty_like(all.shift)};
  std::vector<std::vector<double>> sums(B, std::vector<double>(4 * C));
  const auto floats = [&](const cross::Sample& sample) { return cross::kBlock * (2 * sample.used + 6 * C) + 4 * C; };
  forImages<T>(all.inputs(), floats, ofTokens,
               [&](const cross::Sample& sample, float* room, int64_t b, const cross::SampleGradients& gradients) {
                 kernelsOf<T>().attendedBatchNorm.backward(sample, dataOf<T>(x) + b * places * C, places,
                                                           dataOf<T>(dz) + b * places * width, n, settings.after,
                                                           dataOf<T>(dx) + b * places * C, gradients, sums[b].data(),
                                                           room);
               });
  std::vector<double> total(4 * C);
  for (const auto& own : sums) {
    for (int64_t i = 0; i < 4 * C; i++) total[i] += own[i];
  }
  const Tensor dGamma = at::zeros({C}, at::kFloat), dBeta = at::zeros({C}, at::kFloat);
  const auto through = rows.throughStatistics(n, total, 0, B, dataOf<float>(dGamma), dataOf<float>(dBeta));
  if (settings.training) {
    forParts(B * places, [&](int64_t, int64_t first, int64_t last) {
      kernelsOf<T>().attendedBatchNorm.addStatistics(dataOf<T>(x) + first * C, last - first, C, n.mean,
                                                     through.slope.data(), through.offset.data(),
                                                     dataOf<T>(dx) + first * C);
    });
  }
  return {dx,         all.weight ? dGamma : Tensor(), all.bias ? dBeta : Tensor(),
          ofTokens[0], ofTokens[1], ofTokens[2]};
}

struct AttendedBatchNorm : torch::autograd::Function<AttendedBatchNorm> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Optional& weight,
                        const Optional& bias, const Tensor& keys, const Tensor& scale, const Tensor& shift,
                        const Tensor& absent, const Optional& runningMean, const Optional& runningVar,
                        const Settings& settings) {
    at::AutoDispatchBelowADInplaceOrView guard;
    const Attended all{x, weight, bias, runningMean, runningVar, keys, absent, scale, shift};
    const Tensor statistics = at::empty({2, x.size(1)}, at::kFloat);
    const auto pass = x.scalar_type() == at::kBFloat16 ? addon::forward<Bfloat16> : addon::forward<float>;
    const Tensor z = pass(all, settings, statistics);
    context->save_for_backward({x, weight.value_or(Tensor()), bias.value_or(Tensor()), keys, scale, shift, absent, statistics});
    context->saved_data["training"] = settings.training;
    context->saved_data["eps"] = settings.eps;
    context->saved_data["activation"] = static_cast<int64_t>(settings.after.activation);
    context->saved_data["slope"] = settings.after.slope;
    return z;
  }

  static variable_list backward(torch::autograd::AutogradContext* context, const variable_list& outputs) {
    const auto saved = context->get_saved_variables();
    const auto& data = context->saved_data;
    const rows::After after{static_cast<Activation>(data.at("activation").toInt()), data.at("slope").toDouble()};
    const Settings settings{data.at("training").toBool(), 0, data.at("eps").toDouble(), after, {}};
    const Tensor& statistics = saved[7];
    const auto optional = [](const Tensor& tensor) { return tensor.defined() ? Optional(tensor) : Optional(); };
    Attended all{saved[0], optional(saved[1]), optional(saved[2]), {}, {}, saved[3], saved[6], saved[4], saved[5]};
    variable_list gradients;
    if (at::GradMode::is_enabled()) {
      if (!settings.training) {
        all.runningMean = statistics[0];
        all.runningVar = statistics[1].pow(-2).sub(settings.eps);
      }
      gradients = differentiableGradients({saved.begin(), saved.begin() + 6}, outputs, [&](const variable_list& own) {
        const Attended again{own[0], optional(own[1]), optional(own[2]), all.runningMean, all.runningVar,
                             own[3], all.absent,       own[4],           own[5]};
        return variable_list{again.compose(settings)};
      });
    } else {
      const Tensor dz = outputs[0].to(all.x.scalar_type()).contiguous(formatOfRows(all.x));
      const auto pass = all.x.scalar_type() == at::kBFloat16 ? addon::backward<Bfloat16> : addon::backward<float>;
      gradients = pass(all, settings, statistics, dz);
    }
    gradients.resize(10);  // Of `absent`, the running statistics and the settings.
    return gradients;
  }
};

/// input [B, C, H, W], keys, scale and shift [B, T, C], absent [B, T]; the others as for `batch_norm`.
Tensor attendedBatchNorm(const Tensor& input, const Optional& weight, const Optional& bias, const Optional& runningMean,
                         const Optional& runningVar, bool training, double momentum, double eps, const Tensor& keys,
                         const Tensor& absent, const Tensor& scale, const Tensor& shift, c10::string_view activation,
                         double slope) {
  if (input.dim() != 4) throw ArgumentError("input: expected [B, C, H, W], found " + describe(input));
  const int64_t B = input.size(0), C = input.size(1);
  const Settings settings{training, momentum, eps, {toActivation(std::string(activation)), slope}, {B}};
  const Attended all{input, weight, bias, runningMean, runningVar, keys, absent, scale, shift};
  std::vector<Tensor> values{scale, shift};
  const bool fits = haveLoops(input, {weight, bias, runningMean, runningVar}, settings) &&
                    haveLoops(input, keys, absent, values) && C % kernels().lanes == 0 && scale.size(2) == C &&
                    shift.size(2) == C && (training ? input.numel() / C > 1 : runningMean && runningVar);
  if (!fits) return all.compose(settings);
  return AttendedBatchNorm::apply(input, weight, bias, keys.contiguous(), values[0], values[1], absent.contiguous(),
                                  runningMean, runningVar, settings);
}

}  // namespace

void defineAttendedBatchNorm(torch::Library& library) {
  library.def(
      "attended_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, "
      "bool training, float momentum, float eps, Tensor keys, Tensor absent, Tensor scale, Tensor shift, "
      "str activation='none', float slope=0.01) -> Tensor",
      attendedBatchNorm);
}

}  // namespace addon
