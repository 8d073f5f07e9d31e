// Checks of an operator's arguments before libtorch gets them.
#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <vector>

namespace addon {

/// Made once per operator; most operators have nothing to check.
class Soundness {
 public:
  explicit Soundness(const c10::FunctionSchema& schema);

  /// Throws if wrong arguments could crash the process in this operator.
  void requireChecked() const;

  /// Throws if the values would crash libtorch.
  void require(const c10::FunctionSchema& schema, const std::vector<c10::IValue>& values) const;

  /// Whether the operator may change the shape of tensors that it writes to.
  bool mayResize() const { return mayResize_; }

  /// Positions of the tensors that the operator writes to.
  const std::vector<size_t>& written() const { return written_; }

 private:
  bool trusting_ = false;
  bool mayResize_ = false;
  std::vector<size_t> checked_;
  std::vector<size_t> written_;
  std::optional<size_t> batchSizes_;
  std::optional<size_t> packed_;
};

/// Whether the number of elements fits into 64 bits: a view that repeats one element may have any shape.
bool countsItsElements(const at::Tensor& tensor);

/// A failed resize leaves a tensor with its new shape but its old bytes (and a negative shape is not detected). Such a
/// tensor is made empty, so that nothing reads beyond its bytes. Returns whether that was necessary.
bool emptyIfOverrun(const at::Tensor& tensor);

}  // namespace addon
