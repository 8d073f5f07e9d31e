// Where the C++ API of libtorch 1.13 and of 2.x differ, they differ here.
#pragma once

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <torch/csrc/api/include/torch/version.h>

#if TORCH_VERSION_MAJOR < 1 || (TORCH_VERSION_MAJOR == 1 && TORCH_VERSION_MINOR < 13)
#error "libtorch 1.13 or later is needed"
#endif

namespace addon {

/// Waits until the current GPU has done all that was asked of it.
inline void synchronizeCuda() {
  const auto& hooks = at::detail::getCUDAHooks();
  hooks.deviceSynchronize(hooks.current_device());
}

}  // namespace addon
