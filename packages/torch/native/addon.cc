// Defines all functions of the addon. Each topic has its own file.
#include <c10/util/Logging.h>
#include <dlfcn.h>

#include "common.h"
#include "registration.h"

namespace {

/// libtorch has threads that outlive the Worker that loaded it, so its code must never be unloaded.
void stayLoaded() {
  Dl_info self;
  if (dladdr(reinterpret_cast<void*>(&stayLoaded), &self)) dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE);
}

/// Fills the exports. Called once per thread and per copy of the addon.
napi_value initialize(addon::Call& call) {
  stayLoaded();
  // Errors become JavaScript errors, which have their own stack. Collecting libtorch's stack would take milliseconds.
  c10::SetStackTraceFetcher([]() -> std::string { return ""; });
  addon::registerOperators();
  const napi_value exports = call[0];
  addon::defineTensor(call.env, exports);
  addon::defineBytes(call.env, exports);
  addon::defineDispatch(call.env, exports);
  addon::defineAutograd(call.env, exports);
  addon::defineRandom(call.env, exports);
  addon::defineRuntime(call.env, exports);
  addon::defineMemory(call.env, exports);
  addon::defineProfiler(call.env, exports);
  addon::defineGpus(call.env, exports);
  addon::defineProcessGroup(call.env, exports);
  return exports;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value setUp, result;
  if (napi_create_function(env, "initialize", NAPI_AUTO_LENGTH, addon::entry<initialize>,
                           const_cast<char*>("libtorch's addon"), &setUp) != napi_ok ||
      napi_call_function(env, exports, setUp, 1, &exports, &result) != napi_ok) {
    return nullptr;
  }
  return exports;
}
