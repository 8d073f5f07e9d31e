// Conversions between JavaScript values and C++ ones.
#include <cmath>

#include "common.h"

namespace addon {

/// The longest accepted list: a sparse array with a length of 2³² − 1 would fill the memory.
static constexpr uint32_t kLongestList = 1 << 20;

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
  if (length > kLongestList) {
    throw ArgumentError(std::string(what) + ": a list of " + std::to_string(length) + " elements is too long");
  }
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

napi_value null(napi_env env) {
  napi_value result;
  check(env, napi_get_null(env, &result));
  return result;
}

napi_value undefined(napi_env env) {
  napi_value result;
  check(env, napi_get_undefined(env, &result));
  return result;
}

}  // namespace addon
