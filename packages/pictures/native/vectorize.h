// Loops that compilers turn into vector instructions, chosen when the addon is loaded.
#pragma once

#define ALWAYS_INLINE inline __attribute__((always_inline))

// By what processors can do, and not by their names: a name is one maker's.
#if !defined(__x86_64__) || !defined(__GNUC__) || defined(__clang__)
#define VECTORIZED __attribute__((noinline))
#elif __GNUC__ >= 12
#define VECTORIZED __attribute__((noinline, target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VECTORIZED __attribute__((noinline, target_clones("avx512f", "avx2", "default")))
#endif
