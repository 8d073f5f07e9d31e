// Tensors whose rows, all channels of a position, are contiguous in memory.
#pragma once

#include <ATen/ATen.h>

namespace addon {

/// The numbers of a tensor; null if it is undefined.
template <class T>
T* dataOf(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<T*>(tensor.data_ptr()) : nullptr;
}

/// The layout of rows for a tensor like `x`, [B, C] or [B, C, H, W]. It is decided only here.
/// `suggest_memory_format()` cannot be used: it considers strides of dimensions of extent 1, and `is_contiguous` does
/// not.
inline at::MemoryFormat formatOfRows(const at::Tensor& x) {
  return x.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
}

/// A new tensor of rows with the shape of `like`, or with another number of channels.
inline at::Tensor emptyRows(const at::Tensor& like, int64_t channels) {
  std::vector<int64_t> sizes = like.sizes().vec();
  sizes[1] = channels;
  return at::empty(sizes, like.options(), formatOfRows(like));
}
inline at::Tensor emptyRows(const at::Tensor& like) { return emptyRows(like, like.size(1)); }

}  // namespace addon
