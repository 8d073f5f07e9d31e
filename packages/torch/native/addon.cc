// The addon's table of contents: libtorch for Node, in one file for each thing it does.
#include <c10/util/Logging.h>

#include "common.h"

NAPI_MODULE_INIT() {
  using namespace addon;
  try {
    // Errors become JavaScript's, which have their own stack: collecting libtorch's costs milliseconds each.
    c10::SetStackTraceFetcher([]() -> std::string { return ""; });
    defineTensor(env, exports);
    defineDispatch(env, exports);
    defineAutograd(env, exports);
    defineRandom(env, exports);
    defineRuntime(env, exports);
  } catch (const std::exception& error) {
    throwError(env, error.what(), false);
  } catch (const PendingException&) {
  }
  return exports;
}
