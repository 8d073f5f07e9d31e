// Measures the time of every operator that libtorch runs, including those of backward passes.
#include <ATen/record_function.h>

#include <chrono>
#include <map>

#include "common.h"

namespace addon {
namespace {

using Clock = std::chrono::steady_clock;

/// All calls of one operator; in milliseconds.
struct Time {
  int64_t calls = 0;
  double total = 0;
  double own = 0;
};

/// One profile at a time per thread. Backward passes on the CPU run in the thread that starts them.
struct Profile {
  std::map<std::string, Time> times;
  /// For each running operator, the milliseconds of the operators that it called.
  std::vector<double> inside;
};
thread_local Profile* current = nullptr;

struct Running : at::ObserverContext {
  Clock::time_point begin;
};

std::unique_ptr<at::ObserverContext> onBegin(const at::RecordFunction&) {
  if (!current) return nullptr;
  auto running = std::make_unique<Running>();
  current->inside.push_back(0);
  running->begin = Clock::now();
  return running;
}

void onEnd(const at::RecordFunction& function, at::ObserverContext* context) {
  if (!current || !context || current->inside.empty()) return;
  const auto& running = *static_cast<Running*>(context);
  const double milliseconds = std::chrono::duration<double, std::milli>(Clock::now() - running.begin).count();
  Time& time = current->times[function.name()];
  time.calls += 1;
  time.total += milliseconds;
  time.own += milliseconds - current->inside.back();
  current->inside.pop_back();
  if (!current->inside.empty()) current->inside.back() += milliseconds;
}

void set(napi_env env, napi_value object, const char* key, napi_value value) {
  check(env, napi_set_named_property(env, object, key, value));
}

napi_value toArray(napi_env env, const Profile& profile) {
  napi_value array;
  check(env, napi_create_array(env, &array));
  uint32_t i = 0;
  for (const auto& [name, time] : profile.times) {
    napi_value row;
    check(env, napi_create_object(env, &row));
    set(env, row, "operator", fromString(env, name));
    set(env, row, "calls", fromDouble(env, static_cast<double>(time.calls)));
    set(env, row, "total", fromDouble(env, time.total));
    set(env, row, "own", fromDouble(env, time.own));
    check(env, napi_set_element(env, array, i++, row));
  }
  return array;
}

/// profile(fn): runs fn and returns the time of every operator.
napi_value profile(Call& call) {
  if (typeOf(call.env, call[0]) != napi_function) throw expected(call.env, call[0], "", "a function");
  if (current) throw std::runtime_error("a profile is being taken already");
  Profile taken;
  struct Guard {
    at::CallbackHandle handle;
    ~Guard() {
      at::removeCallback(handle);
      current = nullptr;
    }
  };
  current = &taken;
  const Guard guard{at::addThreadLocalCallback(
      at::RecordFunctionCallback(onBegin, onEnd)
          .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}))};
  napi_value result;
  check(call.env, napi_call_function(call.env, undefined(call.env), call[0], 0, nullptr, &result));
  return toArray(call.env, taken);
}

}  // namespace

void defineProfiler(napi_env env, napi_value exports) { define<profile>(env, exports, "profile"); }

}  // namespace addon
