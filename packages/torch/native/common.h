// What every file of the addon shares: libtorch, Node-API, and the way errors travel between them.
#pragma once

#include <ATen/ATen.h>
#include <node_api.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace addon {

/// A wrong argument: becomes a JavaScript TypeError. Everything else that is thrown becomes an Error.
struct ArgumentError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A JavaScript exception is already pending; unwinds to the entry point without adding to it.
struct PendingException {};

inline void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  if (status == napi_pending_exception) throw PendingException{};
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  throw ArgumentError(info && info->error_message ? info->error_message : "Node-API call failed");
}

/// Arguments of one call from JavaScript.
struct Call {
  static constexpr size_t kMost = 32;
  napi_env env;
  napi_value self = nullptr;
  size_t count = kMost;
  napi_value arguments[kMost];

  Call(napi_env env, napi_callback_info info) : env(env) {
    check(env, napi_get_cb_info(env, info, &count, arguments, &self, nullptr));
    if (count > kMost) throw ArgumentError("too many arguments: at most 31 are taken");
  }

  napi_value operator[](size_t i) const {
    if (i >= count) throw ArgumentError("argument " + std::to_string(i + 1) + " is missing");
    return arguments[i];
  }
};

/// Throws `text` as a JavaScript error; libtorch's own trailing backtrace is cut off.
void throwError(napi_env env, const char* text, bool isTypeError);

using Function = napi_value (*)(Call&);

/// The entry point around every function of the addon: no C++ exception ever leaves it.
template <Function function>
napi_value entry(napi_env env, napi_callback_info info) {
  try {
    Call call(env, info);
    return function(call);
  } catch (const PendingException&) {
  } catch (const ArgumentError& error) {
    throwError(env, error.what(), true);
  } catch (const c10::Error& error) {
    throwError(env, error.what_without_backtrace(), false);
  } catch (const std::exception& error) {
    throwError(env, error.what(), false);
  } catch (...) {
    throwError(env, "unknown C++ exception", false);
  }
  return nullptr;
}

template <Function function>
void define(napi_env env, napi_value exports, const char* name) {
  napi_value value;
  check(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, entry<function>, nullptr, &value));
  check(env, napi_set_named_property(env, exports, name, value));
}

// JavaScript values and C++ ones.
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
/// What a value is, in an error message: `number 3`, `string "abc"`, `object`.
std::string describe(napi_env env, napi_value value);

// Tensors (tensor.cc).
/// The tensor behind a JavaScript `Tensor`; throws when it is something else or was disposed of.
at::Tensor& toTensor(napi_env env, napi_value value, const char* what);
/// The tensor behind a value, or null when it is no tensor or was disposed of.
at::Tensor* asTensor(napi_env env, napi_value value);
/// A new JavaScript `Tensor`; null for an undefined tensor.
napi_value fromTensor(napi_env env, at::Tensor tensor);
std::vector<at::Tensor> toTensors(napi_env env, napi_value value, const char* what);
napi_value fromTensors(napi_env env, const std::vector<at::Tensor>& tensors);
/// `float32[2, 3]`.
std::string describe(const at::Tensor& tensor);

// Names of libtorch's enumerations, as PyTorch spells them (names.cc).
at::ScalarType toScalarType(const std::string& name);
const char* nameOf(at::ScalarType type);
/// The number behind "float32", "channels_last", "strided", "mean", …; throws for an unknown name.
int64_t enumValue(const std::string& name);

// Generators (random.cc).
at::Generator& toGenerator(napi_env env, napi_value value, const char* what);

// What each file gives to JavaScript.
void defineTensor(napi_env env, napi_value exports);
void defineDispatch(napi_env env, napi_value exports);
void defineAutograd(napi_env env, napi_value exports);
void defineRandom(napi_env env, napi_value exports);
void defineRuntime(napi_env env, napi_value exports);

}  // namespace addon
