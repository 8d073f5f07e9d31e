// Converts arguments of operators by their schemas, and converts results.
#include <ATen/core/function_schema.h>

#include <cmath>

#include "common.h"
#include "soundness.h"

namespace addon {
namespace {

using c10::TypePtr;

c10::IValue convert(napi_env env, napi_value value, const c10::Argument& argument, const TypePtr& type);

/// Beyond it, doubles cannot represent every integer.
constexpr double kMostExact = 9007199254740992.0;

at::Scalar toScalar(napi_env env, napi_value value, const char* what) {
  switch (typeOf(env, value)) {
    case napi_boolean: return at::Scalar(toBool(env, value, what));
    case napi_bigint: return at::Scalar(toInteger(env, value, what));
    case napi_number: {
      const double number = toDouble(env, value, what);
      // JavaScript has one number type. Integral values become integers here, so that integer tensors stay integers.
      const bool whole = std::abs(number) <= kMostExact && number == std::trunc(number);
      return whole ? at::Scalar(static_cast<int64_t>(number)) : at::Scalar(number);
    }
    default: throw expected(env, value, what, "a number");
  }
}

bool endsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Integers, and enumerations that schemas declare as integers: dtypes, layouts, memory formats and reductions.
int64_t toIntegerOrName(napi_env env, napi_value value, const c10::Argument& argument) {
  const std::string& name = argument.name();
  const char* what = name.c_str();
  const bool isName = typeOf(env, value) == napi_string;
  if (endsWith(name, "dtype")) {
    if (!isName) throw expected(env, value, what, "a dtype such as \"float32\"");
    return static_cast<int64_t>(toScalarType(toString(env, value, what)));
  }
  if (endsWith(name, "memory_format")) {
    if (!isName) throw expected(env, value, what, "a memory format such as \"channels_last\"");
    return static_cast<int64_t>(toMemoryFormat(toString(env, value, what)));
  }
  if (name == "layout") {
    if (!isName) throw expected(env, value, what, "a layout such as \"strided\"");
    return static_cast<int64_t>(toLayout(toString(env, value, what)));
  }
  if (name == "reduction" && isName) return toReduction(toString(env, value, what));
  return toInteger(env, value, what);
}

/// An array, or one value for `argument.N()` equal ones, as in Python.
std::vector<napi_value> toList(napi_env env, napi_value value, const c10::Argument& argument) {
  const char* what = argument.name().c_str();
  if (isArray(env, value)) return toVector(env, value, what);
  const auto repeat = argument.N();
  const napi_valuetype type = typeOf(env, value);
  if (repeat && *repeat > 0 && (type == napi_number || type == napi_boolean)) {
    return std::vector<napi_value>(static_cast<size_t>(*repeat), value);
  }
  throw expected(env, value, what, "an array");
}

c10::IValue toListValue(napi_env env, napi_value value, const c10::Argument& argument, const TypePtr& element) {
  const char* what = argument.name().c_str();
  const std::vector<napi_value> items = toList(env, value, argument);
  switch (element->kind()) {
    case c10::TypeKind::IntType: {
      std::vector<int64_t> list;
      for (napi_value item : items) list.push_back(toIntegerOrName(env, item, argument));
      return c10::IValue(list);
    }
    case c10::TypeKind::FloatType: {
      std::vector<double> list;
      for (napi_value item : items) list.push_back(toDouble(env, item, what));
      return c10::IValue(list);
    }
    case c10::TypeKind::BoolType: {
      c10::List<bool> list;
      for (napi_value item : items) list.push_back(toBool(env, item, what));
      return c10::IValue(list);
    }
    case c10::TypeKind::TensorType: {
      std::vector<at::Tensor> list;
      for (napi_value item : items) list.push_back(toTensor(env, item, what));
      return c10::IValue(list);
    }
    default: {
      c10::impl::GenericList list(element);
      for (napi_value item : items) list.push_back(convert(env, item, argument, element));
      return c10::IValue(list);
    }
  }
}

c10::IValue convert(napi_env env, napi_value value, const c10::Argument& argument, const TypePtr& type) {
  const char* what = argument.name().c_str();
  switch (type->kind()) {
    case c10::TypeKind::TensorType: return c10::IValue(toTensor(env, value, what));
    case c10::TypeKind::OptionalType:
      if (isNullish(env, value)) return c10::IValue();
      return convert(env, value, argument, type->castRaw<c10::OptionalType>()->getElementType());
    case c10::TypeKind::ListType:
      return toListValue(env, value, argument, type->castRaw<c10::ListType>()->getElementType());
    case c10::TypeKind::IntType: return c10::IValue(toIntegerOrName(env, value, argument));
    case c10::TypeKind::FloatType: return c10::IValue(toDouble(env, value, what));
    case c10::TypeKind::BoolType: return c10::IValue(toBool(env, value, what));
    case c10::TypeKind::NumberType: return c10::IValue(toScalar(env, value, what));
    case c10::TypeKind::StringType: return c10::IValue(toString(env, value, what));
    case c10::TypeKind::DeviceObjType: return c10::IValue(c10::Device(toString(env, value, what)));
    case c10::TypeKind::GeneratorType: return c10::IValue(toGenerator(env, value, what));
    default:
      throw ArgumentError(std::string(what) + ": arguments of type " + type->str() + " cannot be given from JavaScript");
  }
}

}  // namespace

c10::IValue toIValue(napi_env env, napi_value value, const c10::Argument& argument) {
  return convert(env, value, argument, argument.type());
}

napi_value fromIValue(napi_env env, const c10::IValue& value, napi_value firstArgument) {
  if (value.isTensor()) {
    const at::Tensor& tensor = value.toTensor();
    const at::Tensor* first = asTensor(env, firstArgument);
    if (first && first->is_same(tensor)) return firstArgument;
    if (tensor.defined() && !countsItsElements(tensor)) {
      throw std::runtime_error("the result " + describe(tensor) + " has more elements than 64 bits can count");
    }
    return fromTensor(env, tensor);
  }
  if (value.isBool()) return fromBool(env, value.toBool());
  if (value.isInt()) return fromDouble(env, static_cast<double>(value.toInt()));
  if (value.isDouble()) return fromDouble(env, value.toDouble());
  if (value.isString()) return fromString(env, value.toStringRef());
  if (value.isScalar()) return fromDouble(env, value.toScalar().toDouble());
  if (!value.isList() && !value.isTuple()) return null(env);
  const at::ArrayRef<c10::IValue> elements =
      value.isTuple() ? at::ArrayRef<c10::IValue>(value.toTupleRef().elements()) : value.toListRef();
  napi_value array;
  check(env, napi_create_array_with_length(env, elements.size(), &array));
  for (size_t i = 0; i < elements.size(); i++) {
    check(env, napi_set_element(env, array, i, fromIValue(env, elements[i], firstArgument)));
  }
  return array;
}

}  // namespace addon
