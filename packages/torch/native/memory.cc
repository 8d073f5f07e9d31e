// Counts the memory of tensors on the CPU, and refuses allocations for which the system would kill the process.
#include <c10/core/CPUAllocator.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <mutex>
#ifdef __GLIBC__
#include <malloc.h>
#elif defined(__APPLE__)
#include <malloc/malloc.h>
#endif

#include "common.h"
#include "machine_memory.h"

namespace addon {
namespace {

/// From this size, free memory is checked: Linux grants memory that it does not have, and kills when it is used.
constexpr size_t kLarge = size_t{1} << 30;

std::atomic<int64_t> bytesInUse{0};

size_t sizeOfBlock(void* block) {
#ifdef __GLIBC__
  return malloc_usable_size(block);
#elif defined(__APPLE__)
  return malloc_size(block);
#else
  return 0;
#endif
}

std::string inGibibytes(double bytes) {
  char text[48];
  snprintf(text, sizeof text, "%.1f GiB", bytes / (1 << 30));
  return text;
}

/// libtorch's allocator with a limit. Whether the overridden methods are const, and whether there is a `copy_data`,
/// differs between versions.
class LimitedAllocator final : public at::Allocator {
 public:
  explicit LimitedAllocator(at::Allocator* original) : original_(original) {}

  at::DataPtr allocate(size_t bytes) const {
    requireMemory(static_cast<long double>(bytes));
    void* block = original_->raw_allocate(bytes);
    if (block) bytesInUse += static_cast<int64_t>(sizeOfBlock(block));
    return {block, block, &free, at::Device(at::kCPU)};
  }
  at::DataPtr allocate(size_t bytes) { return static_cast<const LimitedAllocator*>(this)->allocate(bytes); }

  at::DeleterFnPtr raw_deleter() const override { return &free; }

  void copy_data(void* to, const void* from, size_t bytes) const { std::memcpy(to, from, bytes); }

 private:
  static at::DeleterFnPtr originalDeleter;
  friend void limit();

  static void free(void* block) {
    if (!block) return;
    bytesInUse -= static_cast<int64_t>(sizeOfBlock(block));
    originalDeleter(block);
  }

  at::Allocator* original_;
};

at::DeleterFnPtr LimitedAllocator::originalDeleter = nullptr;

/// Installed once per process, for all threads. Tensors may outlive everything, so it is never removed.
void limit() {
  static std::once_flag once;
  std::call_once(once, [] {
    at::Allocator* original = c10::GetCPUAllocator();
    LimitedAllocator::originalDeleter = original->raw_deleter();
    if (LimitedAllocator::originalDeleter) c10::SetCPUAllocator(new LimitedAllocator(original), 100);
  });
}

/// keepMemory(): makes glibc keep freed memory. By default it returns every large block to the system and requests it
/// again, and the page faults halve the speed of training.
napi_value keepMemory(Call& call) {
  bool kept = false;
#ifdef __GLIBC__
  // glibc before 2.35 refuses thresholds above 32 MiB.
  kept = mallopt(M_MMAP_THRESHOLD, 1 << 30) == 1 || mallopt(M_MMAP_THRESHOLD, 32 << 20) == 1;
  kept = mallopt(M_TRIM_THRESHOLD, INT32_MAX) == 1 && kept;
  kept = mallopt(M_TOP_PAD, 64 << 20) == 1 && kept;
#endif
  return fromBool(call.env, kept);
}

/// memoryInUse(): bytes of all tensors on the CPU in this process.
napi_value memoryInUse(Call& call) { return fromDouble(call.env, static_cast<double>(bytesInUse.load())); }

/// machineMemory(root): the memory for this process on the machine with the files under `root`; "" is this machine.
napi_value readMachineMemory(Call& call) {
  const MachineMemory memory = machineMemory(toString(call.env, call[0], "root"));
  napi_value result;
  check(call.env, napi_create_object(call.env, &result));
  check(call.env, napi_set_named_property(call.env, result, "total", fromDouble(call.env, memory.total)));
  check(call.env, napi_set_named_property(call.env, result, "left", fromDouble(call.env, memory.left)));
  check(call.env, napi_set_named_property(call.env, result, "limited", fromBool(call.env, memory.limited)));
  return result;
}

}  // namespace

void requireMemory(long double bytes) {
  static const MachineMemory whole = machineMemory();
  const auto has = [](const MachineMemory& memory) {
    return memory.limited ? "the limit of this process's cgroup is " : "the machine has ";
  };
  const double wanted = static_cast<double>(bytes);
  const double inUse = static_cast<double>(bytesInUse.load());
  if (wanted + inUse > whole.total) {
    throw std::runtime_error("this takes " + inGibibytes(wanted) + "; " + has(whole) + inGibibytes(whole.total) +
                             ", of which tensors hold " + inGibibytes(inUse));
  }
  if (wanted < static_cast<double>(kLarge)) return;
  const MachineMemory now = machineMemory();
  if (wanted > now.left) {
    throw std::runtime_error("this takes " + inGibibytes(wanted) + "; " + has(now) + inGibibytes(now.total) +
                             ", of which only " + inGibibytes(now.left) + " are left");
  }
}

void defineMemory(napi_env env, napi_value exports) {
  limit();
  define<keepMemory>(env, exports, "keepMemory");
  define<memoryInUse>(env, exports, "memoryInUse");
  define<readMachineMemory>(env, exports, "machineMemory");
}

}  // namespace addon
