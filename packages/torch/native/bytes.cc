// Copies elements between tensors and JavaScript's typed arrays.
#include <cstring>

#include "common.h"

namespace addon {
namespace {

/// The limit of libtorch's loops over dimensions.
constexpr size_t kMostDimensions = 64;

/// The bytes of a Uint8Array. They may move or be freed whenever JavaScript runs.
struct Bytes {
  void* data = nullptr;
  size_t length = 0;
};

Bytes toBytes(napi_env env, napi_value value) {
  bool isTyped = false;
  check(env, napi_is_typedarray(env, value, &isTyped));
  if (!isTyped) throw expected(env, value, "bytes", "a Uint8Array");
  napi_typedarray_type type;
  Bytes bytes;
  check(env, napi_get_typedarray_info(env, value, &type, &bytes.length, &bytes.data, nullptr, nullptr));
  if (type != napi_uint8_array) throw expected(env, value, "bytes", "a Uint8Array");
  return bytes;
}

/// fromBytes(bytes, shape, dtype): a new tensor on the CPU with a copy of the bytes.
napi_value fromBytes(Call& call) {
  std::vector<int64_t> sizes;
  for (napi_value value : toVector(call.env, call[1], "shape")) {
    const int64_t extent = toInteger(call.env, value, "shape");
    if (extent < 0) throw ArgumentError("shape: " + std::to_string(extent) + " is negative");
    sizes.push_back(extent);
  }
  const at::ScalarType scalarType = toScalarType(toString(call.env, call[2], "dtype"));
  // Last, because reading the shape may have run JavaScript.
  const Bytes bytes = toBytes(call.env, call[0]);
  long double wanted = static_cast<long double>(c10::elementSize(scalarType));
  for (const int64_t extent : sizes) wanted *= static_cast<long double>(extent);
  if (wanted != static_cast<long double>(bytes.length)) {
    throw ArgumentError("a tensor " + describe(scalarType, sizes) + " takes " +
                        (wanted < 9e15L ? std::to_string(static_cast<int64_t>(wanted)) : "too many") + " bytes, found " +
                        std::to_string(bytes.length));
  }
  if (sizes.size() > kMostDimensions) {
    throw ArgumentError("shape: " + std::to_string(sizes.size()) + " dimensions are too many; 64 are taken");
  }
  at::Tensor tensor = at::empty(sizes, scalarType);
  if (bytes.length > 0) std::memcpy(tensor.data_ptr(), bytes.data, bytes.length);
  if (scalarType == at::kBool) {
    // Bytes other than 0 and 1 are not valid bools; libtorch's behaviour for them is undefined.
    auto* elements = static_cast<uint8_t*>(tensor.data_ptr());
    for (size_t i = 0; i < bytes.length; i++) elements[i] = elements[i] != 0;
  }
  return fromTensor(call.env, std::move(tensor));
}

/// readBytes(tensor, bytes): copies its elements in row-major order into a Uint8Array of exactly their size.
napi_value readBytes(Call& call) {
  const at::Tensor& source = toTensor(call.env, call[0]);
  if (source.layout() != at::kStrided || source.is_quantized()) {
    throw ArgumentError("the elements of sparse and quantized tensors cannot be read");
  }
  const at::Tensor tensor = source.detach().resolve_conj().resolve_neg().cpu().contiguous();
  const Bytes bytes = toBytes(call.env, call[1]);
  if (bytes.length != tensor.nbytes()) {
    throw ArgumentError("the tensor has " + std::to_string(tensor.nbytes()) + " bytes, and there is room for " +
                        std::to_string(bytes.length));
  }
  if (bytes.length > 0) std::memcpy(bytes.data, tensor.data_ptr(), bytes.length);
  return undefined(call.env);
}

/// byteLength(tensor): bytes of its elements in row-major order.
napi_value byteLength(Call& call) {
  const at::Tensor& tensor = toTensor(call.env, call[0]);
  const long double bytes =
      static_cast<long double>(tensor.numel()) * static_cast<long double>(tensor.element_size());
  return fromDouble(call.env, static_cast<double>(bytes));
}

}  // namespace

void defineBytes(napi_env env, napi_value exports) {
  define<fromBytes>(env, exports, "fromBytes");
  define<readBytes>(env, exports, "readBytes");
  define<byteLength>(env, exports, "byteLength");
}

}  // namespace addon
