// Chooses the loops for this processor. SDGAN_MAX_ISA=base or avx2 chooses those for older ones, for tests and
// comparisons, as ONEDNN_MAX_CPU_ISA does for convolutions.
#include "kernels.h"

#include <cstdlib>
#include <string>

#include "common.h"

namespace addon {

extern const Kernels kernelsBase;

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)

extern const Kernels kernelsAvx2, kernelsAvx512;

namespace {

const Kernels& choose() {
  const char* given = std::getenv("SDGAN_MAX_ISA");
  const std::string most = given ? given : "avx512";
  if (most != "base" && most != "avx2" && most != "avx512") {
    throw ArgumentError("SDGAN_MAX_ISA: expected base, avx2 or avx512, found \"" + most + "\"");
  }
  const bool hasAvx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (!hasAvx2 || most == "base") return kernelsBase;
  const bool hasAvx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return hasAvx512 && most == "avx512" ? kernelsAvx512 : kernelsAvx2;
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

#else

const Kernels& kernels() { return kernelsBase; }

#endif

}  // namespace addon
