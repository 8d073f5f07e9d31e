// The addon's own operators, in a namespace of libtorch's dispatcher that no other copy of the addon has.
//
// libtorch is in a process once, with one dispatcher, which takes no operator twice; an addon may be there several times:
// two packages that each have their own @sdgan/torch. So the first takes the name `node_torch`, the next `node_torch_2`,
// and every addon's JavaScript goes on to say `node_torch` for its own.
#include <ATen/core/dispatch/Dispatcher.h>

#include <memory>
#include <mutex>

#include "common.h"
#include "registration.h"

namespace addon {
namespace {

constexpr const char* kName = "node_torch";

std::string& ownNamespace() {
  static std::string name;
  return name;
}

/// Whether the name was free.
bool registerUnder(const std::string& name) {
  // Kept for ever: its end would take the operators away from threads that still compute.
  auto library = std::make_unique<torch::Library>(torch::Library::FRAGMENT, name, c10::nullopt, __FILE__, __LINE__);
  try {
    defineBatchNorm(*library);
    defineAdam(*library);
    defineConvTranspose(*library);
    defineWordAttention(*library);
  } catch (const c10::Error&) {
    library.reset();
    if (c10::Dispatcher::singleton().findSchema({name + "::batch_norm", ""})) return false;
    throw;
  }
  library.release();
  return true;
}

}  // namespace

void registerOperators() {
  static std::once_flag once;
  std::call_once(once, [] {
    std::string name = kName;
    for (int number = 2; !registerUnder(name); number++) name = std::string(kName) + "_" + std::to_string(number);
    ownNamespace() = name;
  });
}

std::string inOwnNamespace(const std::string& name) {
  const std::string prefix = std::string(kName) + "::";
  return name.rfind(prefix, 0) == 0 ? ownNamespace() + name.substr(prefix.size() - 2) : name;
}

}  // namespace addon
