// Operators that do not check their arguments: libtorch checks most arguments, but not all, and an unchecked wrong
// number crashes the process. Known cases are refused here.
#include "soundness.h"

#include <ATen/core/function_schema.h>

#include <unordered_set>

#include "common.h"

namespace addon {
namespace {

/// Operators that read or write outside of their arguments' memory when these do not fit each other, found by giving
/// every operator of libtorch 1.13 wrong arguments. Most are inner halves of public ones, which do check.
const std::unordered_set<std::string>& trustingOperators() {
  static const std::unordered_set<std::string> names = {
      "aten::_adaptive_avg_pool2d_backward",
      "aten::_adaptive_avg_pool3d_backward",
      "aten::_batch_norm_impl_index_backward",
      "aten::_cholesky_solve_helper",
      "aten::_compute_linear_combination",
      "aten::_convert_indices_from_coo_to_csr",
      "aten::_convert_indices_from_csr_to_coo",
      "aten::_ctc_loss_backward",
      "aten::_cummax_helper",
      "aten::_cummin_helper",
      "aten::_efficientzerotensor",
      "aten::_embedding_bag",
      "aten::_embedding_bag_backward",
      "aten::_embedding_bag_dense_backward",
      "aten::_embedding_bag_forward_only",
      "aten::_embedding_bag_per_sample_weights_backward",
      "aten::_embedding_bag_sparse_backward",
      "aten::_fft_c2c",
      "aten::_fft_c2r",
      "aten::_fft_r2c",
      "aten::_histogramdd_bin_edges",
      "aten::_histogramdd_from_bin_cts",
      "aten::_histogramdd_from_bin_tensors",
      "aten::_local_scalar_dense",
      "aten::_log_softmax_backward_data",
      "aten::_new_zeros_with_same_feature_meta",
      "aten::_pdist_backward",
      "aten::_remove_batch_dim",
      "aten::_reshape_alias",
      "aten::_reshape_alias_copy",
      "aten::_segment_reduce_backward",
      "aten::_slow_conv2d_backward",
      "aten::_slow_conv2d_forward",
      "aten::_sobol_engine_draw",
      "aten::_sobol_engine_ff_",
      "aten::_sobol_engine_initialize_state_",
      "aten::_sobol_engine_scramble_",
      "aten::_softmax_backward_data",
      "aten::_stack",
      "aten::_symeig_helper",
      "aten::_thnn_differentiable_gru_cell_backward",
      "aten::_thnn_differentiable_lstm_cell_backward",
      "aten::_transform_bias_rescale_qkv",
      "aten::_weight_norm",
      "aten::_weight_norm_differentiable_backward",
      "aten::_weight_norm_interface",
      "aten::_weight_norm_interface_backward",
      "aten::adaptive_max_pool2d_backward",
      "aten::adaptive_max_pool3d_backward",
      "aten::align_tensors",
      "aten::align_to",
      "aten::batch_norm_update_stats",
      "aten::choose_qparams_optimized",
      "aten::embedding_backward",
      "aten::embedding_bag",
      "aten::embedding_dense_backward",
      "aten::histogramdd",
      "aten::matrix_exp_backward",
      "aten::native_batch_norm",
      "aten::native_channel_shuffle",
      "aten::quantized_lstm_cell",
      "aten::rrelu_with_noise",
      "aten::rrelu_with_noise_",
      "aten::slow_conv3d_forward",
      "aten::unfold_backward",
  };
  return names;
}

bool isIntegerList(const c10::Argument& argument) {
  return argument.type()->kind() == c10::TypeKind::ListType &&
         argument.type()->castRaw<c10::ListType>()->getElementType()->kind() == c10::TypeKind::IntType;
}

/// Whether the operator may change the shape of tensors that it writes to.
bool writesOtherShapes(const c10::FunctionSchema& schema) {
  const std::string& name = schema.name();
  if (name.find("resize") != std::string::npos || name == "aten::set_" || name == "aten::as_strided_") return true;
  for (const c10::Argument& argument : schema.arguments()) {
    if (argument.kwarg_only() && argument.alias_info() && argument.alias_info()->isWrite()) return true;
  }
  return false;
}

bool isDivisor(const std::string& name) {
  return name == "groups" || name == "kernel_size" || name == "dilation" || name == "stride";
}

void requirePositive(int64_t value, const std::string& name) {
  if (value < 1) throw ArgumentError(name + ": " + std::to_string(value) + " is less than 1");
}

/// For `int[2] kernel_size`: one number for both, or two; none if the schema's default is empty.
void requireLength(size_t length, const c10::Argument& argument) {
  const auto wanted = static_cast<size_t>(*argument.N());
  const auto& otherwise = argument.default_value();
  const bool mayBeEmpty = otherwise && (otherwise->isNone() || (otherwise->isIntList() && otherwise->toIntList().empty()));
  if (length == wanted || length == 1 || (length == 0 && mayBeEmpty)) return;
  throw ArgumentError(argument.name() + ": expected " + std::to_string(wanted) + " numbers, found " +
                      std::to_string(length));
}

/// Packed sequences: the number of sequences that reach each position, longest first; their sum is the rows of `data`.
void requireBatchSizes(const at::Tensor& batchSizes, const at::Tensor* data) {
  if (batchSizes.dim() != 1 || batchSizes.numel() == 0 || batchSizes.scalar_type() != at::kLong ||
      !batchSizes.device().is_cpu()) {
    throw ArgumentError("batch_sizes: expected int64[n] on the CPU with n ≥ 1, found " + describe(batchSizes));
  }
  const at::Tensor list = batchSizes.contiguous();
  const int64_t* sizes = list.data_ptr<int64_t>();
  int64_t before = sizes[0];
  int64_t sum = 0;
  for (int64_t i = 0; i < list.numel(); i++) {
    if (sizes[i] < 1 || sizes[i] > before) throw ArgumentError("batch_sizes: must be positive and not increase");
    before = sizes[i];
    if (__builtin_add_overflow(sum, sizes[i], &sum)) throw ArgumentError("batch_sizes: too large");
  }
  if (data && (data->dim() == 0 || data->size(0) != sum)) {
    throw ArgumentError("batch_sizes: they add up to " + std::to_string(sum) + ", and data is " + describe(*data));
  }
}

}  // namespace

Soundness::Soundness(const c10::FunctionSchema& schema) {
  for (size_t i = 0; i < schema.arguments().size(); i++) {
    if (schema.arguments()[i].name() == "batch_sizes") batchSizes_ = i;
    if (schema.arguments()[i].name() == "data") packed_ = i;
  }
  mayResize_ = writesOtherShapes(schema);
  trusting_ = trustingOperators().count(schema.name()) > 0;
  for (size_t i = 0; i < schema.arguments().size(); i++) {
    const c10::Argument& argument = schema.arguments()[i];
    if (argument.alias_info() && argument.alias_info()->isWrite()) written_.push_back(i);
    const bool fixedList = isIntegerList(argument) && argument.N().value_or(0) >= 1;
    const bool integer = argument.type()->kind() == c10::TypeKind::IntType;
    if ((fixedList && (*argument.N() >= 2 || isDivisor(argument.name()))) || (integer && isDivisor(argument.name()))) {
      checked_.push_back(i);
    }
  }
}

void Soundness::requireChecked() const {
  if (trusting_) {
    throw std::runtime_error(
        "refused, because libtorch does not check this operator's arguments, and wrong ones crash the process");
  }
}

void Soundness::require(const c10::FunctionSchema& schema, const std::vector<c10::IValue>& values) const {
  if (batchSizes_) requireBatchSizes(values[*batchSizes_].toTensor(), packed_ ? &values[*packed_].toTensor() : nullptr);
  for (const size_t i : checked_) {
    const c10::Argument& argument = schema.arguments()[i];
    const c10::IValue& value = values[i];
    if (value.isInt()) requirePositive(value.toInt(), argument.name());
    if (!value.isIntList()) continue;
    const std::vector<int64_t> list = value.toIntVector();
    if (*argument.N() >= 2) requireLength(list.size(), argument);
    if (!isDivisor(argument.name())) continue;
    for (const int64_t item : list) requirePositive(item, argument.name());
  }
}

bool countsItsElements(const at::Tensor& tensor) {
  if (tensor.layout() != at::kStrided || tensor.is_nested()) return true;
  int64_t elements = 1;
  for (const int64_t size : tensor.sizes()) {
    if (__builtin_mul_overflow(elements, size, &elements)) return false;
  }
  return true;
}

bool emptyIfOverrun(const at::Tensor& tensor) {
  if (tensor.layout() != at::kStrided || !tensor.has_storage()) return false;
  long double last = static_cast<long double>(tensor.storage_offset());
  bool empty = false;
  bool negative = false;
  for (int64_t i = 0; i < tensor.dim(); i++) {
    empty = empty || tensor.size(i) == 0;
    negative = negative || tensor.size(i) < 0;
    last += static_cast<long double>(tensor.size(i) - 1) * static_cast<long double>(tensor.stride(i));
  }
  const long double bytes = (last + 1) * static_cast<long double>(tensor.element_size());
  const bool overrun = negative || !countsItsElements(tensor) || (!empty && bytes > static_cast<long double>(tensor.storage().nbytes()));
  if (overrun) tensor.unsafeGetTensorImpl()->set_sizes_contiguous({0});
  return overrun;
}

}  // namespace addon
