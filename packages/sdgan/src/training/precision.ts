import { readFileSync } from "node:fs";
import type { DType } from "@sdgan/torch";

/** The dtype that the networks compute in: `auto` is bfloat16 where the processor multiplies it natively. */
export function computeDtype(precision: "auto" | "float32" | "bfloat16"): DType {
  return precision === "auto" ? (hasBfloat16() ? "bfloat16" : "float32") : precision;
}

/** Whether the processor has instructions for products of bfloat16 (AVX-512 BF16, AMX). */
export function hasBfloat16(): boolean {
  try {
    return /\b(avx512_bf16|amx_bf16)\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    return false;
  }
}
