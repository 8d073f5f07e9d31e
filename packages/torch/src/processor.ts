/** Features of the processor. */
import { readFileSync } from "node:fs";

/**
 * Whether the processor has instructions for products of bfloat16 (AVX-512 BF16 or AMX). Without them libtorch computes
 * them slowly, and partly with sums in bfloat16.
 */
export function processorHasBfloat16(): boolean {
  known ??= read();
  return known;
}

let known: boolean | undefined;

function read(): boolean {
  try {
    return /\b(avx512_bf16|amx_bf16)\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    return false;
  }
}
