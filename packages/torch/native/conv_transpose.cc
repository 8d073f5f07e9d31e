// Transposed convolution, computed as the gradient of a convolution.
//
// libtorch 1.13 has no fast kernel for transposed convolutions on a CPU, but it has one for ∂/∂input of a convolution,
// which is the same sum. Registered as `node_torch::conv_transpose2d`; other dtypes and GPUs use libtorch's operator.
#include <torch/csrc/autograd/custom_function.h>

#include "common.h"
#include "differentiable.h"
#include "registration.h"

namespace addon {
namespace {

using at::Tensor;

/// ∂/∂input and ∂/∂weight of conv2d(input, weight), those that `wanted` selects.
std::pair<Tensor, Tensor> convolutionBackward(const Tensor& dy, const Tensor& input, const Tensor& weight,
                                              int64_t stride, int64_t padding, std::array<bool, 2> wanted) {
  const auto gradients =
      at::convolution_backward(dy, input, weight, c10::nullopt, {stride, stride}, {padding, padding}, {1, 1}, false,
                               {0, 0}, 1, {wanted[0], wanted[1], false});
  return {std::get<0>(gradients), std::get<1>(gradients)};
}

struct ConvTranspose : torch::autograd::Function<ConvTranspose> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& weight,
                        int64_t stride, int64_t padding) {
    at::AutoDispatchBelowADInplaceOrView guard;
    context->save_for_backward({x, weight});
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    const auto grown = [&](int64_t i) { return (x.size(i) - 1) * stride - 2 * padding + weight.size(i); };
    // Only its shape is used: ∂/∂input does not depend on the input.
    const Tensor input = at::empty({x.size(0), weight.size(1), grown(2), grown(3)}, x.options(), x.suggest_memory_format());
    return convolutionBackward(x, input, weight, stride, padding, {true, false}).first;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& outputs) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1];
    const int64_t stride = context->saved_data["stride"].toInt(), padding = context->saved_data["padding"].toInt();
    if (at::GradMode::is_enabled()) {
      auto gradients = differentiableGradients({x, weight}, outputs, [&](const auto& inputs) {
        return torch::autograd::variable_list{at::conv_transpose2d(inputs[0], inputs[1], {}, stride, padding)};
      });
      gradients.resize(4);
      return gradients;
    }
    const Tensor dy = outputs[0].contiguous(x.suggest_memory_format());
    Tensor dx, dWeight;
    if (context->needs_input_grad(0)) dx = at::conv2d(dy, weight, {}, stride, padding);
    if (context->needs_input_grad(1)) dWeight = convolutionBackward(x, dy, weight, stride, padding, {false, true}).second;
    return {dx, dWeight, Tensor(), Tensor()};
  }
};

Tensor convTranspose(const Tensor& x, const Tensor& weight, int64_t stride, int64_t padding) {
  const bool known = x.device().is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
  const bool fits = known && x.dim() == 4 && weight.dim() == 4 && x.numel() > 0 && weight.numel() > 0 &&
                    weight.scalar_type() == x.scalar_type() && weight.device().is_cpu() &&
                    weight.size(0) == x.size(1) && stride >= 1 && padding >= 0 &&
                    (x.size(2) - 1) * stride - 2 * padding + weight.size(2) >= 1 &&
                    (x.size(3) - 1) * stride - 2 * padding + weight.size(3) >= 1;
  if (!fits) return at::conv_transpose2d(x, weight, {}, stride, padding);
  return ConvTranspose::apply(x, weight, stride, padding);
}

}  // namespace

void defineConvTranspose(torch::Library& library) {
  library.def("conv_transpose2d(Tensor input, Tensor weight, int stride=1, int padding=0) -> Tensor", convTranspose);
}

}  // namespace addon
