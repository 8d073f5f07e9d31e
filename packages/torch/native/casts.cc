// Casts of many tensors to one dtype in one call, with one node for their gradients. A network in mixed precision casts
// its parameters in every step, and most of them take longer to call for than to cast.
#include <torch/csrc/autograd/custom_function.h>

#include "common.h"
#include "element_lists.h"
#include "registration.h"
#include "vectorize.h"

namespace addon {
namespace {

using at::Tensor;
using torch::autograd::variable_list;

template <class From, class To>
VECTORIZED void castLoop(const From* from, To* to, int64_t count) {
  for (int64_t i = 0; i < count; i++) store(to[i], load(from[i]));
}

template <class From, class To>
void castElements(at::TensorList from, at::TensorList to, const std::vector<size_t>& indexes) {
  forElements(from, indexes, [&](size_t i, int64_t first, int64_t last) {
    castLoop(static_cast<const From*>(from[i].data_ptr()) + first, static_cast<To*>(to[i].data_ptr()) + first,
             last - first);
  });
}

/// Each tensor in the dtype, in its own layout or that of `like`; undefined for undefined ones.
variable_list castEach(const variable_list& tensors, at::ScalarType dtype, const variable_list* like = nullptr) {
  variable_list results;
  std::vector<size_t> plain;
  const bool narrows = dtype == at::kBFloat16, widens = dtype == at::kFloat;
  for (size_t i = 0; i < tensors.size(); i++) {
    const Tensor& tensor = tensors[i];
    if (!tensor.defined()) {
      results.emplace_back();
      continue;
    }
    const Tensor result = at::empty_like(like ? (*like)[i] : tensor, tensor.options().dtype(dtype));
    const bool hasLoop = tensor.scalar_type() == (narrows ? at::kFloat : at::kBFloat16) && (narrows || widens);
    if (hasLoop && tensor.device().is_cpu() && sameOrder(tensor, result)) plain.push_back(i);
    else result.copy_(tensor);
    results.push_back(result);
  }
  if (narrows) castElements<float, Bfloat16>(tensors, results, plain);
  else castElements<Bfloat16, float>(tensors, results, plain);
  return results;
}

struct Casts : torch::autograd::Function<Casts> {
  static variable_list forward(torch::autograd::AutogradContext* context, at::TensorList tensors, at::ScalarType dtype) {
    at::AutoDispatchBelowADInplaceOrView guard;
    variable_list layouts;  // Their values may change before the backward pass.
    for (const Tensor& tensor : tensors) layouts.push_back(tensor.variable_data());
    context->save_for_backward(layouts);
    context->set_materialize_grads(false);
    return castEach(layouts, dtype);
  }

  static variable_list backward(torch::autograd::AutogradContext* context, const variable_list& gradients) {
    const auto tensors = context->get_saved_variables();
    variable_list results;
    if (at::GradMode::is_enabled()) {
      for (size_t i = 0; i < tensors.size(); i++) {
        results.push_back(gradients[i].defined() ? gradients[i].to(tensors[i].scalar_type()) : Tensor());
      }
    } else {
      results = castEach(gradients, tensors[0].scalar_type(), &tensors);
    }
    results.emplace_back();  // Of the dtype.
    return results;
  }
};

/// All of one dtype. Results have the tensors' layouts.
variable_list castAll(at::TensorList tensors, at::ScalarType dtype) {
  if (tensors.empty()) return {};
  for (const Tensor& tensor : tensors) {
    if (tensor.scalar_type() == tensors[0].scalar_type()) continue;
    throw ArgumentError("tensors: expected one dtype, found " + describe(tensors[0]) + " and " + describe(tensor));
  }
  return Casts::apply(tensors, dtype);
}

}  // namespace

void defineCasts(torch::Library& library) {
  library.def("cast_all(Tensor[] tensors, ScalarType dtype) -> Tensor[]", castAll);
}

}  // namespace addon
