// The differences between the C++ APIs of libtorch 1.13 and 2.x.
#pragma once

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <torch/csrc/api/include/torch/version.h>

#if TORCH_VERSION_MAJOR < 1 || (TORCH_VERSION_MAJOR == 1 && TORCH_VERSION_MINOR < 13)
#error "libtorch 1.13 or later is needed"
#endif

namespace c10d {
class ProcessGroup;
class Backend;
}

namespace addon {

/// What has the collective operations of gloo and NCCL.
#if TORCH_VERSION_MAJOR >= 2
using CollectiveBackend = c10d::Backend;
#else
using CollectiveBackend = c10d::ProcessGroup;
#endif

/// Newer TCP stores use libuv by default, whose functions would be Node's here.
template <class StoreOptions>
auto setLibuv(StoreOptions& options, bool uses) -> decltype(options.useLibUV = uses, void()) {
  options.useLibUV = uses;
}
inline void setLibuv(...) {}

/// Waits until the current GPU has finished all launched work.
inline void synchronizeCuda() {
  const auto& hooks = at::detail::getCUDAHooks();
  hooks.deviceSynchronize(hooks.current_device());
}

}  // namespace addon
