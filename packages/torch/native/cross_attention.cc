// Cross-attention from the positions of an image to a few tokens, in one pass forward and one backward:
//
//   a_j = softmax_t(x_j · k_t),   y_i,j = Σ_t a_j,t · v_i,t
//
// with several values v_i that share the attention (γ and β of SD-GAN's word-level SCBN). libtorch's operators compute
// the products sample by sample and pass over the scores five times. Sums are in float32 for bfloat16 too.
// Registered as `node_torch::cross_attention`; other dtypes, layouts and GPUs use libtorch's operators.
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <limits>
#include <memory>

#include "common.h"
#include "kernels.h"
#include "registration.h"

namespace addon {
namespace {

using at::Tensor;
using torch::autograd::variable_list;

/// The same with libtorch's operators: the attention, then the contexts.
variable_list compose(const Tensor& x, const Tensor& keys, const Tensor& absent, at::TensorList values) {
  const int64_t B = x.size(0), H = x.size(2), W = x.size(3);
  const Tensor positions = x.permute({0, 2, 3, 1}).reshape({B, H * W, x.size(1)});
  const Tensor scores = positions.bmm(keys.transpose(1, 2));
  const Tensor attention =
      scores.masked_fill(absent.unsqueeze(1), -std::numeric_limits<double>::infinity()).softmax(2);
  variable_list results{attention};
  for (const Tensor& value : values) {
    results.push_back(attention.bmm(value).view({B, H, W, value.size(2)}).permute({0, 3, 1, 2}));
  }
  return results;
}

template <class T>
const T* dataOf(const Tensor& tensor) {
  return tensor.defined() ? static_cast<const T*>(tensor.data_ptr()) : nullptr;
}

/// Rounded up to whole vectors.
int64_t padded(int64_t n) { return (n + kernels().lanes - 1) / kernels().lanes * kernels().lanes; }

/// The numbers of a `cross::Table`.
struct Table {
  int64_t C, stride;
  std::vector<float> rows, columns;

  template <class T>
  Table(const T* data, int64_t tokens, int64_t C)
      : C(C), stride(padded(C)), rows(tokens * stride), columns(stride * padded(tokens)) {
    for (int64_t t = 0; t < tokens; t++) {
      for (int64_t c = 0; c < C; c++) rows[t * stride + c] = columns[c * padded(tokens) + t] = load(data[t * C + c]);
    }
  }

  cross::Table view() const { return {C, stride, rows.data(), columns.data()}; }
};

/// One sample's keys and values, prepared for the loops. Trailing tokens that are absent are left out.
struct Sample {
  std::vector<float> present, bias;
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
    const int64_t L = padded(used);
    for (int64_t t = 0; t < L; t++) {
      const bool isPresent = t < used && !absent[t];
      present.push_back(isPresent ? 1.0f : 0.0f);
      bias.push_back(isPresent ? 0.0f : -std::numeric_limits<float>::infinity());
    }
    tables.emplace_back(keys, used, C);
    for (size_t i = 0; i < widths.size(); i++) tables.emplace_back(values[i], used, widths[i]);
    int64_t widest = 0;
    for (const Table& table : tables) {
      views.push_back(table.view());
      widest = std::max(widest, table.stride);
    }
    const auto count = static_cast<int64_t>(widths.size());
    view = {tokens, used, L, present.data(), bias.data(), views[0], views.data() + 1, count, widest};
  }

  /// Room for the loops; `times` is 2 backward.
  std::vector<float> room(int64_t times) const {
    return std::vector<float>(times * cross::kBlock * (view.L + view.widest));
  }
};

/// x with its channels contiguous at every position, keys, absent tokens and values.
struct Inputs {
  const Tensor &x, &keys, &absent;
  std::vector<Tensor> values;

  int64_t positions() const { return x.size(2) * x.size(3); }
  int64_t tokens() const { return keys.size(1); }

  template <class T>
  std::unique_ptr<const Sample> sample(int64_t b) const {
    std::vector<const T*> rows;
    std::vector<int64_t> widths;
    for (const Tensor& value : values) {
      rows.push_back(dataOf<T>(value) + b * tokens() * value.size(2));
      widths.push_back(value.size(2));
    }
    return std::make_unique<const Sample>(dataOf<T>(keys) + b * tokens() * x.size(1),
                                          absent.data_ptr<bool>() + b * tokens(), rows, widths, tokens(), x.size(1));
  }
};

/// A new image with the channels contiguous at every position.
Tensor emptyRows(const Tensor& x, int64_t channels) {
  return at::empty({x.size(0), channels, x.size(2), x.size(3)}, x.options(), at::MemoryFormat::ChannelsLast);
}

/// Positions of a task: a thread's share of a single large image.
constexpr int64_t kTask = 1024;

template <class T>
variable_list forward(const Inputs& in) {
  const int64_t B = in.x.size(0), N = in.positions(), C = in.x.size(1), tokens = in.tokens();
  variable_list results{at::empty({B, N, tokens}, in.x.options())};
  for (const Tensor& value : in.values) results.push_back(emptyRows(in.x, value.size(2)));
  const int64_t tasks = (N + kTask - 1) / kTask;
  at::parallel_for(0, B * tasks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end;) {
      const int64_t b = task / tasks;
      const auto sample = in.sample<T>(b);
      std::vector<float> room = sample->room(1);
      for (; task < end && task / tasks == b; task++) {
        const int64_t from = task % tasks * kTask, first = b * N + from;
        std::vector<T*> y;
        for (size_t i = 0; i < in.values.size(); i++) {
          y.push_back(const_cast<T*>(dataOf<T>(results[i + 1])) + first * in.values[i].size(2));
        }
        crossAttentionLoops<T>().forward(sample->view, dataOf<T>(in.x) + first * C, std::min(kTask, N - from),
                                         const_cast<T*>(dataOf<T>(results[0])) + first * tokens, y.data(), room.data());
      }
    }
  });
  return results;
}

/// Sums of the gradients of a table, in its layout.
struct TableGradients {
  std::vector<float> rows;

  explicit TableGradients(const Table& table) : rows(table.rows.size()) {}

  /// Writes them without their padding; 0 for tokens that were left out.
  template <class T>
  void writeTo(const Tensor& gradients, int64_t b, const cross::Table& table) const {
    const int64_t tokens = gradients.size(1), used = static_cast<int64_t>(rows.size()) / table.stride;
    T* to = const_cast<T*>(dataOf<T>(gradients)) + b * tokens * table.C;
    for (int64_t t = 0; t < tokens; t++) {
      for (int64_t c = 0; c < table.C; c++) store(to[t * table.C + c], t < used ? rows[t * table.stride + c] : 0.0f);
    }
  }
};

/// Gradients of x, keys and values. An image is one thread's work, so that the sums do not depend on the threads.
template <class T>
variable_list backward(const Inputs& in, const variable_list& outputs) {
  const int64_t B = in.x.size(0), N = in.positions(), C = in.x.size(1), tokens = in.tokens();
  variable_list results{emptyRows(in.x, C), at::empty_like(in.keys)};
  for (const Tensor& value : in.values) results.push_back(at::empty_like(value));
  at::parallel_for(0, B, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; b++) {
      const auto sample = in.sample<T>(b);
      std::vector<float> room = sample->room(2);
      std::vector<TableGradients> gradients(sample->tables.begin(), sample->tables.end());
      std::vector<float*> ofValues;
      std::vector<const T*> dy;
      for (size_t i = 0; i < in.values.size(); i++) {
        ofValues.push_back(gradients[i + 1].rows.data());
        const T* gradient = dataOf<T>(outputs[i + 1]);
        dy.push_back(gradient ? gradient + b * N * in.values[i].size(2) : nullptr);
      }
      const T* dAttention = dataOf<T>(outputs[0]);
      crossAttentionLoops<T>().backward(sample->view, dataOf<T>(in.x) + b * N * C, N,
                                        dAttention ? dAttention + b * N * tokens : nullptr, dy.data(),
                                        const_cast<T*>(dataOf<T>(results[0])) + b * N * C,
                                        {gradients[0].rows.data(), ofValues.data()}, room.data());
      for (size_t i = 0; i < gradients.size(); i++) gradients[i].writeTo<T>(results[i + 1], b, sample->views[i]);
    }
  });
  return results;
}

struct CrossAttention : torch::autograd::Function<CrossAttention> {
  static variable_list forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& keys,
                               const Tensor& absent, at::TensorList values) {
    at::AutoDispatchBelowADInplaceOrView guard;
    variable_list saved{x, keys, absent};
    saved.insert(saved.end(), values.begin(), values.end());
    context->save_for_backward(saved);
    context->set_materialize_grads(false);
    const Inputs in{x, keys, absent, values.vec()};
    return x.scalar_type() == at::kBFloat16 ? addon::forward<Bfloat16>(in) : addon::forward<float>(in);
  }

  static variable_list backward(torch::autograd::AutogradContext* context, const variable_list& outputs) {
    const auto saved = context->get_saved_variables();
    const Inputs in{saved[0], saved[1], saved[2], {saved.begin() + 3, saved.end()}};
    variable_list gradients;
    if (at::GradMode::is_enabled()) {
      gradients = differentiable(in, outputs);
    } else {
      variable_list dense;
      for (size_t i = 0; i < outputs.size(); i++) {
        const auto format = i == 0 ? at::MemoryFormat::Contiguous : at::MemoryFormat::ChannelsLast;
        dense.push_back(outputs[i].defined() ? outputs[i].to(in.x.scalar_type()).contiguous(format) : Tensor());
      }
      gradients = in.x.scalar_type() == at::kBFloat16 ? addon::backward<Bfloat16>(in, dense)
                                                      : addon::backward<float>(in, dense);
    }
    gradients.insert(gradients.begin() + 2, Tensor());  // Of `absent`.
    return gradients;
  }

  /// Differentiable gradients, with libtorch's operators.
  static variable_list differentiable(const Inputs& in, const variable_list& outputs) {
    variable_list inputs{in.x, in.keys}, wanted, results, gradients;
    inputs.insert(inputs.end(), in.values.begin(), in.values.end());
    for (const Tensor& input : inputs) {
      if (input.requires_grad()) wanted.push_back(input);
    }
    const variable_list all = compose(in.x, in.keys, in.absent, in.values);
    for (size_t i = 0; i < outputs.size(); i++) {
      if (!outputs[i].defined()) continue;
      results.push_back(all[i]);
      gradients.push_back(outputs[i]);
    }
    const auto found = torch::autograd::grad(results, wanted, gradients, true, true, true);
    size_t next = 0;
    for (Tensor& input : inputs) input = input.requires_grad() ? found[next++] : Tensor();
    return inputs;
  }
};

bool isPlain(const Tensor& tensor, const Tensor& like, at::IntArrayRef sizes) {
  return tensor.device().is_cpu() && tensor.scalar_type() == like.scalar_type() && tensor.sizes() == sizes &&
         tensor.numel() > 0;
}

/// features [B, C, H, W], keys [B, T, C], absent [B, T], values [B, T, any] → attention [B, H·W, T], contexts.
variable_list crossAttention(const Tensor& features, const Tensor& keys, const Tensor& absent, at::TensorList values) {
  if (features.dim() != 4) throw ArgumentError("features: expected [B, C, H, W], found " + describe(features));
  const int64_t B = features.size(0), C = features.size(1), T = absent.dim() == 2 ? absent.size(1) : -1;
  bool fits = features.device().is_cpu() && features.numel() > 0 && absent.device().is_cpu() &&
              (features.scalar_type() == at::kFloat || features.scalar_type() == at::kBFloat16) &&
              absent.scalar_type() == at::kBool && absent.sizes() == at::IntArrayRef({B, T}) &&
              isPlain(keys, features, {B, T, C});
  std::vector<Tensor> rows;
  for (const Tensor& value : values) {
    fits = fits && value.dim() == 3 && isPlain(value, features, {B, T, value.size(2)});
    if (fits) rows.push_back(value.contiguous());
  }
  if (!fits) return compose(features, keys, absent, values);
  return CrossAttention::apply(features.contiguous(at::MemoryFormat::ChannelsLast), keys.contiguous(),
                               absent.contiguous(), at::TensorList(rows));
}

}  // namespace

void defineCrossAttention(torch::Library& library) {
  library.def("cross_attention(Tensor features, Tensor keys, Tensor absent, Tensor[] values) -> Tensor[]",
              crossAttention);
}

}  // namespace addon
