// The differences between the C++ APIs of libtorch 1.13 and 2.x.
#pragma once

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <torch/csrc/api/include/torch/version.h>

#if TORCH_VERSION_MAJOR < 1 || (TORCH_VERSION_MAJOR == 1 && TORCH_VERSION_MINOR < 13)
#error "libtorch 1.13 or later is needed"
#endif

namespace addon {

/// Waits until the current GPU has finished all launched work.
inline void synchronizeCuda() {
  const auto& hooks = at::detail::getCUDAHooks();
  hooks.deviceSynchronize(hooks.current_device());
}

}  // namespace addon
