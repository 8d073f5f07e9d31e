// The addon's operators, in a namespace of libtorch's dispatcher that no other copy of the addon uses.
//
// libtorch is loaded once per process, with one dispatcher, which refuses duplicate operators. The addon may be loaded
// several times, by packages that each have their own @sdgan/torch. So the first copy uses the name `node_torch`, the
// next `node_torch_2`, and each copy's JavaScript calls its own operators `node_torch`.
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
  // Never destroyed: that would remove the operators while other threads still use them.
  auto library = std::make_unique<torch::Library>(torch::Library::FRAGMENT, name, c10::nullopt, __FILE__, __LINE__);
  try {
    defineBatchNorm(*library);
    defineUpdates(*library);
    defineConvTranspose(*library);
    defineWordAttention(*library);
    defineCrossAttention(*library);
    defineAttendedBatchNorm(*library);
    defineAllReduceSum(*library);
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
