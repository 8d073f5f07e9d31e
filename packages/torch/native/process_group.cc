// Process groups: collective operations between the processes that train one network, by libtorch's c10d.
//
// A thread per group (the runner) starts the operations in the order of their calls. Before each one the ranks exchange
// what they were called with, because gloo ends the process if the sizes differ. A second thread (the watcher) ends
// operations that take longer than the timeout, and answers through the store when another rank reports a failure, so
// that the ranks that do not answer are known.
#include "common.h"
#include "compat.h"
#include "registration.h"
#include "sockets.h"

#ifdef ADDON_GLOO

#define USE_C10D_GLOO
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef ADDON_NCCL
#define USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace addon {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;
using Store = c10::intrusive_ptr<c10d::Store>;
using Lock = std::unique_lock<std::mutex>;

/// How often the watcher asks the store whether a rank reported a failure. 512 ranks ask 1,024 times a second.
constexpr Milliseconds kWatchInterval(500);
/// How long a rank that failed waits for the answers of the others.
constexpr Milliseconds kAnswerTime(1500);

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

/// The message of the exception that is being handled.
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

enum class Kind : int64_t { allReduce, broadcast, allGather, barrier };
constexpr const char* kNames[] = {"allReduce", "broadcast", "allGather", "barrier"};
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

std::string textAt(c10d::Store& store, const std::string& key) {
  const auto bytes = store.get(key);
  return std::string(bytes.begin(), bytes.end());
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

// Rendezvous.

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

Store openStore(const Options& options, Clock::time_point end) {
  Store store;
  if (options.kind == "file") {
    store = c10::make_intrusive<c10d::FileStore>(options.place, options.size);
    store->setTimeout(options.timeout);
  } else {
    // libtorch would log these problems to the standard error, and would ask for the server once a second.
    const std::string problem =
        options.server ? hindranceOfPort(options.port) : waitForServer(options.place, options.port, end);
    if (!problem.empty()) throw RendezvousError(options.server ? "serve" : "reach", problem);
    c10d::TCPStoreOptions tcp;
    tcp.port = static_cast<uint16_t>(options.port);
    tcp.isServer = options.server;
    tcp.waitWorkers = false;
    tcp.timeout = options.timeout;
    setLibuv(tcp, false);
    store = c10::make_intrusive<c10d::TCPStore>(options.place, tcp);
  }
  return c10::make_intrusive<c10d::PrefixStore>(options.prefix + "sdgan", store);
}

std::string addressKey(int64_t rank) { return "address/" + std::to_string(rank); }

std::string joinedKey(int64_t rank) { return "joined/" + std::to_string(rank); }

/// Waits until all ranks have joined.
void join(c10d::Store& store, const Options& options, const std::string& address, Clock::time_point end) {
  store.set(addressKey(options.rank), std::vector<uint8_t>(address.begin(), address.end()));
  if (store.add(joinedKey(options.rank), 1) > 1) throw RendezvousError("twice", "");
  std::vector<std::string> keys;
  for (int64_t rank = 0; rank < options.size; rank++) keys.push_back(joinedKey(rank));
  while (!store.check(keys)) {
    if (store.check({"missing"})) {
      // Another rank waited for longer.
      const auto bytes = store.get("missing");
      std::vector<int64_t> missing;
      for (size_t i = 0; i + 4 <= bytes.size(); i += 4)
        missing.push_back(bytes[i] | bytes[i + 1] << 8 | bytes[i + 2] << 16 | int64_t(bytes[i + 3]) << 24);
      throw RendezvousError("join", "", missing);
    }
    if (Clock::now() > end) {
      std::vector<int64_t> missing;
      std::vector<uint8_t> bytes;
      for (int64_t rank = 0; rank < options.size; rank++) {
        if (store.check({joinedKey(rank)})) continue;
        missing.push_back(rank);
        for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<uint8_t>(rank >> shift));
      }
      store.set("missing", bytes);
      // The store ends with rank 0, so it gives the others time to read this.
      if (options.server) std::this_thread::sleep_for(Milliseconds(500));
      throw RendezvousError("join", "", missing);
    }
    std::this_thread::sleep_for(Milliseconds(30));
  }
}

/// The network interface to use; "" if none is named.
std::string interfaceName() {
  const char* name = getenv("GLOO_SOCKET_IFNAME");
  return name ? name : "";
}

std::shared_ptr<::gloo::transport::Device> deviceFor(const std::string& address) {
  using Gloo = c10d::ProcessGroupGloo;
  if (const std::string name = interfaceName(); !name.empty()) return Gloo::createDeviceForInterface(name);
  return address.empty() ? Gloo::createDefaultDevice() : Gloo::createDeviceForHostname(address);
}

/// Rank 0 often finds its own name as 127.0.1.1 in /etc/hosts, which no other machine reaches.
void compareAddresses(c10d::Store& store, const Options& options, const std::string& address) {
  const int other = options.rank == 0 ? 1 : 0;
  if (address.empty() || options.size == 1) return;
  const std::string theirs = textAt(store, addressKey(other));
  if (theirs.empty() || isLoopback(theirs) == isLoopback(address)) return;
  throw RendezvousError("connect", "this rank has the address " + address + ", rank " + std::to_string(other) + " has " +
                                       theirs + ", and only one of them is reachable from other machines");
}

SharedGroup makeGroup(const Options& options) {
  const auto end = Clock::now() + options.timeout;
  auto group = std::make_shared<Group>();
  group->rank = options.rank;
  group->size = options.size;
  group->timeout = options.timeout;
  group->nccl = options.backend == "nccl";
  std::string stage = "store";
  try {
    group->store = openStore(options, end);
    stage = "join";
    const bool tcp = options.kind == "tcp" && interfaceName().empty();
    const std::string address = tcp ? addressTowards(options.place) : "";
    join(*group->store, options, address, end);
    stage = "connect";
    compareAddresses(*group->store, options, address);
    const Store store = c10::make_intrusive<c10d::PrefixStore>(options.backend, group->store);
    if (!group->nccl) {
      auto gloo = c10d::ProcessGroupGloo::Options::create(options.timeout);
      gloo->devices = {deviceFor(address)};
      gloo->threads = 2;
      group->backend = c10::make_intrusive<c10d::ProcessGroupGloo>(store, options.rank, options.size, gloo);
      // Afterwards no rank needs the store any more to connect, so rank 0 may close.
      group->backend->barrier()->wait();
    }
#ifdef ADDON_NCCL
    if (group->nccl) {
      auto nccl = c10d::ProcessGroupNCCL::Options::create();
      nccl->timeout = options.timeout;
      group->backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, options.rank, options.size, nccl);
    }
#endif
  } catch (const RendezvousError&) {
    throw;
  } catch (...) {
    throw RendezvousError(stage, currentMessage());
  }
  if (!group->nccl) startThread(group, runOperations);
  startThread(group, watch);
  return group;
}

// JavaScript's side.

constexpr napi_type_tag kGroupTag = {0x8d6f0d1f4f1c4a35, 0x9a0e5f2b7c6d1e48};
constexpr napi_type_tag kWorkTag = {0x51c2a7e09b3d4f86, 0xb7d4e1f2a3c59608};

template <class Value>
napi_value wrap(napi_env env, Value value, const napi_type_tag& tag, void (*finalize)(napi_env, void*, void*)) {
  napi_value object;
  check(env, napi_create_object(env, &object));
  auto owned = std::make_unique<Value>(std::move(value));
  check(env, napi_type_tag_object(env, object, &tag));
  check(env, napi_wrap(env, object, owned.get(), finalize, nullptr, nullptr));
  owned.release();
  return object;
}

template <class Value>
Value& unwrap(napi_env env, napi_value object, const napi_type_tag& tag, const char* what) {
  bool matches = false;
  void* data = nullptr;
  if (typeOf(env, object) == napi_object) check(env, napi_check_object_type_tag(env, object, &tag, &matches));
  if (!matches || napi_unwrap(env, object, &data) != napi_ok) throw expected(env, object, "", what);
  return *static_cast<Value*>(data);
}

SharedGroup& toGroup(Call& call) { return unwrap<SharedGroup>(call.env, call[0], kGroupTag, "a process group"); }

void markClosed(Group& group) {
  const Lock lock(group.mutex);
  group.closed = true;
  for (const auto& operation : group.pending) {
    operation->finished = true;
    operation->error = "the group was closed";
  }
  group.pending.clear();
  group.changed.notify_all();
}

void finalizeGroup(napi_env, void* data, void*) {
  const std::unique_ptr<SharedGroup> group(static_cast<SharedGroup*>(data));
  markClosed(**group);
}

struct Work {
  SharedGroup group;
  std::shared_ptr<Operation> operation;
};

void finalizeWork(napi_env, void* data, void*) { delete static_cast<Work*>(data); }

/// What a rendezvous ends with, from its thread to JavaScript's.
struct Outcome {
  SharedGroup group;
  std::string stage, error;
  std::vector<int64_t> missing;
};

/// Calls callback(group) or callback(null, stage, error, missing).
void deliver(napi_env env, napi_value callback, void*, void* data) {
  const std::unique_ptr<Outcome> outcome(static_cast<Outcome*>(data));
  if (!env) return; // JavaScript has ended.
  try {
    napi_value arguments[4] = {null(env), fromString(env, outcome->stage), fromString(env, outcome->error),
                               fromIntegers(env, outcome->missing)};
    if (outcome->group) arguments[0] = wrap(env, outcome->group, kGroupTag, finalizeGroup);
    napi_value result;
    napi_call_function(env, undefined(env), callback, 4, arguments, &result);
  } catch (...) {
    // Out of memory, or JavaScript is ending.
  }
}

/// initProcessGroup(backend, rank, size, kind, place, port, server, prefix, timeout, callback)
napi_value initialize(Call& call) {
  Options options;
  options.backend = toString(call.env, call[0], "backend");
  options.rank = static_cast<int>(toInteger(call.env, call[1], "rank"));
  options.size = static_cast<int>(toInteger(call.env, call[2], "worldSize"));
  options.kind = toString(call.env, call[3], "store");
  options.place = toString(call.env, call[4], "store");
  options.port = static_cast<int>(toInteger(call.env, call[5], "port"));
  options.server = toBool(call.env, call[6], "server");
  options.prefix = toString(call.env, call[7], "prefix");
  options.timeout = Milliseconds(toInteger(call.env, call[8], "timeout"));
  napi_threadsafe_function deliverer;
  check(call.env, napi_create_threadsafe_function(call.env, call[9], nullptr, fromString(call.env, "initProcessGroup"), 0,
                                                  1, nullptr, nullptr, nullptr, deliver, &deliverer));
  // Not libuv's workers: process.exit would wait for them.
  std::thread([options, deliverer] {
    auto outcome = std::make_unique<Outcome>();
    try {
      outcome->group = makeGroup(options);
    } catch (const RendezvousError& error) {
      outcome->stage = error.stage;
      outcome->error = error.what();
      outcome->missing = error.missing;
    } catch (...) {
      outcome->error = currentMessage();
    }
    if (napi_call_threadsafe_function(deliverer, outcome.get(), napi_tsfn_blocking) == napi_ok) outcome.release();
    napi_release_threadsafe_function(deliverer, napi_tsfn_release);
  }).detach();
  return undefined(call.env);
}

/// The memory of a dense tensor as one row, without its gradient.
at::Tensor flat(const at::Tensor& tensor) {
  if (!tensor.is_non_overlapping_and_dense())
    throw ArgumentError("expected a dense tensor, found strides " + c10::str(tensor.strides()) + "; use contiguous()");
  if (tensor.dim() > Signature::kMostDims) throw ArgumentError("expected at most 8 dimensions");
  return tensor.detach().as_strided({tensor.numel()}, {1}, tensor.storage_offset());
}

/// gloo moves bytes of every dtype in this form.
at::Tensor bytesOf(const at::Tensor& tensor) { return flat(tensor).view(at::kByte); }

std::shared_ptr<Operation> enqueue(const SharedGroup& group, Kind kind, int64_t option, const at::Tensor* tensor,
                                   std::vector<at::Tensor> tensors,
                                   std::function<c10::intrusive_ptr<c10d::Work>()> start, at::Tensor average = {}) {
  std::shared_ptr<Operation> operation;
  {
    const Lock lock(group->mutex);
    if (group->closed) throw std::runtime_error("the process group is closed");
    operation = std::make_shared<Operation>(
        Operation{kind, Signature(group->count++, kind, option, tensor), std::move(tensors), std::move(start)});
    operation->average = std::move(average);
    if (!group->failure.empty()) {
      operation->finished = true;
      operation->error = group->failure;
    } else if (!group->nccl) {
      group->pending.push_back(operation);
    }
    group->changed.notify_all();
  }
  // NCCL orders operations by the streams of this thread.
  if (group->nccl) operation->work = operation->start();
  return operation;
}

napi_value start(Call& call, Kind kind, int64_t option, const at::Tensor* tensor, std::vector<at::Tensor> tensors,
                 std::function<c10::intrusive_ptr<c10d::Work>()> start, at::Tensor average = {}) {
  const SharedGroup& group = toGroup(call);
  const auto operation = enqueue(group, kind, option, tensor, std::move(tensors), std::move(start), std::move(average));
  return wrap(call.env, Work{group, operation}, kWorkTag, finalizeWork);
}

void requireDevice(const Group& group, const at::Tensor& tensor) {
  if (tensor.is_cuda() != group.nccl)
    throw ArgumentError(std::string(group.nccl ? "nccl needs a tensor on a GPU" : "gloo needs a tensor on the CPU") +
                        ", found one on " + tensor.device().str());
}

/// gloo's reductions in all supported versions of libtorch.
void requireReducible(const Group& group, at::ScalarType type, bool average) {
  constexpr at::ScalarType known[] = {at::kFloat, at::kDouble, at::kHalf, at::kChar, at::kByte, at::kInt, at::kLong};
  if (average && !at::isFloatingType(type)) throw ArgumentError("avg needs floating-point elements");
  if (group.nccl || std::find(std::begin(known), std::end(known), type) != std::end(known)) return;
  throw ArgumentError(std::string("gloo cannot reduce ") + nameOf(type) + "; convert it, for example to float32");
}

/// processGroupAllReduce(group, tensor, op): in place.
napi_value allReduce(Call& call) {
  const SharedGroup group = toGroup(call);
  const at::Tensor tensor = toTensor(call.env, call[1]);
  const std::string name = toString(call.env, call[2], "op");
  const auto found = std::find(std::begin(kReductions), std::end(kReductions), name);
  if (found == std::end(kReductions)) throw ArgumentError("op: expected sum, avg, min or max, found " + name);
  requireDevice(*group, tensor);
  requireReducible(*group, tensor.scalar_type(), name == "avg");
  using Op = c10d::ReduceOp;
  c10d::AllreduceOptions options;
  options.reduceOp = Op(name == "min" ? Op::MIN : name == "max" ? Op::MAX : Op::SUM);
  const at::Tensor row = flat(tensor);
  auto run = [group = group.get(), row, options] {
    std::vector<at::Tensor> tensors{row};
    return group->backend->allreduce(tensors, options);
  };
  return start(call, Kind::allReduce, found - std::begin(kReductions), &tensor, {row}, run,
               name == "avg" ? row : at::Tensor());
}

/// processGroupBroadcast(group, tensor, root): in place.
napi_value broadcast(Call& call) {
  const SharedGroup group = toGroup(call);
  const at::Tensor tensor = toTensor(call.env, call[1]);
  const int64_t root = toInteger(call.env, call[2], "root");
  if (root < 0 || root >= group->size)
    throw ArgumentError("root: expected a rank below " + std::to_string(group->size) + ", found " + std::to_string(root));
  requireDevice(*group, tensor);
  c10d::BroadcastOptions options;
  options.rootRank = root;
  const at::Tensor row = bytesOf(tensor);
  auto run = [group = group.get(), row, options] {
    std::vector<at::Tensor> tensors{row};
    return group->backend->broadcast(tensors, options);
  };
  return start(call, Kind::broadcast, root, &tensor, {row}, run);
}

/// processGroupAllGather(group, outputs, tensor): the tensor of each rank into its output, of the same strides.
napi_value allGather(Call& call) {
  const SharedGroup group = toGroup(call);
  const std::vector<at::Tensor> outputs = toTensors(call.env, call[1], "outputs");
  const at::Tensor tensor = toTensor(call.env, call[2]);
  requireDevice(*group, tensor);
  const at::Tensor row = bytesOf(tensor);
  std::vector<at::Tensor> rows;
  for (const at::Tensor& output : outputs) rows.push_back(bytesOf(output));
  std::vector<at::Tensor> held = rows;
  held.push_back(row);
  auto run = [group = group.get(), row, rows] {
    std::vector<at::Tensor> input{row};
    std::vector<std::vector<at::Tensor>> all{rows};
    return group->backend->allgather(all, input);
  };
  return start(call, Kind::allGather, 0, &tensor, std::move(held), run);
}

/// processGroupBarrier(group)
napi_value barrier(Call& call) {
  auto* group = toGroup(call).get();
  return start(call, Kind::barrier, 0, nullptr, {}, [group] { return group->backend->barrier(); });
}

// The sum as an operator, with a gradient. Operators take a group by its number.

std::mutex numbersMutex;

std::map<int64_t, std::weak_ptr<Group>>& groupsByNumber() {
  static std::map<int64_t, std::weak_ptr<Group>> groups;
  return groups;
}

/// processGroupNumber(group): a new number by which operators find the group.
napi_value numberOf(Call& call) {
  static int64_t last = 0;
  const SharedGroup& group = toGroup(call);
  const std::lock_guard<std::mutex> lock(numbersMutex);
  groupsByNumber()[++last] = group;
  return fromDouble(call.env, static_cast<double>(last));
}

SharedGroup groupOf(int64_t number) {
  const std::lock_guard<std::mutex> lock(numbersMutex);
  const auto found = groupsByNumber().find(number);
  const SharedGroup group = found == groupsByNumber().end() ? nullptr : found->second.lock();
  if (!group) throw ArgumentError("group: there is no process group with the number " + std::to_string(number));
  return group;
}

/// A new tensor with the sum over ranks. Blocks this thread.
at::Tensor summed(const at::Tensor& tensor, int64_t number) {
  const SharedGroup group = groupOf(number);
  requireDevice(*group, tensor);
  requireReducible(*group, tensor.scalar_type(), false);
  const at::Tensor sum = tensor.detach().clone(at::MemoryFormat::Contiguous);
  const at::Tensor row = sum.view({-1});
  auto run = [group = group.get(), row] {
    std::vector<at::Tensor> tensors{row};
    return group->backend->allreduce(tensors);
  };
  const auto operation = enqueue(group, Kind::allReduce, 0, &sum, {row}, run);
  if (group->nccl) {
    operation->work->wait();
    return sum;
  }
  Lock lock(group->mutex);
  group->changed.wait(lock, [&] { return operation->finished; });
  if (!operation->error.empty())
    throw std::runtime_error("the sum over ranks failed: " + operation->error);
  return sum;
}

/// The gradient of a sum over ranks, which every rank uses, is the sum over ranks of the gradients.
struct AllReduceSum : torch::autograd::Function<AllReduceSum> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input, int64_t group) {
    context->saved_data["group"] = group;
    return summed(input, group);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    return {apply(gradients[0], context->saved_data.at("group").toInt()), at::Tensor()};
  }
};

at::Tensor allReduceSum(const at::Tensor& input, int64_t group) { return AllReduceSum::apply(input, group); }

Work& toWork(Call& call) { return unwrap<Work>(call.env, call[0], kWorkTag, "an operation of a process group"); }

/// processGroupWait(work): blocks until it is done. Undefined, or after a failure [error, number, answers]; `answers`:
/// a string for each rank, empty without an answer; null if the store did not answer.
napi_value wait(Call& call) {
  const Work work = toWork(call);
  Group& group = *work.group;
  if (group.nccl) {
    work.operation->work->wait();
  } else {
    Lock lock(group.mutex);
    group.changed.wait(lock, [&] { return work.operation->finished; });
    if (!work.operation->error.empty()) {
      group.changed.wait_for(lock, kAnswerTime + Milliseconds(500), [&] { return group.asked || group.closed; });
      napi_value result, answers = null(call.env);
      if (!group.answers.empty()) {
        check(call.env, napi_create_array(call.env, &answers));
        for (uint32_t i = 0; i < group.answers.size(); i++)
          check(call.env, napi_set_element(call.env, answers, i, fromString(call.env, group.answers[i])));
      }
      check(call.env, napi_create_array(call.env, &result));
      check(call.env, napi_set_element(call.env, result, 0, fromString(call.env, work.operation->error)));
      const auto number = static_cast<double>(work.operation->signature.values[0]);
      check(call.env, napi_set_element(call.env, result, 1, fromDouble(call.env, number)));
      check(call.env, napi_set_element(call.env, result, 2, answers));
      return result;
    }
  }
  if (work.operation->average.defined()) {
    const at::NoGradGuard guard;
    work.operation->average.div_(group.size);
    work.operation->average.reset();
  }
  return undefined(call.env);
}

/// processGroupIsDone(work): whether `wait` would not block.
napi_value isDone(Call& call) {
  const Work work = toWork(call);
  if (work.group->nccl) return fromBool(call.env, work.operation->work->isCompleted());
  const Lock lock(work.group->mutex);
  return fromBool(call.env, work.operation->finished);
}

/// processGroupClose(group): frees sockets and threads, as soon as no operation runs.
napi_value closeGroup(Call& call) {
  const SharedGroup group = toGroup(call);
  markClosed(*group);
  Lock lock(group->mutex);
  if (group->threads == 0) {
    auto backend = std::move(group->backend);
    auto store = std::move(group->store);
    lock.unlock();
    std::thread([backend = std::move(backend), store = std::move(store)]() mutable {
      backend.reset();
      store.reset();
    }).detach();
    return undefined(call.env);
  }
  group->changed.wait_for(lock, Milliseconds(500), [&] { return group->threads == 0; });
  return undefined(call.env);
}

}  // namespace

void defineAllReduceSum(torch::Library& library) {
  library.def("all_reduce_sum(Tensor input, int group) -> Tensor", allReduceSum);
}

void defineProcessGroup(napi_env env, napi_value exports) {
  define<initialize>(env, exports, "initProcessGroup");
  define<allReduce>(env, exports, "processGroupAllReduce");
  define<broadcast>(env, exports, "processGroupBroadcast");
  define<allGather>(env, exports, "processGroupAllGather");
  define<barrier>(env, exports, "processGroupBarrier");
  define<wait>(env, exports, "processGroupWait");
  define<isDone>(env, exports, "processGroupIsDone");
  define<numberOf>(env, exports, "processGroupNumber");
  define<closeGroup>(env, exports, "processGroupClose");
#ifdef ADDON_NCCL
  check(env, napi_set_named_property(env, exports, "hasNccl", fromBool(env, true)));
#else
  check(env, napi_set_named_property(env, exports, "hasNccl", fromBool(env, false)));
#endif
}

}  // namespace addon

#else

namespace addon {

/// Without gloo's headers there are no process groups.
void defineProcessGroup(napi_env, napi_value) {}
void defineAllReduceSum(torch::Library&) {}

}  // namespace addon

#endif
