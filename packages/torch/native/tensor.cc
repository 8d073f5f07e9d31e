// The JavaScript class behind every tensor: it owns one at::Tensor, which is freed when it is disposed of or collected.
#include <memory>
#include <unordered_set>

#include "common.h"

namespace addon {
namespace {

/// The object that a JavaScript Tensor points to. It is empty after disposal.
struct Holder {
  at::Tensor tensor;
  int64_t accountedBytes = 0;
};

/// Every Holder of this thread: a wrapped pointer that is not among them belongs to another class. Node-API's type tags
/// would also work, at ten times the cost of this look-up.
thread_local std::unordered_set<const void*> holders;

/// The state of one instance of the addon (the main thread's, a Worker's).
struct Instance {
  /// This addon's class. Every tensor is an instance of it.
  napi_ref baseClass = nullptr;
  /// The constructor for new tensors, and the tensor that it takes over.
  napi_ref tensorClass = nullptr;
  at::Tensor pending;
};

Instance& instanceOf(napi_env env) {
  void* data = nullptr;
  check(env, napi_get_instance_data(env, &data));
  return *static_cast<Instance*>(data);
}

void release(napi_env env, Holder* holder) {
  if (holder->accountedBytes != 0) {
    int64_t now;
    napi_adjust_external_memory(env, -holder->accountedBytes, &now);
  }
  holders.erase(holder);
  delete holder;
}

void finalize(napi_env env, void* data, void*) { release(env, static_cast<Holder*>(data)); }

Holder* asHolder(napi_env env, napi_value value) {
  void* data = nullptr;
  if (napi_unwrap(env, value, &data) != napi_ok || holders.count(data) == 0) return nullptr;
  return static_cast<Holder*>(data);
}

napi_value construct(Call& call) {
  at::Tensor tensor = std::move(instanceOf(call.env).pending);
  if (!tensor.defined()) {
    throw ArgumentError("there is no public constructor: use tensor(), zeros(), ones(), randn() and the like");
  }
  auto holder = std::make_unique<Holder>(Holder{std::move(tensor)});
  check(call.env, napi_wrap(call.env, call.self, holder.get(), finalize, nullptr, nullptr));
  holders.insert(holder.release());
  return call.self;
}

void setClass(napi_env env, napi_value constructor) {
  napi_valuetype type = typeOf(env, constructor);
  if (type != napi_function) throw expected(env, constructor, "", "a class");
  Instance& instance = instanceOf(env);
  napi_ref reference;
  check(env, napi_create_reference(env, constructor, 1, &reference));
  if (instance.tensorClass) napi_delete_reference(env, instance.tensorClass);
  instance.tensorClass = reference;
}

/// setTensorClass(constructor): the subclass of this addon's Tensor that results are instances of.
napi_value setTensorClass(Call& call) {
  setClass(call.env, call[0]);
  return undefined(call.env);
}

/// dispose(tensor): frees it now. Other values and disposed tensors are ignored.
napi_value dispose(Call& call) {
  if (!asHolder(call.env, call[0])) return undefined(call.env);
  // Removing the wrap saves the garbage collector the call of `finalize`.
  void* data = nullptr;
  check(call.env, napi_remove_wrap(call.env, call[0], &data));
  release(call.env, static_cast<Holder*>(data));
  return undefined(call.env);
}

napi_value isDisposed(Call& call) {
  if (asHolder(call.env, call[0])) return fromBool(call.env, false);
  if (!wasDisposed(call.env, call[0])) throw expected(call.env, call[0], "", "a tensor");
  return fromBool(call.env, true);
}

/// account(tensor): reports to V8 the memory that collecting this tensor would free.
napi_value account(Call& call) {
  Holder* holder = asHolder(call.env, call[0]);
  if (holder && holder->accountedBytes == 0 && holder->tensor.has_storage() &&
      holder->tensor.storage().use_count() == 1) {
    holder->accountedBytes = static_cast<int64_t>(holder->tensor.storage().nbytes());
    int64_t now;
    check(call.env, napi_adjust_external_memory(call.env, holder->accountedBytes, &now));
  }
  return undefined(call.env);
}

napi_value shape(Call& call) { return fromIntegers(call.env, toTensor(call.env, call[0]).sizes()); }

napi_value strides(Call& call) {
  return fromIntegers(call.env, toTensor(call.env, call[0]).strides());
}

napi_value size(Call& call) {
  const at::Tensor& tensor = toTensor(call.env, call[0]);
  const int64_t dim = toInteger(call.env, call[1], "size");
  return fromDouble(call.env, static_cast<double>(tensor.size(dim)));
}

napi_value dtype(Call& call) {
  return fromString(call.env, nameOf(toTensor(call.env, call[0]).scalar_type()));
}

napi_value device(Call& call) {
  return fromString(call.env, toTensor(call.env, call[0]).device().str());
}

napi_value requiresGrad(Call& call) {
  return fromBool(call.env, toTensor(call.env, call[0]).requires_grad());
}

napi_value setRequiresGrad(Call& call) {
  toTensor(call.env, call[0]).set_requires_grad(toBool(call.env, call[1], "value"));
  return undefined(call.env);
}

napi_value isLeaf(Call& call) { return fromBool(call.env, toTensor(call.env, call[0]).is_leaf()); }

/// gradient(tensor): what `backward` has accumulated, or null.
napi_value gradient(Call& call) { return fromTensor(call.env, toTensor(call.env, call[0]).grad()); }

napi_value setGradient(Call& call) {
  at::Tensor& tensor = toTensor(call.env, call[0]);
  if (isNullish(call.env, call[1])) {
    tensor.mutable_grad() = at::Tensor();
    return undefined(call.env);
  }
  const at::Tensor& value = toTensor(call.env, call[1], "gradient");
  if (!tensor.is_leaf()) throw ArgumentError("only a leaf has a gradient of its own");
  if (!value.sizes().equals(tensor.sizes()) || value.scalar_type() != tensor.scalar_type() ||
      value.device() != tensor.device()) {
    throw ArgumentError("the gradient is " + describe(value) + ", expected " + describe(tensor));
  }
  tensor.mutable_grad() = value;
  return undefined(call.env);
}

napi_value isContiguous(Call& call) {
  const at::Tensor& tensor = toTensor(call.env, call[0]);
  const at::MemoryFormat format = toMemoryFormat(toString(call.env, call[1], "memory format"));
  return fromBool(call.env, tensor.is_contiguous(format));
}

napi_value describeTensor(Call& call) {
  return fromString(call.env, describe(toTensor(call.env, call[0])));
}

/// item(tensor): its one element, as a double: an int64 beyond 2⁵³ is rounded.
napi_value item(Call& call) {
  const at::Scalar scalar = toTensor(call.env, call[0]).item();
  if (scalar.isBoolean()) return fromBool(call.env, scalar.toBool());
  return fromDouble(call.env, scalar.toDouble());
}

}  // namespace

at::Tensor* asTensor(napi_env env, napi_value value) {
  Holder* holder = asHolder(env, value);
  return holder ? &holder->tensor : nullptr;
}

at::Tensor& toTensor(napi_env env, napi_value value, const char* what) {
  Holder* holder = asHolder(env, value);
  if (holder) return holder->tensor;
  if (!wasDisposed(env, value)) throw expected(env, value, what, "a tensor");
  throw ArgumentError(std::string(what) + ": this tensor was disposed of (it left its scope, or dispose() was called)");
}

napi_value fromTensor(napi_env env, at::Tensor tensor) {
  if (!tensor.defined()) return null(env);
  Instance& instance = instanceOf(env);
  napi_value constructor, result;
  check(env, napi_get_reference_value(env, instance.tensorClass, &constructor));
  instance.pending = std::move(tensor);
  const napi_status status = napi_new_instance(env, constructor, 0, nullptr, &result);
  instance.pending.reset();
  check(env, status);
  return result;
}

bool wasDisposed(napi_env env, napi_value value) {
  napi_value baseClass;
  bool result = false;
  if (typeOf(env, value) != napi_object || asHolder(env, value)) return false;
  check(env, napi_get_reference_value(env, instanceOf(env).baseClass, &baseClass));
  // A proxy's trap may throw here; its error is dropped in favour of the current one.
  if (napi_instanceof(env, value, baseClass, &result) == napi_ok) return result;
  napi_value ignored;
  napi_get_and_clear_last_exception(env, &ignored);
  return false;
}

std::vector<at::Tensor> toTensors(napi_env env, napi_value value, const char* what) {
  std::vector<at::Tensor> result;
  for (napi_value element : toVector(env, value, what)) result.push_back(toTensor(env, element, what));
  return result;
}

napi_value fromTensors(napi_env env, const std::vector<at::Tensor>& tensors) {
  napi_value result;
  check(env, napi_create_array_with_length(env, tensors.size(), &result));
  for (size_t i = 0; i < tensors.size(); i++) {
    check(env, napi_set_element(env, result, i, fromTensor(env, tensors[i])));
  }
  return result;
}

void defineTensor(napi_env env, napi_value exports) {
  auto deleteInstance = [](napi_env, void* data, void*) { delete static_cast<Instance*>(data); };
  check(env, napi_set_instance_data(env, new Instance(), deleteInstance, nullptr));
  napi_value constructor;
  check(env, napi_define_class(env, "Tensor", NAPI_AUTO_LENGTH, entry<construct>, const_cast<char*>("Tensor"), 0,
                               nullptr, &constructor));
  check(env, napi_create_reference(env, constructor, 1, &instanceOf(env).baseClass));
  setClass(env, constructor);
  check(env, napi_set_named_property(env, exports, "Tensor", constructor));
  define<setTensorClass>(env, exports, "setTensorClass");
  define<dispose>(env, exports, "dispose");
  define<isDisposed>(env, exports, "isDisposed");
  define<account>(env, exports, "account");
  define<shape>(env, exports, "shape");
  define<strides>(env, exports, "strides");
  define<size>(env, exports, "size");
  define<dtype>(env, exports, "dtype");
  define<device>(env, exports, "device");
  define<requiresGrad>(env, exports, "requiresGrad");
  define<setRequiresGrad>(env, exports, "setRequiresGrad");
  define<isLeaf>(env, exports, "isLeaf");
  define<gradient>(env, exports, "gradient");
  define<setGradient>(env, exports, "setGradient");
  define<isContiguous>(env, exports, "isContiguous");
  define<describeTensor>(env, exports, "describe");
  define<item>(env, exports, "item");
}

}  // namespace addon
