// The JavaScript class behind every tensor: it owns one at::Tensor, which goes when it is disposed of or collected.
#include <cstring>

#include "common.h"

namespace addon {
namespace {

constexpr napi_type_tag kTensorTag = {0x5d9a4e10b7c24f31, 0x8a6f2c7be5d04e19};

/// What a JavaScript Tensor points to.
struct Holder {
  at::Tensor tensor;
  int64_t accountedBytes = 0;
  bool disposed = false;
};

/// The constructor that new tensors are made with (the TypeScript subclass), and the tensor it takes over.
struct State {
  napi_ref constructor = nullptr;
  at::Tensor pending;
};

thread_local State state;

void release(napi_env env, Holder& holder) {
  holder.tensor.reset();
  holder.disposed = true;
  if (holder.accountedBytes != 0) {
    int64_t now;
    napi_adjust_external_memory(env, -holder.accountedBytes, &now);
    holder.accountedBytes = 0;
  }
}

void finalize(napi_env env, void* data, void*) {
  auto* holder = static_cast<Holder*>(data);
  release(env, *holder);
  delete holder;
}

Holder* asHolder(napi_env env, napi_value value) {
  if (typeOf(env, value) != napi_object) return nullptr;
  bool tagged = false;
  if (napi_check_object_type_tag(env, value, &kTensorTag, &tagged) != napi_ok || !tagged) return nullptr;
  void* data = nullptr;
  if (napi_unwrap(env, value, &data) != napi_ok) return nullptr;
  return static_cast<Holder*>(data);
}

napi_value construct(Call& call) {
  if (!state.pending.defined()) {
    throw ArgumentError("Tensor has no public constructor: use tensor(), zeros(), ones(), randn() and the like");
  }
  auto* holder = new Holder{std::move(state.pending)};
  state.pending = at::Tensor();
  check(call.env, napi_type_tag_object(call.env, call.self, &kTensorTag));
  check(call.env, napi_wrap(call.env, call.self, holder, finalize, nullptr, nullptr));
  return call.self;
}

/// setTensorClass(constructor): the subclass of this addon's Tensor that results are instances of.
napi_value setTensorClass(Call& call) {
  check(call.env, napi_create_reference(call.env, call[0], 1, &state.constructor));
  return undefined(call.env);
}

napi_value dispose(Call& call) {
  if (Holder* holder = asHolder(call.env, call[0])) release(call.env, *holder);
  return undefined(call.env);
}

napi_value isDisposed(Call& call) {
  const Holder* holder = asHolder(call.env, call[0]);
  if (!holder) throw ArgumentError("isDisposed: expected a tensor, found " + describe(call.env, call[0]));
  return fromBool(call.env, holder->disposed);
}

/// account(tensor): tells V8 of the memory that only collecting this tensor would free.
napi_value account(Call& call) {
  Holder* holder = asHolder(call.env, call[0]);
  if (holder && !holder->disposed && holder->accountedBytes == 0 && holder->tensor.has_storage() &&
      holder->tensor.storage().use_count() == 1) {
    holder->accountedBytes = static_cast<int64_t>(holder->tensor.storage().nbytes());
    int64_t now;
    check(call.env, napi_adjust_external_memory(call.env, holder->accountedBytes, &now));
  }
  return undefined(call.env);
}

napi_value shape(Call& call) { return fromIntegers(call.env, toTensor(call.env, call[0], "shape").sizes()); }

napi_value strides(Call& call) {
  return fromIntegers(call.env, toTensor(call.env, call[0], "strides").strides());
}

napi_value size(Call& call) {
  const at::Tensor& tensor = toTensor(call.env, call[0], "size");
  const int64_t dim = toInteger(call.env, call[1], "size");
  return fromDouble(call.env, static_cast<double>(tensor.size(dim)));
}

napi_value dtype(Call& call) {
  return fromString(call.env, nameOf(toTensor(call.env, call[0], "dtype").scalar_type()));
}

napi_value device(Call& call) {
  return fromString(call.env, toTensor(call.env, call[0], "device").device().str());
}

napi_value requiresGrad(Call& call) {
  return fromBool(call.env, toTensor(call.env, call[0], "requiresGrad").requires_grad());
}

napi_value setRequiresGrad(Call& call) {
  toTensor(call.env, call[0], "requiresGrad").set_requires_grad(toBool(call.env, call[1], "requiresGrad"));
  return undefined(call.env);
}

napi_value isLeaf(Call& call) { return fromBool(call.env, toTensor(call.env, call[0], "isLeaf").is_leaf()); }

/// gradient(tensor): what `backward` has accumulated, or null.
napi_value gradient(Call& call) { return fromTensor(call.env, toTensor(call.env, call[0], "grad").grad()); }

napi_value setGradient(Call& call) {
  at::Tensor& tensor = toTensor(call.env, call[0], "grad");
  const at::Tensor* value = asTensor(call.env, call[1]);
  tensor.mutable_grad() = value ? *value : at::Tensor();
  return undefined(call.env);
}

napi_value isContiguous(Call& call) {
  const at::Tensor& tensor = toTensor(call.env, call[0], "isContiguous");
  const auto format = static_cast<at::MemoryFormat>(enumValue(toString(call.env, call[1], "memory format")));
  return fromBool(call.env, tensor.is_contiguous(format));
}

napi_value describeTensor(Call& call) {
  return fromString(call.env, describe(toTensor(call.env, call[0], "describe")));
}

/// The one number in a tensor; a bigint for int64 beyond 2⁵³.
napi_value item(Call& call) {
  const at::Tensor& tensor = toTensor(call.env, call[0], "item");
  const at::Scalar scalar = tensor.item();
  if (scalar.isBoolean()) return fromBool(call.env, scalar.toBool());
  return fromDouble(call.env, scalar.toDouble());
}

/// fromBytes(bytes, shape, dtype): a new tensor on the CPU with a copy of the bytes.
napi_value fromBytes(Call& call) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  bool isTyped = false;
  check(call.env, napi_is_typedarray(call.env, call[0], &isTyped));
  if (!isTyped) throw ArgumentError("fromBytes: expected a Uint8Array, found " + describe(call.env, call[0]));
  check(call.env, napi_get_typedarray_info(call.env, call[0], &type, &length, &data, nullptr, nullptr));
  if (type != napi_uint8_array) throw ArgumentError("fromBytes: expected a Uint8Array, found another typed array");
  std::vector<int64_t> sizes;
  for (napi_value value : toVector(call.env, call[1], "shape")) {
    const int64_t extent = toInteger(call.env, value, "shape");
    if (extent < 0) throw ArgumentError("shape: " + std::to_string(extent) + " is negative");
    sizes.push_back(extent);
  }
  const at::ScalarType scalarType = toScalarType(toString(call.env, call[2], "dtype"));
  // A product that cannot fit the bytes given is refused before anything is allocated.
  long double bytes = static_cast<long double>(c10::elementSize(scalarType));
  for (const int64_t extent : sizes) bytes *= static_cast<long double>(extent);
  if (bytes != static_cast<long double>(length)) {
    std::string text = "a tensor " + std::string(nameOf(scalarType)) + "[";
    for (size_t i = 0; i < sizes.size(); i++) text += (i ? ", " : "") + std::to_string(sizes[i]);
    throw ArgumentError(text + "] takes " + std::to_string(static_cast<double>(bytes)) + " bytes, found " +
                        std::to_string(length));
  }
  at::Tensor tensor = at::empty(sizes, scalarType);
  if (length > 0) std::memcpy(tensor.data_ptr(), data, length);
  return fromTensor(call.env, std::move(tensor));
}

/// toBytes(tensor): its elements in row-major order, copied into a new ArrayBuffer.
napi_value toBytes(Call& call) {
  const at::Tensor tensor = toTensor(call.env, call[0], "toBytes").detach().cpu().contiguous();
  napi_value result;
  void* data = nullptr;
  check(call.env, napi_create_arraybuffer(call.env, tensor.nbytes(), &data, &result));
  if (tensor.nbytes() > 0) std::memcpy(data, tensor.data_ptr(), tensor.nbytes());
  return result;
}

}  // namespace

at::Tensor* asTensor(napi_env env, napi_value value) {
  Holder* holder = asHolder(env, value);
  return holder && !holder->disposed ? &holder->tensor : nullptr;
}

at::Tensor& toTensor(napi_env env, napi_value value, const char* what) {
  Holder* holder = asHolder(env, value);
  if (!holder) {
    throw ArgumentError(std::string(what) + ": expected a tensor, found " + describe(env, value));
  }
  if (holder->disposed) {
    throw ArgumentError(std::string(what) +
                        ": this tensor was disposed of (it left its scope, or dispose() was called)");
  }
  return holder->tensor;
}

napi_value fromTensor(napi_env env, at::Tensor tensor) {
  napi_value result;
  if (!tensor.defined()) {
    check(env, napi_get_null(env, &result));
    return result;
  }
  napi_value constructor;
  check(env, napi_get_reference_value(env, state.constructor, &constructor));
  state.pending = std::move(tensor);
  const napi_status status = napi_new_instance(env, constructor, 0, nullptr, &result);
  state.pending = at::Tensor();
  check(env, status);
  return result;
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

std::string describe(const at::Tensor& tensor) {
  std::string text = nameOf(tensor.scalar_type());
  text += "[";
  for (int64_t i = 0; i < tensor.dim(); i++) text += (i ? ", " : "") + std::to_string(tensor.size(i));
  return text + "]";
}

void defineTensor(napi_env env, napi_value exports) {
  napi_value constructor;
  check(env, napi_define_class(env, "Tensor", NAPI_AUTO_LENGTH, entry<construct>, nullptr, 0, nullptr, &constructor));
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
  define<fromBytes>(env, exports, "fromBytes");
  define<toBytes>(env, exports, "toBytes");
}

}  // namespace addon
