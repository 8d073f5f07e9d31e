// The process around the tensors: threads, the allocator, and what this libtorch is.
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "common.h"
#include "compat.h"

namespace addon {
namespace {

napi_value setThreads(Call& call) {
  const int64_t threads = toInteger(call.env, call[0], "threads");
  if (threads < 1 || threads > 1024) throw ArgumentError("threads: expected 1 to 1024, found " + std::to_string(threads));
  at::set_num_threads(static_cast<int>(threads));
  return undefined(call.env);
}

napi_value threads(Call& call) { return fromDouble(call.env, at::get_num_threads()); }

/// keepMemory(): tells glibc to keep freed memory. By default it gives every large block back to the system and
/// asks for it anew, and the page faults halve the speed of training.
napi_value keepMemory(Call& call) {
  bool kept = false;
#ifdef __GLIBC__
  kept = mallopt(M_MMAP_THRESHOLD, 1 << 30) == 1 && mallopt(M_TRIM_THRESHOLD, INT32_MAX) == 1 &&
         mallopt(M_TOP_PAD, 64 << 20) == 1;
#endif
  return fromBool(call.env, kept);
}

napi_value synchronize(Call& call) {
  if (at::hasCUDA()) synchronizeCuda();
  return undefined(call.env);
}

/// version(): of the libtorch that this addon was built against.
napi_value version(Call& call) { return fromString(call.env, TORCH_VERSION); }

/// config(): how this libtorch was built, in its own words.
napi_value config(Call& call) { return fromString(call.env, at::show_config()); }

napi_value parallelInfo(Call& call) { return fromString(call.env, at::get_parallel_info()); }

napi_value hasCuda(Call& call) { return fromBool(call.env, at::hasCUDA()); }

napi_value hasMkldnn(Call& call) { return fromBool(call.env, at::hasMKLDNN()); }

}  // namespace

void defineRuntime(napi_env env, napi_value exports) {
  define<setThreads>(env, exports, "setThreads");
  define<threads>(env, exports, "threads");
  define<keepMemory>(env, exports, "keepMemory");
  define<synchronize>(env, exports, "synchronize");
  define<version>(env, exports, "version");
  define<config>(env, exports, "config");
  define<parallelInfo>(env, exports, "parallelInfo");
  define<hasCuda>(env, exports, "hasCuda");
  define<hasMkldnn>(env, exports, "hasMkldnn");
}

}  // namespace addon
