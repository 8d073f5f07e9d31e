// Batch normalization (Ioffe and Szegedy, 2015) and the usual operators after it, in one pass.
//
// With libtorch's kernel, batch normalization takes most of a bfloat16 training step: its backward pass processes the
// tensor channel by channel, and every operator after it reads and writes the tensor again. This kernel reads row by
// row, all channels of a position at once, twice forward and twice backward, and keeps its sums in float32 for every
// dtype. It is registered with the dispatcher as `node_torch::batch_norm`: the arguments of `aten::batch_norm`, then
//
//   scale, shift   added to γ and β: conditional batch normalization (De Vries et al., 2017); [B, C, 1, 1] or [B, C, H, W]
//   activation     "none", "leaky_relu" with `slope`, or "glu" over channels
//   batches        sizes of consecutive batches in the input, each with its own statistics (ghost batches: Hoffer et al.,
//                  2017)
//
// Inputs that the loops do not support (float64, other layouts, a GPU) are computed with libtorch's operators.
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "batch_norm_pass.h"
#include "common.h"
#include "differentiable.h"
#include "registration.h"

namespace addon {
namespace {

using at::Tensor;
using torch::autograd::variable_list;

/// The same with libtorch's operators: for inputs that the loops do not support, and for gradients of gradients.
Tensor compose(const Tensor& x, const Optional& weight, const Optional& bias, const Optional& runningMean,
               const Optional& runningVar, const Optional& scale, const Optional& shift, const Settings& settings) {
  const auto& [training, momentum, eps, after, batches] = settings;
  std::vector<Tensor> parts;
  int64_t first = 0;
  for (const int64_t size : batches) {
    const auto part = [&](const Tensor& tensor) { return batches.size() == 1 ? tensor : tensor.narrow(0, first, size); };
    Tensor y = at::batch_norm(part(x), weight, bias, runningMean, runningVar, training, momentum, eps, true);
    if (scale) {
      const Optional none;
      const Tensor normalized =
          at::batch_norm(part(x), none, none, training ? none : runningMean, training ? none : runningVar, training, momentum, eps, true);
      y = y.add(normalized.mul(part(*scale))).add(part(*shift));
    }
    parts.push_back(y);
    first += size;
  }
  const Tensor y = parts.size() == 1 ? parts[0] : at::cat(parts);
  switch (after.activation) {
    case Activation::kNone: return y;
    case Activation::kLeakyRelu: return at::leaky_relu(y, after.slope);
    case Activation::kGlu: return at::glu(y, 1);
  }
  return y;
}

/// Fills `statistics`, [batches, 2, C], and returns z.
template <class T>
Tensor forward(const Tensor& x, const Tensor& weight, const Tensor& bias, const Optional& runningMean,
               const Optional& runningVar, const Tensor& scale, const Tensor& shift, const Settings& settings,
               const Tensor& statistics) {
  const Rows<T> rows(x, weight, bias, scale, shift, settings);
  const int64_t C = x.size(1);
  Tensor z = emptyRows(x, settings.widthAfter(C));
  float* own = statistics.data_ptr<float>();
  int64_t first = 0;
  for (const int64_t size : settings.batches) {
    rows.statistics(first, first + size, runningMean, runningVar, own);
    rows.forward(own, first, first + size, dataOf<T>(z));
    own += 2 * C;
    first += size;
  }
  return z;
}

/// Gradients of x, γ, β, scale and shift.
template <class T>
variable_list backward(const Tensor& dz, const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& scale,
                       const Tensor& shift, const Settings& settings, const Tensor& statistics) {
  const Rows<T> rows(x, weight, bias, scale, shift, settings);
  const int64_t C = x.size(1);
  const Tensor dx = emptyRows(x), dGamma = at::zeros({C}, at::kFloat), dBeta = at::zeros({C}, at::kFloat);
  Tensor dScale, dShift;
  if (scale.defined()) {
    dScale = emptyRows(scale);
    dShift = emptyRows(shift);
  }
  const float* own = statistics.data_ptr<float>();
  int64_t first = 0;
  for (const int64_t size : settings.batches) {
    rows.backward(own, first, first + size, dataOf<T>(dz), dataOf<T>(dx), dataOf<T>(dScale), dataOf<T>(dShift),
                  dGamma.data_ptr<float>(), dBeta.data_ptr<float>());
    own += 2 * C;
    first += size;
  }
  return {dx, weight.defined() ? dGamma : Tensor(), bias.defined() ? dBeta : Tensor(), dScale, dShift};
}

struct BatchNorm : torch::autograd::Function<BatchNorm> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Optional& weight,
                        const Optional& bias, const Optional& runningMean, const Optional& runningVar,
                        const Optional& scale, const Optional& shift, const Settings& settings) {
    at::AutoDispatchBelowADInplaceOrView guard;
    const Tensor gamma = weight.value_or(Tensor()), beta = bias.value_or(Tensor());
    const Tensor plus = scale.value_or(Tensor()), offset = shift.value_or(Tensor());
    Tensor statistics = at::empty({static_cast<int64_t>(settings.batches.size()), 2, x.size(1)}, at::kFloat);
    const auto pass = x.scalar_type() == at::kBFloat16 ? addon::forward<Bfloat16> : addon::forward<float>;
    const Tensor z = pass(x, gamma, beta, runningMean, runningVar, plus, offset, settings, statistics);
    context->save_for_backward({x, gamma, beta, plus, offset, statistics});
    context->saved_data["training"] = settings.training;
    context->saved_data["eps"] = settings.eps;
    context->saved_data["activation"] = static_cast<int64_t>(settings.after.activation);
    context->saved_data["slope"] = settings.after.slope;
    context->saved_data["batches"] = settings.batches;
    return z;
  }

  static variable_list backward(torch::autograd::AutogradContext* context, const variable_list& outputs) {
    const auto saved = context->get_saved_variables();
    const auto& data = context->saved_data;
    const Tensor &x = saved[0], &weight = saved[1], &bias = saved[2], &scale = saved[3], &shift = saved[4];
    const rows::After after{static_cast<Activation>(data.at("activation").toInt()),
                            data.at("slope").toDouble()};
    const Settings settings{data.at("training").toBool(), 0, data.at("eps").toDouble(), after,
                            data.at("batches").toIntVector()};
    variable_list gradients;
    if (at::GradMode::is_enabled()) {
      gradients = differentiable(outputs, saved, settings);
    } else {
      const Tensor dz = outputs[0].to(x.scalar_type()).contiguous(formatOfRows(x));
      const auto pass = x.scalar_type() == at::kBFloat16 ? addon::backward<Bfloat16> : addon::backward<float>;
      gradients = pass(dz, x, weight, bias, scale, shift, settings, saved[5]);
    }
    // The running statistics are not differentiated, nor are the settings.
    return {gradients[0], gradients[1], gradients[2], Tensor(), Tensor(), gradients[3], gradients[4], Tensor()};
  }

  /// Differentiable gradients, with libtorch's operators.
  static variable_list differentiable(const variable_list& dz, const variable_list& saved, const Settings& settings) {
    const auto optional = [](const Tensor& tensor) { return tensor.defined() ? Optional(tensor) : Optional(); };
    Optional mean, variance;
    if (!settings.training) {
      mean = saved[5].select(0, 0).select(0, 0);
      variance = saved[5].select(0, 0).select(0, 1).pow(-2).sub(settings.eps);
    }
    return differentiableGradients({saved.begin(), saved.begin() + 5}, dz, [&](const variable_list& own) {
      const auto spread = [&](const Tensor& tensor) {
        return tensor.defined() && tensor.dim() < own[0].dim() ? Optional(tensor.view({tensor.size(0), -1, 1, 1}))
                                                               : optional(tensor);
      };
      return variable_list{compose(own[0], optional(own[1]), optional(own[2]), mean, variance, spread(own[3]),
                                   spread(own[4]), settings)};
    });
  }
};

bool isPlainFloat(const Tensor& tensor, int64_t C) {
  return tensor.scalar_type() == at::kFloat && tensor.device().is_cpu() && tensor.is_contiguous() &&
         tensor.dim() == 1 && tensor.size(0) == C;
}

/// scale or shift for the loops, [B, C] or with the shape and layout of `x`; empty if it does not fit.
Optional asRows(const Tensor& modulation, const Tensor& x) {
  if (!modulation.device().is_cpu()) return {};
  const Tensor same = modulation.to(x.scalar_type());
  if (same.sizes() == x.sizes()) return same.contiguous(formatOfRows(x));
  if (x.dim() == 4 && same.sizes() == at::IntArrayRef({x.size(0), x.size(1), 1, 1})) {
    return same.reshape({x.size(0), x.size(1)}).contiguous();
  }
  return {};
}

}  // namespace

Activation toActivation(const std::string& name) {
  if (name == "none") return Activation::kNone;
  if (name == "leaky_relu") return Activation::kLeakyRelu;
  if (name == "glu") return Activation::kGlu;
  throw ArgumentError("activation: expected \"none\", \"leaky_relu\" or \"glu\", found \"" + name + "\"");
}

bool haveLoops(const Tensor& x, std::initializer_list<Optional> perChannel, const Settings& settings) {
  if (!x.device().is_cpu() || x.numel() == 0) return false;
  if (x.scalar_type() != at::kBFloat16 && x.scalar_type() != at::kFloat) return false;
  const bool hasRows = x.dim() == 2 ? x.is_contiguous()
                                    : x.dim() == 4 && x.is_contiguous(formatOfRows(x)) && !x.is_contiguous();
  if (!hasRows || (settings.after.activation == Activation::kGlu && x.size(1) % 2 == 1)) return false;
  for (const Optional& values : perChannel) {
    if (values && values->defined() && !isPlainFloat(*values, x.size(1))) return false;
  }
  return true;
}

void requireBatches(const Tensor& x, const std::vector<int64_t>& batches) {
  int64_t samples = 0;
  for (const int64_t size : batches) {
    if (size < 1 || size > x.size(0)) throw ArgumentError("batches: expected sizes of 1 to " + std::to_string(x.size(0)));
    samples += size;
  }
  if (samples != x.size(0)) {
    throw ArgumentError("batches: they have " + std::to_string(samples) + " samples together, the input " +
                        std::to_string(x.size(0)));
  }
}

Tensor batchNorm(const Tensor& x, const Optional& weight, const Optional& bias, const Optional& runningMean,
                 const Optional& runningVar, bool training, double momentum, double eps, const Optional& scale,
                 const Optional& shift, c10::string_view activation, double slope, at::IntArrayRef batches) {
  if (x.dim() < 2) throw ArgumentError("input: expected [B, C, …], found " + describe(x));
  if (scale.has_value() != shift.has_value()) throw ArgumentError("scale and shift: expected both or neither");
  Settings settings{training, momentum, eps, {toActivation(std::string(activation)), slope},
                    batches.vec()};
  // Running statistics are the same for every batch.
  if (settings.batches.empty() || !training) settings.batches = {x.size(0)};
  if (training && batches.size() > 0) requireBatches(x, settings.batches);
  const int64_t C = x.size(1);
  const auto smallest = *std::min_element(settings.batches.begin(), settings.batches.end());
  bool fits = haveLoops(x, {weight, bias, runningMean, runningVar}, settings);
  fits = fits && (training ? x.numel() / x.size(0) / C * smallest > 1 : runningMean && runningVar);
  Optional plus, offset;
  if (fits && scale) {
    plus = asRows(*scale, x);
    offset = asRows(*shift, x);
    fits = plus && offset && plus->sizes() == offset->sizes();
  }
  if (!fits) return compose(x, weight, bias, runningMean, runningVar, scale, shift, settings);
  return BatchNorm::apply(x, weight, bias, runningMean, runningVar, plus, offset, settings);
}

void defineBatchNorm(torch::Library& library) {
  library.def(
      "batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, "
      "bool training, float momentum, float eps, Tensor? scale=None, Tensor? shift=None, str activation='none', "
      "float slope=0.01, int[] batches=[]) -> Tensor",
      batchNorm);
}

}  // namespace addon
