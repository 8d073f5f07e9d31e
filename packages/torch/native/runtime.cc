// The process around the tensors: threads, and what this libtorch is.
#include <ATen/Parallel.h>
#include <ATen/Version.h>

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

/// setMkldnn(enabled): whether convolutions may use oneDNN's kernels.
napi_value setMkldnn(Call& call) {
  at::globalContext().setUserEnabledMkldnn(toBool(call.env, call[0], "setMkldnn"));
  return undefined(call.env);
}

/// setTf32(allowed): whether a GPU may round what float32 products multiply to 10 bits. libtorch's own default is yes in
/// convolutions and no in products of matrices.
napi_value setTf32(Call& call) {
  const bool allowed = toBool(call.env, call[0], "setTf32");
  at::globalContext().setAllowTF32CuBLAS(allowed);
  at::globalContext().setAllowTF32CuDNN(allowed);
  return undefined(call.env);
}

/// setCudnnBenchmark(enabled): whether every convolution of a new shape tries what there is, and keeps the fastest.
napi_value setCudnnBenchmark(Call& call) {
  at::globalContext().setBenchmarkCuDNN(toBool(call.env, call[0], "setCudnnBenchmark"));
  return undefined(call.env);
}

}  // namespace

void defineRuntime(napi_env env, napi_value exports) {
  define<setThreads>(env, exports, "setThreads");
  define<threads>(env, exports, "threads");
  define<synchronize>(env, exports, "synchronize");
  define<version>(env, exports, "version");
  define<config>(env, exports, "config");
  define<parallelInfo>(env, exports, "parallelInfo");
  define<hasCuda>(env, exports, "hasCuda");
  define<hasMkldnn>(env, exports, "hasMkldnn");
  define<setMkldnn>(env, exports, "setMkldnn");
  define<setTf32>(env, exports, "setTf32");
  define<setCudnnBenchmark>(env, exports, "setCudnnBenchmark");
}

}  // namespace addon
