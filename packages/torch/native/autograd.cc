// Gradients, and the modes in which none are recorded.
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "common.h"

namespace addon {
namespace {

/// null becomes an undefined tensor, which libtorch treats as ones.
std::vector<at::Tensor> toOptionalTensors(napi_env env, napi_value value, const char* what) {
  std::vector<at::Tensor> result;
  if (isNullish(env, value)) return result;
  for (napi_value element : toVector(env, value, what)) {
    result.push_back(isNullish(env, element) ? at::Tensor() : toTensor(env, element, what));
  }
  return result;
}

bool flag(Call& call, size_t i, const char* what) {
  return i < call.count && !isNullish(call.env, call[i]) && toBool(call.env, call[i], what);
}

/// grad(outputs, inputs, gradOutputs, retainGraph, createGraph, allowUnused): one gradient (or null) per input.
napi_value grad(Call& call) {
  const auto outputs = toTensors(call.env, call[0], "outputs");
  const auto inputs = toTensors(call.env, call[1], "inputs");
  const auto gradOutputs = toOptionalTensors(call.env, call[2], "gradOutputs");
  const bool retain = flag(call, 3, "retainGraph");
  const bool create = flag(call, 4, "createGraph");
  const bool allowUnused = flag(call, 5, "allowUnused");
  return fromTensors(call.env,
                     torch::autograd::grad(outputs, inputs, gradOutputs, retain || create, create, allowUnused));
}

/// backward(outputs, gradOutputs, retainGraph, createGraph): adds to the `grad` of every leaf.
napi_value backward(Call& call) {
  const auto outputs = toTensors(call.env, call[0], "outputs");
  const auto gradOutputs = toOptionalTensors(call.env, call[1], "gradOutputs");
  const bool retain = flag(call, 2, "retainGraph");
  const bool create = flag(call, 3, "createGraph");
  torch::autograd::backward(outputs, gradOutputs, retain || create, create);
  return undefined(call.env);
}

napi_value callBack(Call& call) {
  if (typeOf(call.env, call[0]) != napi_function) throw expected(call.env, call[0], "", "a function");
  napi_value self = undefined(call.env);
  napi_value result;
  check(call.env, napi_call_function(call.env, self, call[0], 0, nullptr, &result));
  return result;
}

napi_value withoutGrad(Call& call) {
  const c10::AutoGradMode guard(false);
  return callBack(call);
}

napi_value withGrad(Call& call) {
  const c10::AutoGradMode guard(true);
  return callBack(call);
}

napi_value inferenceMode(Call& call) {
  const c10::InferenceMode guard(true);
  return callBack(call);
}

napi_value isGradEnabled(Call& call) { return fromBool(call.env, c10::GradMode::is_enabled()); }

}  // namespace

void defineAutograd(napi_env env, napi_value exports) {
  define<grad>(env, exports, "grad");
  define<backward>(env, exports, "backward");
  define<withoutGrad>(env, exports, "withoutGrad");
  define<withGrad>(env, exports, "withGrad");
  define<inferenceMode>(env, exports, "inferenceMode");
  define<isGradEnabled>(env, exports, "isGradEnabled");
}

}  // namespace addon
