import type { Config } from "@sdgan/core";
import { cudaDriver, type DType, processorHasBfloat16 } from "@sdgan/torch";
import type { Device } from "./device.js";

/**
 * The dtype that the networks compute in. `auto` is bfloat16 where the device multiplies it natively, else
 * float32. `tf32` is float32 whose products a GPU may round to TF32; on the CPU it equals float32.
 */
export function computeDtype(precision: Config["training"]["precision"], device: Device = "cpu"): DType {
  if (precision === "auto") return hasBfloat16(device) ? "bfloat16" : "float32";
  return precision === "tf32" ? "float32" : precision;
}

/** Whether the CPU has instructions (AVX-512 BF16, AMX) or the GPU has units for products of bfloat16. */
export function hasBfloat16(device: Device = "cpu"): boolean {
  if (device === "cuda") return (cudaDriver()?.gpus[0]?.capability[0] ?? 0) >= 8;
  return processorHasBfloat16();
}
