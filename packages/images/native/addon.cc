// The functions for JavaScript: decode and scale images on Node's thread pool.
#include <node_api.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "checksum.h"
#include "jpeg.h"

namespace images {

namespace {

struct Failed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void check(napi_status status) {
  if (status != napi_ok) throw Failed("Node-API: status " + std::to_string(status));
}

struct Bytes {
  uint8_t* data;
  size_t length;
};

Bytes bytesOf(napi_env env, napi_value value) {
  napi_typedarray_type type;
  size_t length;
  void* data;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok || type != napi_uint8_array)
    throw Failed("expected bytes");
  return {static_cast<uint8_t*>(data), length};
}

int integerOf(napi_env env, napi_value value) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok || !(number >= 0 && number <= 1e9) || std::trunc(number) != number)
    throw Failed("expected an integer from 0 to 1e9");
  return static_cast<int>(number);
}

template <size_t count>
void argumentsOf(napi_env env, napi_callback_info info, napi_value (&values)[count]) {
  size_t found = count;
  check(napi_get_cb_info(env, info, &found, values, nullptr, nullptr));
  if (found < count) throw Failed("expected " + std::to_string(count) + " arguments");
}

/// One call, run on another thread.
struct Job {
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  /// Keep the buffers alive while the other thread uses them.
  napi_ref input = nullptr;
  napi_ref output = nullptr;
  Bytes from{};
  uint8_t* to = nullptr;
  /// Whether the input is raw pixels; else it is a JPEG.
  bool raw = false;
  int width = 0;
  Orientation orientation = 1;
  Rectangle crop{};
  int size = 0;
  std::string error;
};

void execute(napi_env, void* data) {
  auto& job = *static_cast<Job*>(data);
  try {
    if (!job.raw) return readSquare(job.from.data, job.from.length, job.crop, job.size, job.to);
    const int side = std::min(job.crop.width, job.crop.height);
    const Square square{double((job.crop.width - side) / 2), double((job.crop.height - side) / 2), double(side)};
    Scaler scaler(job.crop.width, job.crop.height, square, job.size);
    for (int row = scaler.firstRow(); row < scaler.endRow(); row++)
      scaler.add(job.from.data + static_cast<size_t>(row) * job.crop.width * 4);
    scaler.finish(job.orientation, job.to);
  } catch (const std::exception& error) {
    job.error = error.what();
  }
}

void complete(napi_env env, napi_status, void* data) {
  auto* job = static_cast<Job*>(data);
  napi_value result;
  if (job->error.empty()) {
    napi_get_undefined(env, &result);
    napi_resolve_deferred(env, job->deferred, result);
  } else {
    napi_value message;
    napi_create_string_utf8(env, job->error.c_str(), NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, nullptr, message, &result);
    napi_reject_deferred(env, job->deferred, result);
  }
  napi_delete_reference(env, job->input);
  napi_delete_reference(env, job->output);
  napi_delete_async_work(env, job->work);
  delete job;
}

napi_value start(napi_env env, const Job& prepared, napi_value input, napi_value output) {
  const Bytes to = bytesOf(env, output);
  if (to.length != static_cast<size_t>(prepared.size) * prepared.size * 3) throw Failed("output buffer of another size");
  auto* job = new Job(prepared);
  job->to = to.data;
  napi_value promise, name;
  check(napi_create_promise(env, &job->deferred, &promise));
  check(napi_create_reference(env, input, 1, &job->input));
  check(napi_create_reference(env, output, 1, &job->output));
  check(napi_create_string_utf8(env, "images", NAPI_AUTO_LENGTH, &name));
  check(napi_create_async_work(env, nullptr, name, execute, complete, job, &job->work));
  check(napi_queue_async_work(env, job->work));
  return promise;
}

/// jpegHeader(bytes): [width, height, orientation], or undefined if the bytes are not a supported JPEG.
napi_value jpegHeader(napi_env env, napi_callback_info info) {
  napi_value arguments[1], result;
  argumentsOf(env, info, arguments);
  const Bytes bytes = bytesOf(env, arguments[0]);
  const auto header = readHeader(bytes.data, bytes.length);
  if (!header) {
    check(napi_get_undefined(env, &result));
    return result;
  }
  check(napi_create_array_with_length(env, 3, &result));
  const int values[] = {header->width, header->height, header->orientation};
  for (uint32_t i = 0; i < 3; i++) {
    napi_value value;
    check(napi_create_int32(env, values[i], &value));
    check(napi_set_element(env, result, i, value));
  }
  return result;
}

/// jpegSquare(bytes, left, top, width, height, size, to): a promise that `to` is filled, [size, size, 3].
napi_value jpegSquare(napi_env env, napi_callback_info info) {
  napi_value arguments[7];
  argumentsOf(env, info, arguments);
  const Bytes bytes = bytesOf(env, arguments[0]);
  const auto header = readHeader(bytes.data, bytes.length);
  int numbers[5];
  for (int i = 0; i < 5; i++) numbers[i] = integerOf(env, arguments[i + 1]);
  const auto [left, top, width, height, size] = numbers;
  if (!header || width < 1 || height < 1 || size < 1 || size > 16384 || left > header->width - width || top > header->height - height)
    throw Failed("the crop is not in the image");
  Job job;
  job.from = bytes;
  job.crop = {left, top, width, height};
  job.size = size;
  return start(env, job, arguments[0], arguments[6]);
}

/// square(pixels, width, height, orientation, size, to), of [height, width, 4] bytes: a promise that `to` is filled.
napi_value square(napi_env env, napi_callback_info info) {
  napi_value arguments[6];
  argumentsOf(env, info, arguments);
  const Bytes bytes = bytesOf(env, arguments[0]);
  int numbers[4];
  for (int i = 0; i < 4; i++) numbers[i] = integerOf(env, arguments[i + 1]);
  const auto [width, height, orientation, size] = numbers;
  if (width < 1 || height < 1 || size < 1 || size > 16384 || bytes.length != static_cast<size_t>(width) * height * 4)
    throw Failed("pixels of another size");
  Job job;
  job.raw = true;
  job.from = bytes;
  job.crop = {0, 0, width, height};
  job.orientation = orientation;
  job.size = size;
  return start(env, job, arguments[0], arguments[5]);
}

/// checksum(bytes): 16 hexadecimal digits.
napi_value checksumOf(napi_env env, napi_callback_info info) {
  napi_value arguments[1], result;
  argumentsOf(env, info, arguments);
  const Bytes bytes = bytesOf(env, arguments[0]);
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(checksum(bytes.data, bytes.length)));
  check(napi_create_string_utf8(env, text, 16, &result));
  return result;
}

using Function = napi_value (*)(napi_env, napi_callback_info);

template <Function function>
napi_value guarded(napi_env env, napi_callback_info info) {
  try {
    return function(env, info);
  } catch (const std::exception& error) {
    napi_throw_type_error(env, nullptr, error.what());
    return nullptr;
  }
}

template <Function function>
void define(napi_env env, napi_value exports, const char* name) {
  napi_value value;
  check(napi_create_function(env, name, NAPI_AUTO_LENGTH, guarded<function>, nullptr, &value));
  check(napi_set_named_property(env, exports, name, value));
}

}  // namespace

}  // namespace images

NAPI_MODULE_INIT() {
  using namespace images;
  define<jpegHeader>(env, exports, "jpegHeader");
  define<jpegSquare>(env, exports, "jpegSquare");
  define<square>(env, exports, "square");
  define<checksumOf>(env, exports, "checksum");
  return exports;
}
