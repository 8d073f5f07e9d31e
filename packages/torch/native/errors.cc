// Turns errors into JavaScript errors whose messages show the call and its arguments.
#include <ATen/core/function_schema.h>

#include <cmath>
#include <cstdlib>

#include "common.h"

namespace addon {
namespace {

/// Elements of an array that a message shows.
constexpr uint32_t kMostShown = 8;
constexpr size_t kMostArguments = 12;
constexpr size_t kMostOfString = 40;
constexpr size_t kMostOfMessage = 600;

/// Cuts at the start of a UTF-8 character.
std::string shortened(std::string text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) most--;
  return text.substr(0, most) + "…";
}

/// In JavaScript's notation.
std::string describeNumber(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  char text[32];
  if (number == std::trunc(number) && std::abs(number) < 1e15) {
    snprintf(text, sizeof text, "%.0f", number);
    return text;
  }
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, number);
    if (std::strtod(text, nullptr) == number) break;
  }
  return text;
}

/// `[2, 3]`, `[tensor float32[2], …]`.
std::string describeArray(napi_env env, napi_value array) {
  uint32_t length = 0;
  if (napi_get_array_length(env, array, &length) != napi_ok) return "an array";
  std::string text = "[";
  for (uint32_t i = 0; i < length && i < kMostShown; i++) {
    napi_value item;
    // Numbers as in a shape, tensors by their shape. Nested arrays are not shown, because they may be endless.
    if (napi_get_element(env, array, i, &item) != napi_ok) return "an array with an element that cannot be read";
    text += i ? ", " : "";
    double number;
    if (napi_get_value_double(env, item, &number) == napi_ok) text += describeNumber(number);
    else text += isArray(env, item) ? "an array" : describe(env, item);
  }
  if (length > kMostShown) text += ", … " + std::to_string(length) + " in all";
  return text + "]";
}

std::string describeValue(napi_env env, napi_value value) {
  switch (typeOf(env, value)) {
    case napi_undefined: return "undefined";
    case napi_null: return "null";
    case napi_boolean: return toBool(env, value, "") ? "true" : "false";
    case napi_symbol: return "a symbol";
    case napi_function: return "a function";
    case napi_bigint: return "a bigint";
    case napi_external: return "an external value";
    case napi_number: return "number " + describeNumber(toDouble(env, value, ""));
    case napi_string: return "string \"" + shortened(toString(env, value, ""), kMostOfString) + "\"";
    case napi_object:
      if (const at::Tensor* tensor = asTensor(env, value)) return "tensor " + describe(*tensor);
      if (wasDisposed(env, value)) return "a disposed tensor";
      return isArray(env, value) ? describeArray(env, value) : "an object";
  }
  return "something unknown";
}

/// `aten::add.Tensor(self: tensor float32[2, 3], other: number 4)`. Undefined arguments are left out.
std::string describeCall(const Call& call) {
  std::string text = std::string(call.name) + "(";
  size_t shown = 0;
  for (size_t i = call.first; i < call.count && i < Call::kMost; i++) {
    const size_t position = i - call.first;
    const bool named = call.schema && position < call.schema->arguments().size();
    if (named && typeOf(call.env, call.arguments[i]) == napi_undefined) continue;
    if (shown > 0) text += ", ";
    if (shown == kMostArguments) return text + "… " + std::to_string(call.count - call.first) + " in all)";
    if (named) text += call.schema->arguments()[position].name() + ": ";
    text += describe(call.env, call.arguments[i]);
    shown++;
  }
  return text + ")";
}

/// libtorch's message, without its backtrace and its lists of possible values.
std::string shortened(const char* what) {
  std::string text(what);
  for (const char* tail : {"\nException raised from", " This could be because"}) {
    const size_t at = text.find(tail);
    if (at != std::string::npos) text.resize(at);
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return shortened(std::move(text), kMostOfMessage);
}

napi_value throwError(const Call& call, const char* what, bool isTypeError) {
  bool pending = false;
  napi_is_exception_pending(call.env, &pending);
  if (pending) return nullptr;
  const std::string message = describeCall(call) + ": " + shortened(what);
  if (isTypeError) napi_throw_type_error(call.env, nullptr, message.c_str());
  else napi_throw_error(call.env, nullptr, message.c_str());
  return nullptr;
}

}  // namespace

void fail(napi_env env, napi_status status) {
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending || status == napi_pending_exception || status == napi_cannot_run_js) throw PendingException{};
  throw ArgumentError(info && info->error_message ? info->error_message : "Node-API call failed");
}

napi_value guard(Function function, napi_env env, napi_callback_info info) {
  try {
    Call call(env, info);
    try {
      return function(call);
    } catch (const PendingException&) {
      return nullptr;
    } catch (const ArgumentError& error) {
      return throwError(call, error.what(), true);
    } catch (const c10::Error& error) {
      return throwError(call, error.what_without_backtrace(), false);
    } catch (const std::bad_alloc&) {
      return throwError(call, "out of memory", false);
    } catch (const std::exception& error) {
      return throwError(call, error.what(), false);
    } catch (...) {
      return throwError(call, "unknown C++ exception", false);
    }
  } catch (...) {
    // Describing the call failed too: out of memory.
    napi_throw_error(env, nullptr, "libtorch's addon failed");
    return nullptr;
  }
}

std::string describe(napi_env env, napi_value value) {
  std::string text;
  try {
    text = describeValue(env, value);
  } catch (const std::exception&) {
    text = "a value that cannot be described";
  } catch (const PendingException&) {
    text = "a value that cannot be described";
  }
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending) {
    napi_value ignored;
    napi_get_and_clear_last_exception(env, &ignored);
  }
  return text;
}

std::string describe(at::ScalarType type, at::IntArrayRef sizes) {
  std::string text = std::string(nameOf(type)) + "[";
  for (size_t i = 0; i < sizes.size(); i++) text += (i ? ", " : "") + std::to_string(sizes[i]);
  return text + "]";
}

std::string describe(const at::Tensor& tensor) {
  try {
    return describe(tensor.scalar_type(), tensor.sizes());
  } catch (const c10::Error&) {
    // Nested tensors have no single shape.
    return std::string(nameOf(tensor.scalar_type())) + " of no one shape";
  }
}

ArgumentError expected(napi_env env, napi_value value, const char* what, const char* type) {
  const std::string name(what);
  return ArgumentError((name.empty() ? "" : name + ": ") + "expected " + type + ", found " + describe(env, value));
}

}  // namespace addon
