// A process group: the processes that train one network, and their collective operations, by libtorch's c10d.
#pragma once

#include "common.h"
#include "compat.h"

#ifdef ADDON_GLOO

#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#ifdef ADDON_NCCL
#define USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace addon::group {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;
using Store = c10::intrusive_ptr<c10d::Store>;
using Lock = std::unique_lock<std::mutex>;

enum class Kind : int64_t { allReduce, broadcast, allGather, barrier };
constexpr const char* kReductions[] = {"sum", "avg", "min", "max"};

/// What an operation was called with: the same on all ranks.
struct Signature {
  static constexpr int64_t kMostDims = 8;
  /// number, kind, reduction or root, dtype, hash of the strides, dims, sizes
  std::array<int64_t, 6 + kMostDims> values{};

  Signature(int64_t number, Kind kind, int64_t option, const at::Tensor* tensor) {
    values[0] = number;
    values[1] = static_cast<int64_t>(kind);
    values[2] = option;
    if (!tensor) return;
    values[3] = static_cast<int64_t>(tensor->scalar_type());
    values[5] = tensor->dim();
    for (int64_t i = 0; i < tensor->dim(); i++) {
      values[4] = values[4] * 1000003 + (tensor->size(i) == 1 ? 1 : tensor->stride(i));
      values[6 + i] = tensor->size(i);
    }
  }
};

/// One collective operation of this rank. It holds its tensors until libtorch's threads are done with them.
struct Operation {
  Kind kind;
  Signature signature;
  std::vector<at::Tensor> tensors;
  std::function<c10::intrusive_ptr<c10d::Work>()> start;
  c10::intrusive_ptr<c10d::Work> work;
  Clock::time_point begin;
  bool taken = false;
  bool finished = false;
  std::string error;
  /// To divide by the number of ranks when it is waited for.
  at::Tensor average;
};
using Operations = std::deque<std::shared_ptr<Operation>>;

struct Group {
  int rank, size;
  Milliseconds timeout;
  bool nccl;
  Store store;
  c10::intrusive_ptr<CollectiveBackend> backend;

  std::mutex mutex;
  /// Notified when anything below changes.
  std::condition_variable changed;
  /// Not yet finished, the oldest first.
  Operations pending;
  int64_t count = 0;
  bool closed = false;
  /// The first failure, and the operation that failed; nothing runs after it.
  std::string failure;
  Signature failed{-1, Kind::barrier, 0, nullptr};
  /// What each rank answered, once `asked`; "" for a rank without an answer. Empty if the store did not answer.
  std::vector<std::string> answers;
  bool asked = false;
  int threads = 0;
};
using SharedGroup = std::shared_ptr<Group>;

/// Starts the threads that run the group's operations and watch for failures. They outlive the JavaScript object if
/// libtorch blocks them.
void startThreads(const SharedGroup& group);

/// How long a rank that failed waits for the answers of the others.
constexpr Milliseconds kAnswerTime(1500);

/// The message of the exception that is being handled, in one line.
std::string currentMessage();

/// The text of a key; waits until there is one.
std::string textAt(c10d::Store& store, const std::string& key);

/// What `makeGroup` needs to know.
struct Options {
  std::string backend, kind, place, prefix;
  int rank, size, port;
  bool server;
  Milliseconds timeout;
};

/// Why a group could not be made. `missing`: ranks that did not come.
struct RendezvousError : std::runtime_error {
  std::string stage;
  std::vector<int64_t> missing;
  RendezvousError(const std::string& stage, const std::string& text, std::vector<int64_t> missing = {})
      : std::runtime_error(text), stage(stage), missing(std::move(missing)) {}
};

/// Connects to the other ranks.
/// @throws RendezvousError
SharedGroup makeGroup(const Options& options);

}  // namespace addon::group

#endif
