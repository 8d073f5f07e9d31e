/** Features of the processor. */
import { readFileSync } from "node:fs";

/**
 * Whether the processor has instructions for products of bfloat16 (AVX-512 BF16 or AMX). Without them libtorch computes
 * them slowly, and partly with sums in bfloat16.
 */
export function processorHasBfloat16(): boolean {
  return /\b(avx512_bf16|amx_bf16)\b/.test(description());
}

/**
 * Whether OpenBLAS may take this processor for an older one. It chooses its code by the processor's name, and versions
 * up to 0.3.21 (Debian 12) use that for AVX2 on all of AMD's processors, which is half as fast (docs/performance.md).
 */
export function openBlasIgnoresAvx512(): boolean {
  const text = description();
  return (
    text.includes("AuthenticAMD") &&
    ["f", "dq", "bw", "vl", "cd"].every((set) => new RegExp(`\\bavx512${set}\\b`).test(text))
  );
}

let known: string | undefined;

function description(): string {
  known ??= read();
  return known;
}

function read(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}
