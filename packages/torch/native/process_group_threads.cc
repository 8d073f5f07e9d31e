// The threads of a process group.
//
// One (the runner) starts the operations in the order of their calls. Before each one the ranks exchange what they were
// called with, because gloo ends the process if the sizes differ. A second one (the watcher) ends operations that take
// longer than the timeout, and answers through the store when another rank reports a failure, so that the ranks that do
// not answer are known.
#include "process_group.h"

#ifdef ADDON_GLOO

#include <algorithm>
#include <thread>

namespace addon::group {
namespace {

/// How often the watcher asks the store whether a rank reported a failure. 512 ranks ask 1,024 times a second.
constexpr Milliseconds kWatchInterval(500);
/// One line, without the source locations that gloo and c10d put in front.
std::string oneLine(std::string text) {
  const size_t end = text.find("\nException raised from");
  if (end != std::string::npos) text.resize(end);
  while (!text.empty() && text[0] == '[' && text.find(".cc:") < text.find(']')) text.erase(0, text.find(']') + 1);
  for (char& c : text) c = c == '\n' || c == '|' ? ' ' : c;
  while (!text.empty() && (text.back() == ' ' || text.back() == '.')) text.pop_back();
  while (!text.empty() && text[0] == ' ') text.erase(0, 1);
  return text;
}

constexpr const char* kNames[] = {"allReduce", "broadcast", "allGather", "barrier"};

/// `allReduce sum of float32[2, 3]`.
std::string textOf(const int64_t* values) {
  const auto kind = static_cast<Kind>(values[1]);
  if (kind < Kind::allReduce || kind > Kind::barrier) return "an unknown operation";
  std::string text = kNames[values[1]];
  if (kind == Kind::barrier) return text;
  if (kind == Kind::allReduce) text += std::string(" ") + kReductions[values[2] & 3];
  if (kind == Kind::broadcast) text += " from rank " + std::to_string(values[2]);
  const auto dims = static_cast<size_t>(std::min(std::max<int64_t>(values[5], 0), Signature::kMostDims));
  return text + " of " + describe(static_cast<at::ScalarType>(values[3]), at::IntArrayRef(values + 6, dims));
}

/// Ends everything with the first failure. The caller holds the lock.
void fail(Group& group, const std::string& error) {
  if (group.failure.empty()) group.failure = error;
  for (const auto& operation : group.pending) {
    operation->finished = true;
    operation->error = error;
  }
  group.pending.clear();
  group.changed.notify_all();
}

/// Marks an operation as finished. The caller holds the lock.
void finish(Group& group, const std::shared_ptr<Operation>& operation, const std::string& error) {
  if (operation->finished) return;
  if (!error.empty()) {
    group.failed = operation->signature;
    return fail(group, error);
  }
  operation->finished = true;
  group.pending.erase(std::remove(group.pending.begin(), group.pending.end(), operation), group.pending.end());
  group.changed.notify_all();
}

/// Compares what the ranks were called with.
/// @throws std::runtime_error if it differs
void compareSignatures(Group& group, const Operation& operation) {
  if (group.size == 1) return;
  const auto& values = operation.signature.values;
  const auto length = static_cast<int64_t>(values.size());
  at::Tensor mine = at::empty({length}, at::kLong);
  std::copy(values.begin(), values.end(), mine.data_ptr<int64_t>());
  at::Tensor all = at::empty({group.size, length}, at::kLong);
  std::vector<at::Tensor> input{mine};
  std::vector<std::vector<at::Tensor>> outputs{all.unbind()};
  group.backend->allgather(outputs, input)->wait();
  for (int other = 0; other < group.size; other++) {
    const int64_t* theirs = all.data_ptr<int64_t>() + other * length;
    if (std::equal(values.begin(), values.end(), theirs)) continue;
    std::string mineText = textOf(values.data()), theirText = textOf(theirs);
    if (mineText == theirText) theirText += values[0] == theirs[0] ? " with other strides" : " at another position";
    throw std::runtime_error("the ranks called different operations: rank " + std::to_string(group.rank) + " " +
                             mineText + ", rank " + std::to_string(other) + " " + theirText);
  }
}

/// Runs the operations until the group is closed. Two may run at a time.
void runOperations(const SharedGroup& group) {
  Operations running;
  const auto finishFirst = [&] {
    const auto operation = running.front();
    running.pop_front();
    std::string error;
    try {
      operation->work->wait();
    } catch (...) {
      error = currentMessage();
    }
    const Lock lock(group->mutex);
    finish(*group, operation, error);
  };
  const auto next = [&]() -> std::shared_ptr<Operation> {
    const auto found = std::find_if(group->pending.begin(), group->pending.end(), [](auto& one) { return !one->taken; });
    return found == group->pending.end() ? nullptr : *found;
  };
  for (;;) {
    std::shared_ptr<Operation> operation;
    {
      Lock lock(group->mutex);
      if (running.empty()) group->changed.wait(lock, [&] { return group->closed || next(); });
      if ((operation = next())) {
        operation->taken = true;
        operation->begin = Clock::now();
      } else if (running.empty()) {
        return;
      }
    }
    if (operation) {
      try {
        compareSignatures(*group, *operation);
        operation->work = operation->start();
        running.push_back(operation);
      } catch (...) {
        const std::string error = currentMessage();
        const Lock lock(group->mutex);
        finish(*group, operation, error);
      }
    }
    if (!running.empty() && (!operation || running.size() > 1)) finishFirst();
  }
}

/// `12|allReduce sum of float32[3]|error`: the operation that runs, failed or comes next, and how it failed.
std::string stateOf(const Group& group) {
  const auto next = std::to_string(group.count) + "||";
  if (group.failure.empty() && group.pending.empty()) return next;
  const Signature& signature = group.failure.empty() ? group.pending.front()->signature : group.failed;
  if (signature.values[0] < 0) return next;
  return std::to_string(signature.values[0]) + "|" + textOf(signature.values.data()) + "|" + group.failure;
}

std::string reportKey(int rank) { return "report/" + std::to_string(rank); }

/// Reads the reports of all ranks into `reports`, until all have reported or the time is over.
void collectReports(Group& group, std::vector<std::string>& reports) {
  const auto end = Clock::now() + kAnswerTime;
  for (bool all = false; !all && Clock::now() < end;) {
    all = true;
    for (int rank = 0; rank < group.size; rank++) {
      auto& text = reports[static_cast<size_t>(rank)];
      if (text.empty() && group.store->check({reportKey(rank)})) text = textAt(*group.store, reportKey(rank));
      all = all && !text.empty();
    }
    if (!all) std::this_thread::sleep_for(Milliseconds(50));
  }
}

/// Reports this rank's state, and reads those of the others. Without the lock, because the store may block.
void exchangeReports(Group& group, const std::string& state, bool isFirst) {
  std::vector<std::string> answers(static_cast<size_t>(group.size));
  try {
    group.store->set(reportKey(group.rank), std::vector<uint8_t>(state.begin(), state.end()));
    const std::string fault = std::to_string(group.rank);
    if (isFirst) group.store->set("fault", std::vector<uint8_t>(fault.begin(), fault.end()));
    collectReports(group, answers);
  } catch (...) {
    // The store ended with rank 0. What was read until then counts.
  }
  if (std::all_of(answers.begin(), answers.end(), [](auto& answer) { return answer.empty(); })) answers.clear();
  const Lock lock(group.mutex);
  group.answers = answers;
  group.asked = true;
  group.changed.notify_all();
}

/// The rank that reported a failure; "" if none did.
std::string reporter(c10d::Store& store) {
  return store.check({"fault"}) ? textAt(store, "fault") : "";
}

/// Ends operations after the timeout; exchanges reports with the other ranks after a failure of any.
void watch(const SharedGroup& group) {
  bool storeLost = false;
  std::string first;
  auto nextLook = Clock::now() + kWatchInterval;
  Lock lock(group->mutex);
  while (!group->closed && group->failure.empty()) {
    group->changed.wait_for(lock, Milliseconds(100), [&] { return group->closed || !group->failure.empty(); });
    const auto now = Clock::now();
    if (!group->pending.empty() && group->pending.front()->taken) {
      const auto operation = group->pending.front();
      // gloo's own timeout has the better message.
      if (now - operation->begin > group->timeout + Milliseconds(500)) finish(*group, operation, "Timed out");
    }
    if (storeLost || now < nextLook) continue;
    nextLook = now + kWatchInterval;
    lock.unlock();
    try {
      first = reporter(*group->store);
    } catch (...) {
      storeLost = true; // Rank 0 may have closed its group already.
    }
    lock.lock();
    if (first.empty() || !group->failure.empty()) continue;
    if (!group->pending.empty()) group->failed = group->pending.front()->signature;
    fail(*group, "rank " + first + " reported a failure");
  }
  if (group->failure.empty()) return;
  const std::string state = stateOf(*group);
  lock.unlock();
  exchangeReports(*group, state, first.empty());
}

/// Starts a thread of the group that outlives the JavaScript object if libtorch blocks it.
void startThread(const SharedGroup& group, void (*function)(const SharedGroup&)) {
  {
    const Lock lock(group->mutex);
    group->threads++;
  }
  std::thread([group, function] {
    function(group);
    c10::intrusive_ptr<CollectiveBackend> backend;
    Store store;
    {
      const Lock lock(group->mutex);
      if (group->threads > 1) {
        group->threads--;
        group->changed.notify_all();
        return;
      }
      if (!group->closed) { // A group that failed stays until it is closed.
        group->threads = 0;
        return;
      }
      backend = std::move(group->backend);
      store = std::move(group->store);
    }
    backend.reset(); // Waits for gloo's threads.
    store.reset();
    const Lock lock(group->mutex);
    group->threads = 0;
    group->changed.notify_all();
  }).detach();
}

}  // namespace

std::string currentMessage() {
  try {
    throw;
  } catch (const c10::Error& error) {
    return oneLine(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return oneLine(error.what());
  } catch (...) {
    return "unknown C++ exception";
  }
}

std::string textAt(c10d::Store& store, const std::string& key) {
  const auto bytes = store.get(key);
  return std::string(bytes.begin(), bytes.end());
}

void startThreads(const SharedGroup& group) {
  if (!group->nccl) startThread(group, runOperations);
  startThread(group, watch);
}

}  // namespace addon::group

#endif
