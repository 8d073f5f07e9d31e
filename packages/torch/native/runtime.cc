// Threads of the process, and properties and settings of this libtorch.
#include <ATen/Parallel.h>
#include <ATen/Version.h>

#ifdef __linux__
#include <sched.h>
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

#ifdef __linux__
/// The processors that this thread may run on, until the end of a block.
class Affinity {
 public:
  explicit Affinity(const cpu_set_t& processors) {
    bound_ = sched_getaffinity(0, sizeof before_, &before_) == 0 &&
             sched_setaffinity(0, sizeof processors, &processors) == 0;
  }
  ~Affinity() {
    if (bound_) sched_setaffinity(0, sizeof before_, &before_);
  }
  Affinity(const Affinity&) = delete;
  Affinity& operator=(const Affinity&) = delete;

 private:
  cpu_set_t before_;
  bool bound_;
};
#endif

/// onProcessors(processors, fn): calls fn while this thread is bound to these processors, which the threads that it
/// starts inherit. If the system refuses or does not support it, fn is called anyway.
napi_value onProcessors(Call& call) {
#ifdef __linux__
  cpu_set_t processors;
  CPU_ZERO(&processors);
  for (napi_value value : toVector(call.env, call[0], "processors")) {
    const int64_t processor = toInteger(call.env, value, "processors");
    if (processor >= 0 && processor < CPU_SETSIZE) CPU_SET(static_cast<size_t>(processor), &processors);
  }
  const Affinity affinity(processors);
#endif
  napi_value result;
  check(call.env, napi_call_function(call.env, undefined(call.env), call[1], 0, nullptr, &result));
  return result;
}

napi_value synchronize(Call& call) {
  if (at::hasCUDA()) synchronizeCuda();
  return undefined(call.env);
}

/// version(): the version of the libtorch that this addon was built against.
napi_value version(Call& call) { return fromString(call.env, TORCH_VERSION); }

/// config(): libtorch's description of how it was built.
napi_value config(Call& call) { return fromString(call.env, at::show_config()); }

napi_value parallelInfo(Call& call) { return fromString(call.env, at::get_parallel_info()); }

napi_value hasCuda(Call& call) { return fromBool(call.env, at::hasCUDA()); }

napi_value hasMkldnn(Call& call) { return fromBool(call.env, at::hasMKLDNN()); }

/// setMkldnn(enabled): whether convolutions may use oneDNN's kernels.
napi_value setMkldnn(Call& call) {
  at::globalContext().setUserEnabledMkldnn(toBool(call.env, call[0], "setMkldnn"));
  return undefined(call.env);
}

/// setTf32(allowed): whether a GPU may round the factors of float32 products to 10 bits. libtorch's default is yes for
/// convolutions and no for matrix products.
napi_value setTf32(Call& call) {
  const bool allowed = toBool(call.env, call[0], "setTf32");
  at::globalContext().setAllowTF32CuBLAS(allowed);
  at::globalContext().setAllowTF32CuDNN(allowed);
  return undefined(call.env);
}

/// setCudnnBenchmark(enabled): whether cuDNN tries its algorithms on every new shape of a convolution, and keeps the fastest.
napi_value setCudnnBenchmark(Call& call) {
  at::globalContext().setBenchmarkCuDNN(toBool(call.env, call[0], "setCudnnBenchmark"));
  return undefined(call.env);
}

}  // namespace

void defineRuntime(napi_env env, napi_value exports) {
  define<setThreads>(env, exports, "setThreads");
  define<threads>(env, exports, "threads");
  define<onProcessors>(env, exports, "onProcessors");
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
