// One sample of cross-attention prepared for the loops over rows, and the work divided among threads.
#pragma once

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <memory>
#include <vector>

#include "common.h"
#include "kernels.h"
#include "tensor_rows.h"

namespace addon {

/// Rounded up to whole vectors.
inline int64_t padded(int64_t n) { return (n + kernels().lanes - 1) / kernels().lanes * kernels().lanes; }

/// The numbers of a `cross::Table`.
struct Table {
  int64_t C, stride;
  std::vector<float> rows;

  template <class T>
  Table(const T* data, int64_t tokens, int64_t C) : C(C), stride(padded(C)), rows(tokens * stride) {
    for (int64_t t = 0; t < tokens; t++) {
      for (int64_t c = 0; c < C; c++) rows[t * stride + c] = load(data[t * C + c]);
    }
  }

  cross::Table view() const { return {C, stride, rows.data()}; }
};

/// One sample's keys and values, prepared for the loops. Trailing tokens that are absent are left out.
struct Sample {
  std::unique_ptr<bool[]> present;
  std::vector<Table> tables;  // Keys, then values.
  std::vector<cross::Table> views;
  cross::Sample view;

  Sample(const Sample&) = delete;

  template <class T>
  Sample(const T* keys, const bool* absent, const std::vector<const T*>& values, const std::vector<int64_t>& widths,
         int64_t tokens, int64_t C) {
    int64_t used = tokens;
    while (used > 1 && absent[used - 1]) used--;
    if (absent[used - 1]) used = tokens;  // None is present.
    present = std::make_unique<bool[]>(used);
    for (int64_t t = 0; t < used; t++) present[t] = !absent[t];
    tables.reserve(1 + widths.size());
    tables.emplace_back(keys, used, C);
    for (size_t i = 0; i < widths.size(); i++) tables.emplace_back(values[i], used, widths[i]);
    int64_t widest = 0;
    for (const Table& table : tables) {
      views.push_back(table.view());
      widest = std::max(widest, table.stride);
    }
    const auto count = static_cast<int64_t>(widths.size());
    view = {tokens, used, present.get(), views[0], views.data() + 1, count, widest};
  }
};

/// x with its channels contiguous at every position, keys, absent tokens and values.
struct Inputs {
  const at::Tensor &x, &keys, &absent;
  std::vector<at::Tensor> values;

  int64_t positions() const { return x.size(2) * x.size(3); }
  int64_t tokens() const { return keys.size(1); }

  template <class T>
  std::unique_ptr<const Sample> sample(int64_t b) const {
    std::vector<const T*> rows;
    std::vector<int64_t> widths;
    for (const at::Tensor& value : values) {
      rows.push_back(dataOf<const T>(value) + b * tokens() * value.size(2));
      widths.push_back(value.size(2));
    }
    return std::make_unique<const Sample>(dataOf<const T>(keys) + b * tokens() * x.size(1),
                                          absent.data_ptr<bool>() + b * tokens(), rows, widths, tokens(), x.size(1));
  }
};

/// Sums of the gradients of one sample's keys and values, in the layout of their tables.
struct TableGradients {
  std::vector<std::vector<float>> sums;
  std::vector<float*> ofValues;

  explicit TableGradients(const Sample& sample) {
    for (const Table& table : sample.tables) sums.emplace_back(table.rows.size());
    for (size_t i = 1; i < sums.size(); i++) ofValues.push_back(sums[i].data());
  }

  cross::SampleGradients view() { return {sums[0].data(), ofValues.data()}; }

  /// Writes them to image `b` of the gradients of keys and values, without padding; 0 for tokens that were left out.
  template <class T>
  void writeTo(at::TensorList gradients, int64_t b) const {
    for (size_t i = 0; i < sums.size(); i++) {
      const int64_t tokens = gradients[i].size(1), C = gradients[i].size(2), stride = padded(C);
      const int64_t used = static_cast<int64_t>(sums[i].size()) / stride;
      T* to = dataOf<T>(gradients[i]) + b * tokens * C;
      for (int64_t t = 0; t < tokens; t++) {
        for (int64_t c = 0; c < C; c++) store(to[t * C + c], t < used ? sums[i][t * stride + c] : 0.0f);
      }
    }
  }
};

/// Whether the loops support these. `values` become contiguous.
bool haveLoops(const at::Tensor& features, const at::Tensor& keys, const at::Tensor& absent,
               std::vector<at::Tensor>& values);

/// The operator `node_torch::cross_attention`.
torch::autograd::variable_list crossAttention(const at::Tensor& features, const at::Tensor& keys,
                                              const at::Tensor& absent, at::TensorList values);

/// Positions of a task: a thread's share of a single large image.
constexpr int64_t kTask = 1024;

/// Calls work(sample, room, first position, positions) for parts of all images, in threads. Positions are counted from the
/// first of image 0. `room` has `floats(sample)` floats.
template <class T, class Floats, class Work>
void forPositions(const Inputs& in, const Floats& floats, const Work& work) {
  const int64_t N = in.positions(), tasks = (N + kTask - 1) / kTask;
  at::parallel_for(0, in.x.size(0) * tasks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end;) {
      const int64_t b = task / tasks;
      const auto sample = in.sample<T>(b);
      std::vector<float> room(floats(sample->view));
      for (; task < end && task / tasks == b; task++) {
        const int64_t from = task % tasks * kTask;
        work(sample->view, room.data(), b * N + from, std::min(kTask, N - from));
      }
    }
  });
}

/// Calls work(sample, room, b, gradients) for every image, and writes the gradients of its keys and values. An image is one
/// thread's work, so that sums do not depend on the threads.
template <class T, class Floats, class Work>
void forImages(const Inputs& in, const Floats& floats, at::TensorList gradients, const Work& work) {
  at::parallel_for(0, in.x.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; b++) {
      const auto sample = in.sample<T>(b);
      std::vector<float> room(floats(sample->view));
      TableGradients sums(*sample);
      work(sample->view, room.data(), b, sums.view());
      sums.writeTo<T>(gradients, b);
    }
  });
}

}  // namespace addon
