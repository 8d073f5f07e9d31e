// Generators: streams of random numbers with a state that can be saved and restored.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include <memory>
#include <mutex>

#include "common.h"

namespace addon {
namespace {

/// libtorch's operators lock a generator while they sample, in every thread; its other methods do not lock.
class Held {
 public:
  explicit Held(at::Generator& generator) : lock_(generator.mutex()) {}

 private:
  std::lock_guard<std::mutex> lock_;
};

constexpr napi_type_tag kGeneratorTag = {0x2f1be88c90a94a5d, 0xb3d1670c5e4f8a72};

void finalize(napi_env, void* data, void*) { delete static_cast<at::Generator*>(data); }

napi_value wrap(napi_env env, at::Generator generator) {
  napi_value object;
  check(env, napi_create_object(env, &object));
  auto owned = std::make_unique<at::Generator>(std::move(generator));
  check(env, napi_type_tag_object(env, object, &kGeneratorTag));
  check(env, napi_wrap(env, object, owned.get(), finalize, nullptr, nullptr));
  owned.release();
  return object;
}

at::Generator cloneOfDefault(c10::Device device) {
  at::Generator generator = at::globalContext().defaultGenerator(device);
  const Held held(generator);
  return generator.clone();
}

/// generator(seed, device): a new generator.
napi_value create(Call& call) {
  const int64_t seed = toInteger(call.env, call[0], "seed");
  const c10::Device device(toString(call.env, call[1], "device"));
  at::Generator generator = device.is_cpu() ? at::detail::createCPUGenerator() : cloneOfDefault(device);
  generator.set_current_seed(static_cast<uint64_t>(seed)); // No other thread has it yet.
  return wrap(call.env, std::move(generator));
}

/// defaultGenerator(device): the one that operators use by default.
napi_value defaultGenerator(Call& call) {
  return wrap(call.env, at::globalContext().defaultGenerator(c10::Device(toString(call.env, call[0], "device"))));
}

napi_value getState(Call& call) {
  at::Generator& generator = toGenerator(call.env, call[0], "generator");
  at::Tensor state;
  {
    const Held held(generator);
    state = generator.get_state();
  }
  return fromTensor(call.env, std::move(state));
}

napi_value setState(Call& call) {
  at::Generator& generator = toGenerator(call.env, call[0], "generator");
  const at::Tensor state = toTensor(call.env, call[1], "state").contiguous();
  const Held held(generator);
  generator.set_state(state);
  return undefined(call.env);
}

/// manualSeed(seed): seeds libtorch's default generators, each under its lock.
napi_value manualSeed(Call& call) {
  at::manual_seed(static_cast<uint64_t>(toInteger(call.env, call[0], "seed")));
  return undefined(call.env);
}

}  // namespace

at::Generator& toGenerator(napi_env env, napi_value value, const char* what) {
  void* data = nullptr;
  bool tagged = false;
  if (typeOf(env, value) == napi_object && napi_check_object_type_tag(env, value, &kGeneratorTag, &tagged) == napi_ok &&
      tagged && napi_unwrap(env, value, &data) == napi_ok) {
    return *static_cast<at::Generator*>(data);
  }
  throw expected(env, value, what, "a generator");
}

void defineRandom(napi_env env, napi_value exports) {
  define<create>(env, exports, "generator");
  define<defaultGenerator>(env, exports, "defaultGenerator");
  define<getState>(env, exports, "getGeneratorState");
  define<setState>(env, exports, "setGeneratorState");
  define<manualSeed>(env, exports, "manualSeed");
}

}  // namespace addon
