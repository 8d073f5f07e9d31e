// What is asked of an operator's arguments before libtorch gets them.
#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <vector>

namespace addon {

/// Found once for an operator; most have nothing to check.
class Soundness {
 public:
  explicit Soundness(const c10::FunctionSchema& schema);

  /// Throws when the operator is one that wrong arguments could end the process with.
  void requireChecked() const;

  /// Throws when the values are ones that libtorch would not survive.
  void require(const c10::FunctionSchema& schema, const std::vector<c10::IValue>& values) const;

  /// Whether the operator gives tensors that it writes to another shape.
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

/// Whether 64 bits hold the number of elements: a view that repeats one element may have any shape.
bool countsItsElements(const at::Tensor& tensor);

/// A tensor that could not be resized already has its new shape over its old bytes (and a negative shape is not even
/// noticed): it is made empty, so that nobody reads beyond them. Whether that was needed.
bool emptyIfOverrun(const at::Tensor& tensor);

}  // namespace addon
