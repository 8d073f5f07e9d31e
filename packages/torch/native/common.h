// Shared by every file of the addon: libtorch, Node-API, and the handling of errors between them.
#pragma once

#include <ATen/ATen.h>
#include <node_api.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace c10 {
struct Argument;
struct FunctionSchema;
}

namespace addon {

/// A wrong argument: becomes a JavaScript TypeError. Everything else that is thrown becomes an Error.
struct ArgumentError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A JavaScript exception is already pending; unwinds to the entry point without adding to it.
struct PendingException {};

/// Turns a failed Node-API call into an exception.
[[noreturn]] void fail(napi_env env, napi_status status);

inline void check(napi_env env, napi_status status) {
  if (status != napi_ok) fail(env, status);
}

/// Arguments of one call from JavaScript.
struct Call {
  /// Largest number of stored arguments; `count` is the number of passed ones.
  static constexpr size_t kMost = 32;
  napi_env env;
  napi_value self = nullptr;
  size_t count = kMost;
  napi_value arguments[kMost];
  /// The called function of the addon, or the operator that it calls, for error messages.
  const char* name = "";
  const c10::FunctionSchema* schema = nullptr;
  /// The first argument to show in messages.
  size_t first = 0;

  Call(napi_env env, napi_callback_info info) : env(env) {
    void* data = nullptr;
    check(env, napi_get_cb_info(env, info, &count, arguments, &self, &data));
    name = static_cast<const char*>(data);
  }

  napi_value operator[](size_t i) const {
    if (i >= count || i >= kMost) throw ArgumentError("argument " + std::to_string(i + 1) + " is missing");
    return arguments[i];
  }
};

using Function = napi_value (*)(Call&);

/// Calls `function` and turns every C++ exception into a JavaScript one whose message starts with the call.
napi_value guard(Function function, napi_env env, napi_callback_info info);

template <Function function>
napi_value entry(napi_env env, napi_callback_info info) {
  return guard(function, env, info);
}

template <Function function>
void define(napi_env env, napi_value exports, const char* name) {
  napi_value value;
  check(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, entry<function>, const_cast<char*>(name), &value));
  check(env, napi_set_named_property(env, exports, name, value));
}

// Conversions of JavaScript values. `what` names the argument in messages.
napi_valuetype typeOf(napi_env env, napi_value value);
bool isNullish(napi_env env, napi_value value);
bool isArray(napi_env env, napi_value value);
double toDouble(napi_env env, napi_value value, const char* what);
int64_t toInteger(napi_env env, napi_value value, const char* what);
bool toBool(napi_env env, napi_value value, const char* what);
std::string toString(napi_env env, napi_value value, const char* what);
std::vector<napi_value> toVector(napi_env env, napi_value value, const char* what);
napi_value fromDouble(napi_env env, double value);
napi_value fromBool(napi_env env, bool value);
napi_value fromString(napi_env env, const std::string& value);
napi_value fromIntegers(napi_env env, at::IntArrayRef values);
napi_value undefined(napi_env env);
napi_value null(napi_env env);

// Values in messages (errors.cc). These do not throw and leave no pending JavaScript exception.
/// `number 3`, `string "abc"`, `tensor float32[2, 3]`, `[2, 3]`.
std::string describe(napi_env env, napi_value value);
/// `float32[2, 3]`.
std::string describe(const at::Tensor& tensor);
std::string describe(at::ScalarType type, at::IntArrayRef sizes);
/// "what: expected a number, found …".
ArgumentError expected(napi_env env, napi_value value, const char* what, const char* type);

// Tensors (tensor.cc).
/// The tensor behind a JavaScript `Tensor`; throws if it is another value or was disposed of.
at::Tensor& toTensor(napi_env env, napi_value value, const char* what = "tensor");
/// The tensor behind a value, or null if it is not a tensor or was disposed of.
at::Tensor* asTensor(napi_env env, napi_value value);
/// Whether the value is a tensor that was disposed of.
bool wasDisposed(napi_env env, napi_value value);
/// A new JavaScript `Tensor`; null for an undefined tensor.
napi_value fromTensor(napi_env env, at::Tensor tensor);
std::vector<at::Tensor> toTensors(napi_env env, napi_value value, const char* what);
napi_value fromTensors(napi_env env, const std::vector<at::Tensor>& tensors);

// Names of libtorch's enumerations, as PyTorch spells them (names.cc). They throw for an unknown name.
at::ScalarType toScalarType(const std::string& name);
at::MemoryFormat toMemoryFormat(const std::string& name);
at::Layout toLayout(const std::string& name);
int64_t toReduction(const std::string& name);
const char* nameOf(at::ScalarType type);

// Operators' arguments and results (ivalue.cc).
c10::IValue toIValue(napi_env env, napi_value value, const c10::Argument& argument);
/// The result of an operator. If it is the first argument, the same JavaScript object is returned.
napi_value fromIValue(napi_env env, const c10::IValue& value, napi_value firstArgument);

// Generators (random.cc).
at::Generator& toGenerator(napi_env env, napi_value value, const char* what);

// Memory (memory.cc).
/// Throws if the machine does not have this many bytes.
void requireMemory(long double bytes);

// Each file's functions for JavaScript.
void defineTensor(napi_env env, napi_value exports);
void defineBytes(napi_env env, napi_value exports);
void defineDispatch(napi_env env, napi_value exports);
void defineAutograd(napi_env env, napi_value exports);
void defineRandom(napi_env env, napi_value exports);
void defineRuntime(napi_env env, napi_value exports);
void defineMemory(napi_env env, napi_value exports);
void defineProfiler(napi_env env, napi_value exports);
void defineGpus(napi_env env, napi_value exports);
void defineProcessGroup(napi_env env, napi_value exports);

}  // namespace addon
