// AttnGAN's attention of words over regions (Xu et al., 2018, §3.2): a softmax over words, then a softmax over regions
// of γ1 times that, in one pass forward and one backward.
//
// Scores of all pairs of images and captions are the largest tensor of DAMSM's losses. libtorch's operators pass over
// it eleven times; this processes one image's scores at a time, which fit into the processor's cache. It is fastest for
// scores whose words are further apart in memory than captions, [I, R, T, J], and so are its results.
// Registered as `node_torch::word_attention`; other dtypes and GPUs use libtorch's operators.
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <limits>
#include <vector>

#include "common.h"
#include "differentiable.h"
#include "kernels.h"
#include "registration.h"

namespace addon {
namespace {

using at::Tensor;

/// The same with libtorch's operators.
Tensor compose(const Tensor& scores, const Tensor& absent, double gamma) {
  const Tensor overWords = scores.masked_fill(absent, -std::numeric_limits<double>::infinity()).softmax(3);
  return overWords.mul(gamma).softmax(1);
}

/// The captions' words, [T, J] each.
struct Mask {
  std::vector<float> present, bias;

  /// @param absent [J, T]
  explicit Mask(const Tensor& absent) {
    const int64_t J = absent.size(0), T = absent.size(1);
    const bool* is = absent.data_ptr<bool>();
    for (int64_t t = 0; t < T; t++) {
      for (int64_t j = 0; j < J; j++) {
        present.push_back(is[j * T + t] ? 0.0f : 1.0f);
        bias.push_back(is[j * T + t] ? -std::numeric_limits<float>::infinity() : 0.0f);
      }
    }
  }
};

/// Calls work(image, offset of its scores, buffer) for every image of scores [I, R, T, J], on all threads.
template <class Work>
void forImages(const Tensor& scores, const Tensor& absent, double gamma, const Work& work) {
  const Mask mask(absent);
  const int64_t R = scores.size(1), T = scores.size(2), J = scores.size(3);
  const words::Image image{R, T, J, mask.present.data(), mask.bias.data(), static_cast<float>(gamma)};
  at::parallel_for(0, scores.size(0), 1, [&](int64_t begin, int64_t end) {
    std::vector<float> room(2 * T * J);
    for (int64_t i = begin; i < end; i++) work(image, i * R * T * J, room.data());
  });
}

/// [I, R, J, T] as [I, R, T, J] and the reverse: the loops' order in memory.
Tensor reordered(const Tensor& tensor) { return tensor.transpose(2, 3); }

struct WordAttention : torch::autograd::Function<WordAttention> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& given, const Tensor& absent, double gamma) {
    at::AutoDispatchBelowADInplaceOrView guard;
    const Tensor scores = reordered(given).contiguous(), attention = at::empty_like(scores);
    forImages(scores, absent, gamma, [&](const words::Image& image, int64_t at, float* room) {
      kernels().wordAttention.forward(image, scores.data_ptr<float>() + at, attention.data_ptr<float>() + at, room);
    });
    context->save_for_backward({given, absent, attention});
    context->saved_data["gamma"] = gamma;
    return reordered(attention);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& outputs) {
    const auto saved = context->get_saved_variables();
    const double gamma = context->saved_data["gamma"].toDouble();
    if (at::GradMode::is_enabled()) {
      auto gradients = differentiableGradients({saved[0]}, outputs, [&](const auto& inputs) {
        return torch::autograd::variable_list{compose(inputs[0], saved[1], gamma)};
      });
      gradients.resize(3);
      return gradients;
    }
    const Tensor scores = reordered(saved[0]).contiguous(), &attention = saved[2];
    const Tensor dAttention = reordered(outputs[0]).contiguous(), dScores = at::empty_like(scores);
    forImages(scores, saved[1], gamma, [&](const words::Image& image, int64_t at, float* room) {
      kernels().wordAttention.backward(image, scores.data_ptr<float>() + at, attention.data_ptr<float>() + at,
                                       dAttention.data_ptr<float>() + at, dScores.data_ptr<float>() + at, room);
    });
    return {reordered(dScores), Tensor(), Tensor()};
  }
};

/// scores [I, R, J, T] of images, regions, captions, words; absent [J, T]
Tensor wordAttention(const Tensor& scores, const Tensor& absent, double gamma) {
  const bool known = scores.device().is_cpu() && scores.scalar_type() == at::kFloat && absent.device().is_cpu() &&
                     absent.scalar_type() == at::kBool;
  const bool fits = known && scores.dim() == 4 && scores.numel() > 0 && absent.dim() == 2 &&
                    absent.size(0) == scores.size(2) && absent.size(1) == scores.size(3) && gamma > 0 && gamma < 40;
  if (!fits) return compose(scores, absent, gamma);
  return WordAttention::apply(scores, absent.contiguous(), gamma);
}

}  // namespace

void defineWordAttention(torch::Library& library) {
  library.def("word_attention(Tensor scores, Tensor absent, float gamma) -> Tensor", wordAttention);
}

}  // namespace addon
