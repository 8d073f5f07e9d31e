// The generic call: any operator that libtorch's dispatcher knows, by name, with JavaScript values for arguments.
#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>

#include "common.h"

namespace addon {
namespace {

/// Operators that were looked up; JavaScript holds the index.
struct Operator {
  c10::OperatorHandle handle;
  std::string name;
};
thread_local std::vector<Operator> operators;

using TypePtr = c10::TypePtr;

c10::IValue toIValue(napi_env env, napi_value value, const c10::Argument& argument, const TypePtr& type, const char* what);

at::Scalar toScalar(napi_env env, napi_value value, const char* what) {
  switch (typeOf(env, value)) {
    case napi_boolean: return at::Scalar(toBool(env, value, what));
    case napi_bigint: return at::Scalar(toInteger(env, value, what));
    case napi_number: {
      const double number = toDouble(env, value, what);
      // JavaScript has one type of number: whole ones are integers here, so that integer tensors stay integers.
      const bool whole = number == static_cast<double>(static_cast<int64_t>(
                                       std::min(std::max(number, -9.0e15), 9.0e15)));
      return whole ? at::Scalar(static_cast<int64_t>(number)) : at::Scalar(number);
    }
    default:
      throw ArgumentError(std::string(what) + ": expected a number, found " + describe(env, value));
  }
}

int64_t toIntegerOrName(napi_env env, napi_value value, const char* what) {
  if (typeOf(env, value) == napi_string) return enumValue(toString(env, value, what));
  if (typeOf(env, value) == napi_boolean) return toBool(env, value, what);
  return toInteger(env, value, what);
}

/// An array, or one value that stands for `argument.N()` equal ones, as in Python.
std::vector<napi_value> toList(napi_env env, napi_value value, const c10::Argument& argument, const char* what) {
  if (isArray(env, value)) return toVector(env, value, what);
  const auto repeat = argument.N();
  const napi_valuetype type = typeOf(env, value);
  if (repeat && *repeat > 0 && (type == napi_number || type == napi_boolean)) {
    return std::vector<napi_value>(static_cast<size_t>(*repeat), value);
  }
  throw ArgumentError(std::string(what) + ": expected an array, found " + describe(env, value));
}

c10::IValue toListValue(napi_env env, napi_value value, const c10::Argument& argument, const TypePtr& element,
                        const char* what) {
  const std::vector<napi_value> items = toList(env, value, argument, what);
  switch (element->kind()) {
    case c10::TypeKind::IntType: {
      std::vector<int64_t> list;
      for (napi_value item : items) list.push_back(toIntegerOrName(env, item, what));
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
      for (napi_value item : items) list.push_back(toIValue(env, item, argument, element, what));
      return c10::IValue(list);
    }
  }
}

c10::IValue toIValue(napi_env env, napi_value value, const c10::Argument& argument, const TypePtr& type,
                     const char* what) {
  switch (type->kind()) {
    case c10::TypeKind::TensorType: return c10::IValue(toTensor(env, value, what));
    case c10::TypeKind::OptionalType:
      if (isNullish(env, value)) return c10::IValue();
      return toIValue(env, value, argument, type->castRaw<c10::OptionalType>()->getElementType(), what);
    case c10::TypeKind::ListType:
      return toListValue(env, value, argument, type->castRaw<c10::ListType>()->getElementType(), what);
    case c10::TypeKind::IntType: return c10::IValue(toIntegerOrName(env, value, what));
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

napi_value fromIValue(Call& call, const c10::IValue& value) {
  napi_env env = call.env;
  if (value.isTensor()) {
    const at::Tensor& tensor = value.toTensor();
    // An in-place operator returns its first argument: the same object then, not a second one.
    if (call.count > 1) {
      const at::Tensor* first = asTensor(env, call[1]);
      if (first && first->defined() && first->is_same(tensor)) return call[1];
    }
    return fromTensor(env, tensor);
  }
  if (value.isBool()) return fromBool(env, value.toBool());
  if (value.isInt()) return fromDouble(env, static_cast<double>(value.toInt()));
  if (value.isDouble()) return fromDouble(env, value.toDouble());
  if (value.isString()) return fromString(env, value.toStringRef());
  if (value.isScalar()) return fromDouble(env, value.toScalar().toDouble());
  if (value.isList() || value.isTuple()) {
    std::vector<c10::IValue> elements;
    if (value.isTuple()) {
      for (const auto& element : value.toTupleRef().elements()) elements.push_back(element);
    } else {
      for (const c10::IValue& element : value.toListRef()) elements.push_back(element);
    }
    napi_value array;
    check(env, napi_create_array_with_length(env, elements.size(), &array));
    for (size_t i = 0; i < elements.size(); i++) {
      check(env, napi_set_element(env, array, i, fromIValue(call, elements[i])));
    }
    return array;
  }
  napi_value null;
  check(env, napi_get_null(env, &null));
  return null;
}

/// "aten::add.Tensor(self: float32[2, 3], other: number 4)", for messages.
std::string describeCall(Call& call, const Operator& op) {
  const auto& arguments = op.handle.schema().arguments();
  std::string text = op.name + "(";
  for (size_t i = 1; i < call.count; i++) {
    if (i > 1) text += ", ";
    if (i - 1 < arguments.size()) text += arguments[i - 1].name() + ": ";
    const at::Tensor* tensor = asTensor(call.env, call[i]);
    text += tensor ? describe(*tensor) : describe(call.env, call[i]);
  }
  return text + ")";
}

/// operator(name): the index of an operator such as "aten::add.Tensor", for `call`.
napi_value lookUp(Call& call) {
  const std::string name = toString(call.env, call[0], "operator");
  const size_t dot = name.find('.');
  const std::string base = name.substr(0, dot);
  const std::string overload = dot == std::string::npos ? "" : name.substr(dot + 1);
  const auto handle = c10::Dispatcher::singleton().findSchema({base, overload});
  if (!handle) {
    std::string known;
    for (const c10::OperatorName& other : c10::Dispatcher::singleton().getAllOpNames()) {
      if (other.name == base) known += (known.empty() ? "" : ", ") + base + (other.overload_name.empty() ? "" : ".") + other.overload_name;
    }
    throw ArgumentError("operator \"" + name + "\" is unknown to libtorch" +
                        (known.empty() ? "; operators of ATen begin with \"aten::\"" : "; there are: " + known));
  }
  operators.push_back({*handle, name});
  return fromDouble(call.env, static_cast<double>(operators.size() - 1));
}

/// schema(index): the operator's signature, as libtorch writes it.
napi_value schema(Call& call) {
  const auto index = static_cast<size_t>(toInteger(call.env, call[0], "operator"));
  if (index >= operators.size()) throw ArgumentError("schema: unknown operator index");
  std::ostringstream text;
  text << operators[index].handle.schema();
  return fromString(call.env, text.str());
}

/// call(index, ...arguments): arguments by position; those left out or undefined take the schema's defaults.
napi_value invoke(Call& call) {
  const auto index = static_cast<size_t>(toInteger(call.env, call[0], "operator"));
  if (index >= operators.size()) throw ArgumentError("call: unknown operator index");
  const Operator op = operators[index];
  const auto& arguments = op.handle.schema().arguments();
  const size_t given = call.count - 1;
  try {
    if (given > arguments.size()) {
      throw ArgumentError("expected at most " + std::to_string(arguments.size()) + " arguments, found " +
                          std::to_string(given));
    }
    torch::jit::Stack stack;
    stack.reserve(arguments.size());
    for (size_t i = 0; i < arguments.size(); i++) {
      const c10::Argument& argument = arguments[i];
      const bool absent = i >= given || typeOf(call.env, call[i + 1]) == napi_undefined;
      if (!absent) {
        stack.push_back(toIValue(call.env, call[i + 1], argument, argument.type(), argument.name().c_str()));
      } else if (argument.default_value()) {
        stack.push_back(*argument.default_value());
      } else if (argument.type()->kind() == c10::TypeKind::OptionalType) {
        stack.emplace_back();
      } else {
        throw ArgumentError("argument '" + argument.name() + "' is missing");
      }
    }
    op.handle.callBoxed(&stack);
    if (stack.empty()) return undefined(call.env);
    if (stack.size() == 1) return fromIValue(call, stack[0]);
    napi_value results;
    check(call.env, napi_create_array_with_length(call.env, stack.size(), &results));
    for (size_t i = 0; i < stack.size(); i++) {
      check(call.env, napi_set_element(call.env, results, i, fromIValue(call, stack[i])));
    }
    return results;
  } catch (const ArgumentError& error) {
    throw ArgumentError(describeCall(call, op) + ": " + error.what());
  } catch (const c10::Error& error) {
    throw std::runtime_error(describeCall(call, op) + ": " + error.what_without_backtrace());
  } catch (const std::exception& error) {
    throw std::runtime_error(describeCall(call, op) + ": " + error.what());
  }
}

}  // namespace

void defineDispatch(napi_env env, napi_value exports) {
  define<lookUp>(env, exports, "operator");
  define<schema>(env, exports, "schema");
  define<invoke>(env, exports, "call");
}

}  // namespace addon
