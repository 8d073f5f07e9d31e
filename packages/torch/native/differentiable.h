// Gradients of gradients, for operators whose backward pass has loops of its own.
#pragma once

#include <torch/csrc/autograd/custom_function.h>

#include <functional>

namespace addon {

/// Gradients for `inputs` that can be differentiated again; undefined where an input needs none.
/// @param gradients those of the results of `compute`, undefined where a result was not used
/// @param compute the operator by libtorch's operators
torch::autograd::variable_list differentiableGradients(
    const torch::autograd::variable_list& inputs, const torch::autograd::variable_list& gradients,
    const std::function<torch::autograd::variable_list(const torch::autograd::variable_list& inputs)>& compute);

}  // namespace addon
