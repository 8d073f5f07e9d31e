// Loops over the elements of many tensors.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

namespace addon {

/// Whether both have their elements in the same order in memory. Strides of dimensions of extent 1 may differ.
inline bool sameOrder(const at::Tensor& a, const at::Tensor& b) {
  if (a.strides() == b.strides()) return a.is_non_overlapping_and_dense();
  for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    if (a.is_contiguous(format) && b.is_contiguous(format)) return true;
  }
  return false;
}

/// Calls work(i, first, last) for the elements of the tensors that `indexes` names, in threads that share all elements.
template <class Work>
void forElements(at::TensorList tensors, const std::vector<size_t>& indexes, const Work& work) {
  std::vector<int64_t> ends;
  int64_t total = 0;
  for (const size_t i : indexes) ends.push_back(total += tensors[i].numel());
  at::parallel_for(0, total, 1 << 15, [&](int64_t begin, int64_t end) {
    auto next = std::upper_bound(ends.begin(), ends.end(), begin);
    for (int64_t at = begin; at < end; next++) {
      const size_t i = indexes[next - ends.begin()];
      const int64_t start = *next - tensors[i].numel(), stop = std::min(end, *next);
      work(i, at - start, stop - start);
      at = stop;
    }
  });
}

}  // namespace addon
