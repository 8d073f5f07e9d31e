// Cross-attention from the positions of an image to a few tokens, in one pass forward and one backward:
//
//   a_j = softmax_t(x_j · k_t),   y_i,j = Σ_t a_j,t · v_i,t
//
// with several values v_i that share the attention (γ and β of SD-GAN's word-level SCBN). libtorch's operators compute
// the products sample by sample and pass over the scores five times. Sums are in float32 for bfloat16 too.
// Registered as `node_torch::cross_attention`; other dtypes, layouts and GPUs use libtorch's operators.
#include <torch/csrc/autograd/custom_function.h>

#include <limits>
#include <memory>

#include "common.h"
#include "cross_attention_pass.h"
#include "differentiable.h"
#include "registration.h"

namespace addon {
namespace {

using at::Tensor;
using torch::autograd::variable_list;

bool isPlain(const Tensor& tensor, const Tensor& like, at::IntArrayRef sizes) {
  return tensor.device().is_cpu() && tensor.scalar_type() == like.scalar_type() && tensor.sizes() == sizes &&
         tensor.numel() > 0;
}

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
variable_list forward(const Inputs& in) {
  const int64_t B = in.x.size(0), C = in.x.size(1), tokens = in.tokens();
  variable_list results{at::empty({B, in.positions(), tokens}, in.x.options())};
  for (const Tensor& value : in.values) results.push_back(emptyRows(in.x, value.size(2)));
  const auto floats = [](const cross::Sample& sample) { return cross::kBlock * (sample.used + 2 * sample.widest); };
  forPositions<T>(in, floats, [&](const cross::Sample& sample, float* room, int64_t first, int64_t positions) {
    std::vector<T*> y;
    for (size_t i = 0; i < in.values.size(); i++) {
      y.push_back(dataOf<T>(results[i + 1]) + first * in.values[i].size(2));
    }
    kernelsOf<T>().crossAttention.forward(sample, dataOf<T>(in.x) + first * C, positions,
                                          dataOf<T>(results[0]) + first * tokens, y.data(), room);
  });
  return results;
}

/// Gradients of x, keys and values.
template <class T>
variable_list backward(const Inputs& in, const variable_list& outputs) {
  const int64_t N = in.positions(), C = in.x.size(1), tokens = in.tokens();
  const Tensor dx = emptyRows(in.x);
  variable_list gradients{at::empty_like(in.keys)};
  for (const Tensor& value : in.values) gradients.push_back(at::empty_like(value));
  const auto floats = [](const cross::Sample& sample) { return cross::kBlock * (2 * sample.used + 3 * sample.widest); };
  forImages<T>(in, floats, gradients,
               [&](const cross::Sample& sample, float* room, int64_t b, const cross::SampleGradients& sums) {
                 std::vector<const T*> dy;
                 for (size_t i = 0; i < in.values.size(); i++) {
                   const T* gradient = dataOf<T>(outputs[i + 1]);
                   dy.push_back(gradient ? gradient + b * N * in.values[i].size(2) : nullptr);
                 }
                 const T* dAttention = dataOf<T>(outputs[0]);
                 kernelsOf<T>().crossAttention.backward(sample, dataOf<T>(in.x) + b * N * C, N,
                                                        dAttention ? dAttention + b * N * tokens : nullptr, dy.data(),
                                                        dataOf<T>(dx) + b * N * C, sums, room);
               });
  gradients.insert(gradients.begin(), dx);
  return gradients;
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
      variable_list inputs{in.x, in.keys};
      inputs.insert(inputs.end(), in.values.begin(), in.values.end());
      gradients = differentiableGradients(inputs, outputs, [&](const variable_list& own) {
        return compose(own[0], own[1], in.absent, at::TensorList(own).slice(2));
      });
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
};

}  // namespace

bool haveLoops(const Tensor& features, const Tensor& keys, const Tensor& absent, std::vector<Tensor>& values) {
  if (features.dim() != 4 || absent.dim() != 2) return false;
  const int64_t B = features.size(0), C = features.size(1), T = absent.size(1);
  if (!absent.device().is_cpu() || absent.scalar_type() != at::kBool || absent.size(0) != B) return false;
  if (features.scalar_type() != at::kFloat && features.scalar_type() != at::kBFloat16) return false;
  if (!isPlain(features, features, features.sizes()) || !isPlain(keys, features, {B, T, C})) return false;
  for (Tensor& value : values) {
    if (value.dim() != 3 || !isPlain(value, features, {B, T, value.size(2)})) return false;
    value = value.contiguous();
  }
  return true;
}

/// features [B, C, H, W], keys [B, T, C], absent [B, T], values [B, T, any] → attention [B, H·W, T], contexts.
variable_list crossAttention(const Tensor& features, const Tensor& keys, const Tensor& absent, at::TensorList values) {
  if (features.dim() != 4) throw ArgumentError("features: expected [B, C, H, W], found " + describe(features));
  std::vector<Tensor> rows = values.vec();
  if (!haveLoops(features, keys, absent, rows)) return compose(features, keys, absent, values);
  return CrossAttention::apply(features.contiguous(at::MemoryFormat::ChannelsLast), keys.contiguous(),
                               absent.contiguous(), at::TensorList(rows));
}

void defineCrossAttention(torch::Library& library) {
  library.def("cross_attention(Tensor features, Tensor keys, Tensor absent, Tensor[] values) -> Tensor[]",
              crossAttention);
}

}  // namespace addon
