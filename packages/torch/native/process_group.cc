// Process groups: JavaScript's side, and the sum over ranks as an operator.
#include "process_group.h"

#include "registration.h"

#ifdef ADDON_GLOO

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <map>
#include <thread>

namespace addon {
namespace {

using namespace group;

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
