// Gradients, and the modes in which none are recorded.
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#ifdef _OPENMP
#include <omp.h>
#endif

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

/// A loss, its inputs, and what came of them.
struct Loss {
  at::Tensor value;
  std::vector<at::Tensor> inputs;
  std::vector<at::Tensor> gradients;
  std::exception_ptr failure;

  void differentiate() noexcept {
    try {
      gradients = torch::autograd::grad({value}, inputs);
    } catch (...) {
      failure = std::current_exception();
    }
  }
};

/// Losses that several threads differentiate, from the first to the last.
class Losses {
 public:
  void add(Loss loss) {
    const std::lock_guard<std::mutex> lock(mutex_);
    losses_.push_back(std::move(loss));
    changed_.notify_one();
  }

  /// No more losses come.
  void close() {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  /// Leaves out the losses that no thread has taken.
  void abandon() {
    const std::lock_guard<std::mutex> lock(mutex_);
    taken_ = losses_.size();
  }

  /// Differentiates losses until there are none and no more come.
  void differentiate() {
    while (Loss* next = take()) next->differentiate();
  }

  /// Once all threads have finished.
  const std::deque<Loss>& all() const { return losses_; }

 private:
  Loss* take() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || taken_ < losses_.size(); });
    return taken_ < losses_.size() ? &losses_[taken_++] : nullptr;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Loss> losses_;  // Its elements stay where they are when others are added.
  size_t taken_ = 0;
  bool closed_ = false;
};

/// Calls a function that returns { loss, inputs }.
Loss makeLoss(napi_env env, napi_value function) {
  napi_value result, loss, inputs;
  check(env, napi_call_function(env, undefined(env), function, 0, nullptr, &result));
  check(env, napi_get_named_property(env, result, "loss", &loss));
  check(env, napi_get_named_property(env, result, "inputs", &inputs));
  return {toTensor(env, loss, "loss"), toTensors(env, inputs, "inputs"), {}, nullptr};
}

/// Whether another thread could help this one.
bool hasOtherThreads() {
#ifdef _OPENMP
  return at::get_num_threads() > 1 && !at::in_parallel_region();
#else
  return false;
#endif
}

/// Makes the losses in this thread. Other threads differentiate those that are made meanwhile, each with all operators in
/// that thread alone.
void differentiateSideBySide(Losses& losses, napi_env env, const std::vector<napi_value>& functions) {
  std::exception_ptr failure;
// All threads, of which some may have nothing to do: libgomp ends those that a smaller team leaves out, and starts new
// ones for the next team (https://github.com/pytorch/pytorch/issues/32008).
#pragma omp parallel
  {
#ifdef _OPENMP
    at::get_num_threads();   // A thread's first call sets its number of threads to the process's.
    omp_set_num_threads(1);  // In this block. For oneDNN, too, which prepares kernels for a number of threads.
#endif
#pragma omp master
    {
      try {
        for (napi_value function : functions) losses.add(makeLoss(env, function));
      } catch (...) {
        failure = std::current_exception();
        losses.abandon();
      }
      losses.close();
    }
    losses.differentiate();
  }
  if (failure) std::rethrow_exception(failure);
}

/// gradEach(functions): for each function, which returns { loss, inputs }, the gradients of its loss for its inputs.
napi_value gradEach(Call& call) {
  const auto functions = toVector(call.env, call[0], "losses");
  napi_value result;
  check(call.env, napi_create_array_with_length(call.env, functions.size(), &result));
  uint32_t i = 0;
  const auto append = [&](const Loss& loss) {
    if (loss.failure) std::rethrow_exception(loss.failure);
    check(call.env, napi_set_element(call.env, result, i++, fromTensors(call.env, loss.gradients)));
  };
  if (functions.size() > 1 && hasOtherThreads()) {
    Losses losses;
    differentiateSideBySide(losses, call.env, functions);
    for (const Loss& loss : losses.all()) append(loss);
  } else {
    for (napi_value function : functions) {
      Loss loss = makeLoss(call.env, function);
      loss.differentiate();
      append(loss);
    }
  }
  return result;
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
  define<gradEach>(env, exports, "gradEach");
  define<backward>(env, exports, "backward");
  define<withoutGrad>(env, exports, "withoutGrad");
  define<withGrad>(env, exports, "withGrad");
  define<inferenceMode>(env, exports, "inferenceMode");
  define<isGradEnabled>(env, exports, "isGradEnabled");
}

}  // namespace addon
