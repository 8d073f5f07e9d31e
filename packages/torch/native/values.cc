// Conversions between JavaScript values and C++ ones.
#include <cmath>

#include "common.h"

namespace addon {

void throwError(napi_env env, const char* text, bool isTypeError) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) return;
  std::string message(text);
  const size_t trace = message.find("\nException raised from");
  if (trace != std::string::npos) message.resize(trace);
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ')) message.pop_back();
  if (isTypeError) {
    napi_throw_type_error(env, nullptr, message.c_str());
  } else {
    napi_throw_error(env, nullptr, message.c_str());
  }
}

napi_valuetype typeOf(napi_env env, napi_value value) {
  napi_valuetype type;
  check(env, napi_typeof(env, value, &type));
  return type;
}

bool isNullish(napi_env env, napi_value value) {
  const napi_valuetype type = typeOf(env, value);
  return type == napi_undefined || type == napi_null;
}

bool isArray(napi_env env, napi_value value) {
  bool result = false;
  check(env, napi_is_array(env, value, &result));
  return result;
}

static ArgumentError expected(napi_env env, napi_value value, const char* what, const char* type) {
  return ArgumentError(std::string(what) + ": expected " + type + ", found " + describe(env, value));
}

double toDouble(napi_env env, napi_value value, const char* what) {
  double result;
  if (napi_get_value_double(env, value, &result) != napi_ok) throw expected(env, value, what, "a number");
  return result;
}

int64_t toInteger(napi_env env, napi_value value, const char* what) {
  if (typeOf(env, value) == napi_bigint) {
    int64_t result;
    bool lossless = false;
    check(env, napi_get_value_bigint_int64(env, value, &result, &lossless));
    if (!lossless) throw expected(env, value, what, "an integer of 64 bits");
    return result;
  }
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok || number != std::trunc(number) ||
      std::abs(number) > 9007199254740992.0) {
    throw expected(env, value, what, "an integer");
  }
  return static_cast<int64_t>(number);
}

bool toBool(napi_env env, napi_value value, const char* what) {
  bool result;
  if (napi_get_value_bool(env, value, &result) != napi_ok) throw expected(env, value, what, "a boolean");
  return result;
}

std::string toString(napi_env env, napi_value value, const char* what) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) {
    throw expected(env, value, what, "a string");
  }
  std::string result(length, '\0');
  check(env, napi_get_value_string_utf8(env, value, result.data(), length + 1, &length));
  return result;
}

std::vector<napi_value> toVector(napi_env env, napi_value value, const char* what) {
  if (!isArray(env, value)) throw expected(env, value, what, "an array");
  uint32_t length = 0;
  check(env, napi_get_array_length(env, value, &length));
  std::vector<napi_value> result(length);
  for (uint32_t i = 0; i < length; i++) check(env, napi_get_element(env, value, i, &result[i]));
  return result;
}

napi_value fromDouble(napi_env env, double value) {
  napi_value result;
  check(env, napi_create_double(env, value, &result));
  return result;
}

napi_value fromBool(napi_env env, bool value) {
  napi_value result;
  check(env, napi_get_boolean(env, value, &result));
  return result;
}

napi_value fromString(napi_env env, const std::string& value) {
  napi_value result;
  check(env, napi_create_string_utf8(env, value.data(), value.size(), &result));
  return result;
}

napi_value fromIntegers(napi_env env, at::IntArrayRef values) {
  napi_value result;
  check(env, napi_create_array_with_length(env, values.size(), &result));
  for (size_t i = 0; i < values.size(); i++) {
    check(env, napi_set_element(env, result, i, fromDouble(env, static_cast<double>(values[i]))));
  }
  return result;
}

napi_value undefined(napi_env env) {
  napi_value result;
  check(env, napi_get_undefined(env, &result));
  return result;
}

std::string describe(napi_env env, napi_value value) {
  switch (typeOf(env, value)) {
    case napi_undefined: return "undefined";
    case napi_null: return "null";
    case napi_boolean: return toBool(env, value, "") ? "true" : "false";
    case napi_symbol: return "a symbol";
    case napi_function: return "a function";
    case napi_bigint: return "a bigint";
    case napi_external: return "an external value";
    case napi_number: {
      char text[32];
      snprintf(text, sizeof text, "%.17g", toDouble(env, value, ""));
      return std::string("number ") + text;
    }
    case napi_string: {
      std::string text = toString(env, value, "");
      if (text.size() > 40) text = text.substr(0, 40) + "…";
      return "string \"" + text + "\"";
    }
    case napi_object:
      if (const at::Tensor* tensor = asTensor(env, value)) return "a tensor " + describe(*tensor);
      return isArray(env, value) ? "an array" : "an object";
  }
  return "something unknown";
}

}  // namespace addon
