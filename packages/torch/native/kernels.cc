// Chooses the loops for this processor.
#include "kernels.h"

namespace addon {

extern const Kernels kernelsBase;
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
extern const Kernels kernelsAvx2, kernelsAvx512;
#endif

const Kernels& kernels() {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  static const bool hasAvx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  static const bool hasAvx512 = hasAvx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (hasAvx512) return kernelsAvx512;
  if (hasAvx2) return kernelsAvx2;
#endif
  return kernelsBase;
}

}  // namespace addon
