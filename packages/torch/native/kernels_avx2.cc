// The loops with vectors of 8 numbers, for processors with AVX2.
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx2,fma")
#define LEVEL avx2
#define LANES 8
#include "kernels_of_level.h"

namespace addon {

extern const Kernels kernelsAvx2;
const Kernels kernelsAvx2 = avx2::table();

}  // namespace addon
#endif
