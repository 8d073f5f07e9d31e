// The generic call: any operator of libtorch's dispatcher, by name, with JavaScript values as arguments.
#include <ATen/core/dispatch/Dispatcher.h>

#include <deque>
#include <sstream>

#include "common.h"
#include "registration.h"
#include "soundness.h"

namespace addon {
namespace {

/// Operators that were looked up; JavaScript holds the index.
struct Operator {
  c10::OperatorHandle handle;
  std::string name;
  Soundness soundness;
};
/// A deque does not move its elements, also when an argument's getter looks up another operator.
thread_local std::deque<Operator> operators;

/// operator(name): the index of an operator such as "aten::add.Tensor", for `call`.
napi_value lookUp(Call& call) {
  const std::string name = toString(call.env, call[0], "operator");
  const size_t dot = name.find('.');
  const std::string base = name.substr(0, dot);
  const std::string overload = dot == std::string::npos ? "" : name.substr(dot + 1);
  const auto handle = c10::Dispatcher::singleton().findSchema({inOwnNamespace(base), overload});
  if (!handle) {
    std::string known;
    for (const c10::OperatorName& other : c10::Dispatcher::singleton().getAllOpNames()) {
      if (other.name == base) known += (known.empty() ? "" : ", ") + base + (other.overload_name.empty() ? "" : ".") + other.overload_name;
    }
    throw ArgumentError("operator \"" + name + "\" is unknown to libtorch" +
                        (known.empty() ? "; operators of ATen begin with \"aten::\"" : "; there are: " + known));
  }
  operators.push_back({*handle, name, Soundness(handle->schema())});
  return fromDouble(call.env, static_cast<double>(operators.size() - 1));
}

const Operator& toOperator(const Call& call) {
  const auto index = static_cast<size_t>(toInteger(call.env, call[0], "operator"));
  if (index >= operators.size()) throw ArgumentError("unknown index of an operator");
  return operators[index];
}

/// schema(index): the operator's signature, in libtorch's notation.
napi_value schema(Call& call) {
  std::ostringstream text;
  text << toOperator(call).handle.schema();
  return fromString(call.env, text.str());
}

/// Arguments by position; those left out or undefined get the schema's defaults.
torch::jit::Stack toStack(const Call& call) {
  const auto& arguments = call.schema->arguments();
  const size_t given = call.count - call.first;
  if (given > arguments.size()) {
    throw ArgumentError("expected at most " + std::to_string(arguments.size()) + " arguments, found " +
                        std::to_string(given));
  }
  torch::jit::Stack stack;
  stack.reserve(arguments.size());
  for (size_t i = 0; i < arguments.size(); i++) {
    const c10::Argument& argument = arguments[i];
    if (i < given && typeOf(call.env, call[call.first + i]) != napi_undefined) {
      stack.push_back(toIValue(call.env, call[call.first + i], argument));
    } else if (argument.default_value()) {
      stack.push_back(*argument.default_value());
    } else if (argument.type()->kind() == c10::TypeKind::OptionalType) {
      stack.emplace_back();
    } else {
      throw ArgumentError("argument '" + argument.name() + "' is missing");
    }
  }
  return stack;
}

/// Empties tensors that a failed operator left with a shape beyond their memory. Returns whether there were any.
bool emptyOverrun(const Call& call, const Operator& op) {
  bool found = false;
  for (const size_t i : op.soundness.written()) {
    if (i + call.first >= call.count) continue;
    const at::Tensor* tensor = asTensor(call.env, call[i + call.first]);
    if (tensor && emptyIfOverrun(*tensor)) found = true;
  }
  return found;
}

/// call(index, ...arguments): the operator's result; several results as an array.
napi_value invoke(Call& call) {
  const Operator& op = toOperator(call);
  call.name = op.name.c_str();
  call.schema = &op.handle.schema();
  call.first = 1;
  op.soundness.requireChecked();
  torch::jit::Stack stack = toStack(call);
  op.soundness.require(*call.schema, stack);
  try {
    op.handle.callBoxed(&stack);
  } catch (...) {
    emptyOverrun(call, op);
    throw;
  }
  if (op.soundness.mayResize() && emptyOverrun(call, op)) throw ArgumentError("the new shape is negative or too large");
  const napi_value first = call.count > 1 ? call[1] : undefined(call.env);
  if (stack.empty()) return undefined(call.env);
  if (stack.size() == 1) return fromIValue(call.env, stack[0], first);
  napi_value results;
  check(call.env, napi_create_array_with_length(call.env, stack.size(), &results));
  for (size_t i = 0; i < stack.size(); i++) {
    check(call.env, napi_set_element(call.env, results, i, fromIValue(call.env, stack[i], first)));
  }
  return results;
}

}  // namespace

void defineDispatch(napi_env env, napi_value exports) {
  define<lookUp>(env, exports, "operator");
  define<schema>(env, exports, "schema");
  define<invoke>(env, exports, "call");
}

}  // namespace addon
