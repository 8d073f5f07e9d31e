// AttnGAN's attention of words over regions (Xu et al., 2018, §3.2): a softmax over words, then a softmax over regions
// of γ1 times that, in one pass forward and one backward.
//
// Scores of all pairs of images and captions are the largest tensor of DAMSM's losses. libtorch's operators pass over
// it eleven times; this processes one image's scores at a time, which fit into the processor's cache.
// Registered as `node_torch::word_attention`; other dtypes and GPUs use libtorch's operators.
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "common.h"
#include "differentiable.h"
#include "registration.h"
#include "vectorize.h"

namespace addon {
namespace {

using at::Tensor;

/// The same with libtorch's operators.
Tensor compose(const Tensor& scores, const Tensor& absent, double gamma) {
  const Tensor overWords = scores.masked_fill(absent, -std::numeric_limits<double>::infinity()).softmax(3);
  return overWords.mul(gamma).softmax(1);
}

/// Scores of one image: R rows, one per region, of J captions with T words each.
struct Image {
  int64_t R, J, T;
  const bool* absent;  // [J · T]
  float gamma;

  int64_t row() const { return J * T; }

  /// p of one row: its softmax over each caption's words. `shift` is a buffer for J · T floats.
  ALWAYS_INLINE void overWords(const float* scores, float* shift, float* p) const {
    for (int64_t j = 0; j < J; j++) {
      float most = -std::numeric_limits<float>::infinity();
      for (int64_t k = j * T; k < (j + 1) * T; k++) most = absent[k] || scores[k] < most ? most : scores[k];
      std::fill(shift + j * T, shift + (j + 1) * T, most);
    }
    for (int64_t k = 0; k < row(); k++) p[k] = exponential(scores[k] - shift[k]);
    for (int64_t k = 0; k < row(); k++) p[k] = absent[k] ? 0.0f : p[k];  // A separate loop, because only this one may branch.
    for (int64_t j = 0; j < J; j++) {
      float sum = 0;
      for (int64_t k = j * T; k < (j + 1) * T; k++) sum += p[k];
      std::fill(shift + j * T, shift + (j + 1) * T, 1 / sum);
    }
    for (int64_t k = 0; k < row(); k++) p[k] *= shift[k];
  }
};

/// `room` is a buffer for 2 · J · T floats.
VECTORIZED void attend(const Image& image, const float* scores, float* attention, float* room) {
  const int64_t row = image.row();
  const float gamma = image.gamma;
  float *shift = room, *sums = room + row;
  std::fill(sums, sums + row, 0.0f);
  for (int64_t r = 0; r < image.R; r++) {
    float* a = attention + r * row;
    image.overWords(scores + r * row, shift, a);
    for (int64_t k = 0; k < row; k++) {
      a[k] = exponential(gamma * (a[k] - 1)); // p is at most 1.
      sums[k] += a[k];
    }
  }
  for (int64_t k = 0; k < row; k++) sums[k] = 1 / sums[k];
  for (int64_t r = 0; r < image.R; r++) {
    float* a = attention + r * row;
    for (int64_t k = 0; k < row; k++) a[k] *= sums[k];
  }
}

/// `room` is a buffer for 3 · J · T floats.
VECTORIZED void attendBackward(const Image& image, const float* scores, const float* attention, const float* dAttention,
                               float* dScores, float* room) {
  const int64_t row = image.row(), T = image.T;
  const float gamma = image.gamma;
  float *shift = room, *p = room + row, *means = room + 2 * row;
  std::fill(means, means + row, 0.0f);
  for (int64_t r = 0; r < image.R; r++) {
    const float *a = attention + r * row, *da = dAttention + r * row;
    for (int64_t k = 0; k < row; k++) means[k] += a[k] * da[k];
  }
  for (int64_t r = 0; r < image.R; r++) {
    const float *a = attention + r * row, *da = dAttention + r * row;
    float* ds = dScores + r * row;
    image.overWords(scores + r * row, shift, p);
    for (int64_t k = 0; k < row; k++) ds[k] = gamma * a[k] * (da[k] - means[k]);  // ∂/∂p
    for (int64_t j = 0; j < image.J; j++) {
      float mean = 0;
      for (int64_t k = j * T; k < (j + 1) * T; k++) mean += p[k] * ds[k];
      std::fill(shift + j * T, shift + (j + 1) * T, mean);
    }
    for (int64_t k = 0; k < row; k++) ds[k] = p[k] * (ds[k] - shift[k]);
  }
}

/// Calls work(image, offset of its scores, buffer) for every image, on all threads.
template <class Work>
void forImages(const Tensor& scores, const Tensor& absent, double gamma, const Work& work) {
  const Image image{scores.size(1), scores.size(2), scores.size(3), absent.data_ptr<bool>(), static_cast<float>(gamma)};
  at::parallel_for(0, scores.size(0), 1, [&](int64_t begin, int64_t end) {
    std::vector<float> room(3 * image.row());
    for (int64_t i = begin; i < end; i++) work(image, i * image.R * image.row(), room.data());
  });
}

struct WordAttention : torch::autograd::Function<WordAttention> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& given, const Tensor& absent, double gamma) {
    at::AutoDispatchBelowADInplaceOrView guard;
    const Tensor scores = given.contiguous(), attention = at::empty_like(scores);
    forImages(scores, absent, gamma, [&](const Image& image, int64_t at, float* room) {
      attend(image, scores.data_ptr<float>() + at, attention.data_ptr<float>() + at, room);
    });
    context->save_for_backward({given, absent, attention});
    context->saved_data["gamma"] = gamma;
    return attention;
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
    const Tensor scores = saved[0].contiguous(), &attention = saved[2], dAttention = outputs[0].contiguous();
    const Tensor dScores = at::empty_like(scores);
    forImages(scores, saved[1], gamma, [&](const Image& image, int64_t at, float* room) {
      attendBackward(image, scores.data_ptr<float>() + at, attention.data_ptr<float>() + at,
                     dAttention.data_ptr<float>() + at, dScores.data_ptr<float>() + at, room);
    });
    return {dScores, Tensor(), Tensor()};
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
