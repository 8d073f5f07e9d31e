#include "differentiable.h"

#include <torch/csrc/autograd/autograd.h>

namespace addon {

using at::Tensor;
using torch::autograd::variable_list;

variable_list differentiableGradients(const variable_list& inputs, const variable_list& gradients,
                                      const std::function<variable_list(const variable_list&)>& compute) {
  // An input may be computed from another one, or be the same. As aliases, each gets the gradient of its own use only.
  variable_list own, wanted, results, known;
  for (const Tensor& input : inputs) {
    const bool isWanted = input.defined() && input.requires_grad();
    own.push_back(isWanted ? input.view_as(input) : input);
    if (isWanted) wanted.push_back(own.back());
  }
  const variable_list all = compute(own);
  for (size_t i = 0; i < gradients.size(); i++) {
    if (!gradients[i].defined()) continue;
    results.push_back(all[i]);
    known.push_back(gradients[i]);
  }
  const variable_list found = torch::autograd::grad(results, wanted, known, true, true, true);
  size_t next = 0;
  for (Tensor& input : own) input = input.defined() && input.requires_grad() ? found[next++] : Tensor();
  return own;
}

}  // namespace addon
