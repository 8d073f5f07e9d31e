// NVIDIA's GPUs, as reported by their driver. The driver's library is loaded on demand, and the few functions used have
// had these signatures since CUDA 4, so the addon needs neither the library nor its headers to build. It also reports
// GPUs that this libtorch cannot use.
#include <dlfcn.h>

#include "common.h"

namespace addon {
namespace {

/// CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and …_MINOR.
constexpr int kMajor = 75;
constexpr int kMinor = 76;

/// Functions of the driver. They return 0 on success.
struct Driver {
  int (*init)(unsigned flags);
  int (*version)(int* version);
  int (*count)(int* count);
  int (*device)(int* device, int i);
  int (*name)(char* name, int length, int device);
  int (*memory)(size_t* bytes, int device);
  int (*attribute)(int* value, int attribute, int device);
};

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

/// Null if there is no driver. The library stays loaded: libtorch uses it too.
const Driver* findDriver() {
  static Driver driver;
  static const bool found = [] {
    void* library = dlopen("libcuda.so.1", RTLD_NOW);
    return library && find(library, "cuInit", driver.init) && find(library, "cuDriverGetVersion", driver.version) &&
           find(library, "cuDeviceGetCount", driver.count) && find(library, "cuDeviceGet", driver.device) &&
           find(library, "cuDeviceGetName", driver.name) && find(library, "cuDeviceTotalMem_v2", driver.memory) &&
           find(library, "cuDeviceGetAttribute", driver.attribute);
  }();
  return found ? &driver : nullptr;
}

void set(napi_env env, napi_value object, const char* key, napi_value value) {
  check(env, napi_set_named_property(env, object, key, value));
}

/// One GPU; null if the driver does not report it.
napi_value describeGpu(napi_env env, const Driver& driver, int i) {
  int device = 0, major = 0, minor = 0;
  char name[256] = "";
  size_t memory = 0;
  if (driver.device(&device, i) != 0 || driver.name(name, sizeof name, device) != 0 ||
      driver.memory(&memory, device) != 0 || driver.attribute(&major, kMajor, device) != 0 ||
      driver.attribute(&minor, kMinor, device) != 0) {
    return null(env);
  }
  napi_value gpu;
  check(env, napi_create_object(env, &gpu));
  set(env, gpu, "name", fromString(env, name));
  set(env, gpu, "memory", fromDouble(env, static_cast<double>(memory)));
  set(env, gpu, "capability", fromIntegers(env, {major, minor}));
  return gpu;
}

/// cudaDriver(): the newest CUDA that the driver supports, 1000 · major + 10 · minor, and its GPUs; null without a driver.
napi_value cudaDriver(Call& call) {
  const Driver* driver = findDriver();
  int version = 0;
  if (!driver || driver->version(&version) != 0) return null(call.env);
  napi_value result, gpus;
  check(call.env, napi_create_object(call.env, &result));
  check(call.env, napi_create_array(call.env, &gpus));
  set(call.env, result, "version", fromDouble(call.env, version));
  set(call.env, result, "gpus", gpus);
  int count = 0;
  // `init` fails if there is no usable GPU.
  if (driver->init(0) != 0 || driver->count(&count) != 0) return result;
  for (int i = 0; i < count; i++) {
    check(call.env, napi_set_element(call.env, gpus, static_cast<uint32_t>(i), describeGpu(call.env, *driver, i)));
  }
  return result;
}

}  // namespace

void defineGpus(napi_env env, napi_value exports) { define<cudaDriver>(env, exports, "cudaDriver"); }

}  // namespace addon
