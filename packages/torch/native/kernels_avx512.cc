// The loops with vectors of 16 numbers, for processors with AVX512.
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")
#define LEVEL avx512
#define LANES 16
#include "kernels_of_level.h"

namespace addon {

extern const Kernels kernelsAvx512;
const Kernels kernelsAvx512 = avx512::table();

}  // namespace addon
#endif
